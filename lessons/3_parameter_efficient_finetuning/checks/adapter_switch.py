"""Every change among two adapters and none, with ranks and alphas that differ."""

from random import Random

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close

Adapters = dict[str, tuple[Tensor, Tensor, float]]


def check(mine: Mine, rng: Random) -> None:
    for _ in range(2):
        inputs, outputs = rng.randint(6, 9), rng.randint(10, 13)
        base = torch.randn(outputs, inputs)
        ranks = dict(zip(("tra-sua", "banh-mi"), rng.sample((2, 3, 4), 2), strict=True))
        adapters = {
            name: (torch.randn(r, inputs), torch.randn(outputs, r), float(r * rng.choice((3, 4, 5)) + i))
            for i, (name, r) in enumerate(ranks.items(), start=1)
        }
        for merged, wanted in (
            ("tra-sua", None),
            (None, "tra-sua"),
            (None, None),
            ("tra-sua", "tra-sua"),
            ("tra-sua", "banh-mi"),
            ("banh-mi", "tra-sua"),
        ):
            weight = base + _update(adapters, merged)
            compare(mine.switch(weight, merged, wanted, adapters), base, merged, wanted, adapters)


def _update(adapters: Adapters, name: str | None) -> Tensor:
    if name is None:
        return torch.zeros(())
    a, b, alpha = adapters[name]
    return alpha / a.shape[0] * (b @ a)


def compare(got: Tensor, base: Tensor, merged: str | None, wanted: str | None, adapters: Adapters) -> None:
    """Raises the misconception that a wrong matrix shows."""
    right = base + _update(adapters, wanted)
    if close(got, right, tolerance=1e-3):
        return
    residue = (
        "phần còn sót nằm lại trong W, và lớn dần sau mỗi lần đổi",
        "what is left over stays in W, and grows with every change",
    )
    if merged is not None and merged == wanted and close(got, right + _update(adapters, merged), tolerance=1e-3):
        raise Wrong("merged-twice", f"{merged} đã nằm trong W mà vẫn được cộng lần nữa", f"{merged} is in W already and is added once more", got=got, wanted=right)  # fmt: skip
    if merged is not None and merged != wanted:
        a, b, _ = adapters[merged]
        stays = right + _update(adapters, merged)
        if close(got, stays, tolerance=1e-3):
            raise Wrong("not-taken-out", f"{merged} chưa được gỡ ra: {residue[0]}", f"{merged} is not taken out: {residue[1]}", got=got, wanted=right)  # fmt: skip
        if close(got, stays - b @ a, tolerance=1e-3):
            raise Wrong("alpha-forgotten", f"gỡ {merged} mà quên alpha / r: {residue[0]}", f"{merged} is taken out without its alpha / r: {residue[1]}", got=got, wanted=right)  # fmt: skip
        if wanted is not None:
            other_a, _, other = adapters[wanted]
            if close(got, stays - other / other_a.shape[0] * (b @ a), tolerance=1e-3):
                raise Wrong("others-scale", f"gỡ {merged} bằng alpha / r của {wanted}: {residue[0]}", f"{merged} is taken out with the alpha / r of {wanted}: {residue[1]}", got=got, wanted=right)  # fmt: skip
    if wanted is not None:
        a, b, _ = adapters[wanted]
        if close(got, base + b @ a, tolerance=1e-3):
            raise Wrong("alpha-forgotten", f"ghép {wanted} mà quên alpha / r", f"{wanted} is merged without its alpha / r", got=got, wanted=right)  # fmt: skip
    raise Wrong("weight-differs", f"đổi {merged} -> {wanted}: kết quả không phải trọng số gốc cộng đúng một adapter", f"{merged} -> {wanted}: the result is not the base with just one adapter", got=got, wanted=right)  # fmt: skip

"""Patches whose directions differ in strength a thousand times, against our projector's; then some with a direction that is empty."""

from random import Random
from typing import Any

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong
from smolcourse.vision.projector import Projector

WIDTH = 6
SAID = {
    "not-centred": ("ma trận tính từ patch chưa trừ trung bình: hướng của chính trung bình bị coi là hướng khác biệt mạnh nhất", "the matrix is made of patches whose mean was not taken away: the mean's own direction passes for the strongest difference"),
    "each-number-alone": ("chỉ chia từng số cho độ lệch chuẩn của nó; các số vẫn tương quan với nhau", "each number is only divided by its own deviation; they are still correlated"),
    "not-inverted": ("nhân với căn của độ mạnh: hướng mạnh càng mạnh thêm; phải chia", "multiplies by the root of the strength: the strong get stronger; divide by it"),
    "no-root": ("chia cho phương sai thay vì căn của nó: hướng mạnh nhất thành hướng yếu nhất", "divides by the variance instead of its root: the strongest direction becomes the weakest"),
    "no-floor": ("không có mức sàn: hướng gần như không khác biệt, phần lớn là nhiễu, bị thổi to bằng mọi hướng khác", "there is no floor: a direction that hardly differs, mostly noise, is blown up to the size of all others"),
    "floor-not-relative": ("mức sàn là con số cố định; nó phải theo độ mạnh trung bình, nếu không đổi thang đo của patch là đổi kết quả", "the floor is a fixed number; it goes by the mean strength, or another scale of the patches gives another result"),
    "not-turned-back": ("đã trắng nhưng không xoay về: dấu và thứ tự của các vector riêng tuỳ thư viện, mỗi máy ra một kết quả; nhân thêm directions.T", "white, but not turned back: signs and order of eigenvectors are the library's choice, so machines differ; multiply by directions.T"),
    "directions-transposed": ("xoay ngược: vector riêng của eigh nằm ở cột, nên là V diag V^T, không phải V^T diag V", "turned the wrong way: eigh keeps eigenvectors in columns, so it is V diag V^T, not V^T diag V"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for scale in (1.0, rng.choice([0.05, 30.0])):
        compare(mine, drawn() * scale, 1e-3)
    flat = drawn()
    flat[:, 2] = flat[:, 4]  # two numbers that always agree: a direction without any difference
    compare(mine, flat, 1e-3)
    compare(mine, drawn(), 0.05)


def drawn() -> Tensor:
    """Patches around a mean far from 0, turned at random."""
    turned = torch.linalg.qr(torch.randn(WIDTH, WIDTH))[0]
    strengths = torch.tensor([8.0, 4.0, 2.0, 1.0, 0.5, 0.02])
    return torch.randn(300, WIDTH) * strengths @ turned + 5 * torch.randn(WIDTH)


def ours(patches: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """Our projector's, at its own floor; the same formula at others."""
    if floor == 1e-3:
        projector = Projector(WIDTH, 4, 1)
        projector.whiten(patches)
        return projector.centre.double(), projector.whitening.double()
    return patches.double().mean(0), ways(patches, floor)["right"]


def ways(patches: Tensor, floor: float) -> dict[str, Tensor]:
    """The matrix of each known mistake."""
    samples = patches.double()
    strengths, directions = torch.linalg.eigh(torch.cov(samples.T))
    strengths = strengths.clamp_min(0)
    raised = strengths + floor * strengths.mean()

    def turned(scales: Tensor, first: Tensor = directions) -> Tensor:
        return first @ torch.diag(scales) @ first.T

    around, axes = torch.linalg.eigh(samples.T @ samples / (len(samples) - 1))
    around = around.clamp_min(0)
    variances = samples.var(0)
    return {
        "right": turned(raised.rsqrt()),
        "not-centred": turned((around + floor * around.mean()).rsqrt(), axes),
        "each-number-alone": torch.diag((variances + floor * variances.mean()).rsqrt()),
        "each-number-alone bare": torch.diag(variances.rsqrt()),
        "not-inverted": turned(raised.sqrt()),
        "no-root": turned(1 / raised),
        "no-floor": turned(strengths.rsqrt()),
        "floor-not-relative": turned((strengths + floor).rsqrt()),
        "directions-transposed": turned(raised.rsqrt(), directions.T),
    }


def near(one: Tensor, other: Tensor) -> bool:
    """Equal to a thousandth of the largest number; nothing that is not finite is near."""
    return bool(torch.isfinite(one).all()) and float((one - other).abs().max()) <= 1e-3 * float(other.abs().max())


def compare(mine: Mine, patches: Tensor, floor: float) -> None:
    """Raises the misconception that a wrong centre or matrix shows."""
    got: Any = mine.whitening(patches, floor)
    if not isinstance(got, tuple) or len(got) != 2 or not all(isinstance(part, Tensor) for part in got):
        raise Wrong("not-a-pair", "phải trả về hai tensor: centre, matrix", "return two tensors: centre, matrix", got=got)
    centre, matrix = (part.detach().double() for part in got)
    if list(centre.shape) != [WIDTH] or list(matrix.shape) != [WIDTH, WIDTH]:
        raise Wrong("shape", f"cần [{WIDTH}] và [{WIDTH}, {WIDTH}]", f"[{WIDTH}] and [{WIDTH}, {WIDTH}] are wanted", got=[list(centre.shape), list(matrix.shape)])  # fmt: skip
    wanted_centre, wanted = ours(patches, floor)
    if not near(centre, wanted_centre):
        raise Wrong("centre-differs", "centre phải là trung bình của các patch", "centre is the mean of the patches", got=centre, wanted=wanted_centre)  # fmt: skip
    if near(matrix, wanted):
        return
    shown = {"got": matrix, "wanted": wanted}
    answers = ways(patches, floor)
    for name, value in answers.items():
        plain = name.partition(" ")[0]
        if plain in SAID and near(matrix, value):
            raise Wrong(plain, *SAID[plain], **shown)
    if near(matrix @ matrix.T, wanted @ wanted):
        raise Wrong("not-turned-back", *SAID["not-turned-back"], **shown)
    largest = float(matrix.abs().max()) if bool(torch.isfinite(matrix).all()) else float("inf")
    if largest > 100 * float(wanted.abs().max()):
        raise Wrong("no-floor", *SAID["no-floor"], **shown)
    raise Wrong("matrix-differs", "ma trận không khớp: nhân với nó, patch chưa trắng", "the matrix differs: patches times it are not white", **shown)  # fmt: skip


def drive(mine: Any) -> dict[str, Any]:
    """A fresh projector is whitened by the learner's own function, on the run's own pictures."""
    from smolcourse.training import vlm_sft

    ours_of_run = vlm_sft.whiten

    def whiten(model: Any, sight: Any, examples: Any) -> None:
        projector = vlm_sft.seeing(model).projector

        def own(patches: Tensor) -> None:
            centre, matrix = mine.whitening(patches)
            projector.centre.copy_(centre)
            projector.whitening.copy_(matrix)

        projector.whiten = own
        try:
            ours_of_run(model, sight, examples)
        finally:
            del projector.whiten

    return {"smolcourse.training.vlm_sft:whiten": whiten}

"""Rows against their capacity and against first fit; the mask and the positions against ours."""

from random import Random
from typing import Any

import torch

from smolcourse.course.checking import Mine, Wrong
from smolcourse.training.packing import collate, token_mask


def check(mine: Mine, rng: Random) -> None:
    for prefix in (0, 0, rng.randint(5, 20)):
        capacity = rng.randint(80, 120)
        lengths = [prefix + rng.randint(3, 60) for _ in range(rng.randint(12, 25))]
        lengths[rng.randrange(12)] = capacity + rng.randint(1, 30)
        rows(mine.pack(lengths, capacity, prefix=prefix), lengths, capacity, prefix)
    for _ in range(3):
        lengths = [rng.randint(1, 6) for _ in range(rng.randint(2, 4))]
        reading(mine.attention(lengths), lengths)


def rows(got: Any, lengths: list[int], capacity: int, prefix: int) -> None:
    """Raises the misconception that wrong rows show."""
    if not isinstance(got, list) or not all(isinstance(row, list) for row in got):
        raise Wrong(
            "shape", "pack phải trả về danh sách các danh sách chỉ số", "pack returns a list of lists of indices", got=got
        )
    flat = sorted(index for row in got for index in row)
    lost = sorted(set(range(len(lengths))) - set(flat))
    if lost:
        alone = lengths[lost[0]] > capacity
        name, vi, en = (
            (
                "too-long-lost",
                f"ví dụ {lost[0]} dài {lengths[lost[0]]} token (quá {capacity}) biến mất; nó phải đứng riêng một hàng",
                f"example {lost[0]} of {lengths[lost[0]]} > {capacity} tokens is gone; it stands alone in a row",
            )
            if alone
            else (
                "example-lost",
                f"{len(lost)} ví dụ không nằm ở hàng nào: dữ liệu mất mà không ai hay",
                f"{len(lost)} examples are in no row: data is lost in silence",
            )
        )
        raise Wrong(name, vi, en, got=got)
    if len(flat) != len(set(flat)):
        raise Wrong(
            "example-twice",
            "có ví dụ nằm ở hai hàng: nó được học hai lần",
            "an example is in two rows: it is learnt twice",
            got=got,
        )
    used = [prefix + sum(max(lengths[i] - prefix, 1) for i in row) for row in got]
    for row, total in zip(got, used, strict=True):
        if total > capacity and len(row) > 1:
            raise Wrong(
                "over-capacity",
                f"hàng {row} chứa {total} token, quá {capacity}",
                f"row {row} holds {total} tokens, more than {capacity}",
                got=got,
            )
    if prefix and len(got) > len(fit(lengths, capacity, prefix)) and len(got) >= len(fit(lengths, capacity, 0)):
        raise Wrong(
            "prefix-counted-each",
            f"{prefix} token mở đầu chung bị tính lại cho mỗi ví dụ; một hàng chỉ chứa chúng một lần",
            f"the {prefix} shared tokens are counted for every example; a row holds them once",
            got=used,
        )
    best = len(fit(lengths, capacity, prefix))
    if len(got) > best:
        raise Wrong(
            "wasteful",
            f"dùng {len(got)} hàng, trong khi first fit chỉ cần {best}: có lẽ chỉ xét hàng cuối cùng còn mở",
            f"{len(got)} rows where first fit needs {best}: only the last open row is considered, perhaps",
            got=got,
        )


def fit(lengths: list[int], capacity: int, prefix: int) -> list[list[int]]:
    """First or best fit, whichever takes more rows: a fair bar for both."""
    found = []
    for choose in (min, lambda fitting: min(fitting, key=lambda pair: pair[1])):
        rows, room = [], []
        for index, length in enumerate(lengths):
            need = max(length - prefix, 1)
            fitting = [(left, row) for row, left in enumerate(room) if left >= need]
            row = choose(fitting)[1] if fitting else len(rows)
            if not fitting:
                rows.append([])
                room.append(max(capacity - prefix, need))
            rows[row].append(index)
            room[row] -= need
        found.append(rows)
    return max(found, key=len)


def reading(got: Any, lengths: list[int]) -> None:
    """Raises the misconception that a wrong mask or wrong positions show."""
    examples = [{"input_ids": list(range(length)), "loss_mask": [0] * length} for length in lengths]
    batch = collate(examples, share=False)
    wanted, allowed = batch["position_ids"], token_mask(batch)
    if not (isinstance(got, tuple) and len(got) == 2 and all(isinstance(part, torch.Tensor) for part in got)):
        raise Wrong(
            "not-a-pair",
            "attention phải trả về hai tensor: position_ids, allowed",
            "attention returns two tensors: position_ids, allowed",
            got=got,
        )
    positions, mine = got
    tokens = sum(lengths)
    if list(mine.shape) != [tokens, tokens] or mine.dtype != torch.bool:
        raise Wrong(
            "mask-shape", f"allowed phải là bool [{tokens}, {tokens}]", f"allowed must be bool [{tokens}, {tokens}]", got=mine
        )
    if not positions.equal(wanted):
        if positions.equal(torch.arange(tokens)):
            raise Wrong(
                "positions-run-on",
                "vị trí đếm tiếp qua ranh giới: ví dụ thứ hai không bắt đầu từ 0",
                "positions run on over the border: the second example does not begin at 0",
                got=positions,
                wanted=wanted,
            )
        raise Wrong("positions-differ", "position_ids sai", "position_ids are wrong", got=positions, wanted=wanted)
    if mine.equal(allowed):
        return
    shown = {"got": mine.int(), "wanted": allowed.int()}
    if mine.equal(allowed.T):
        raise Wrong(
            "transposed",
            "mask bị chuyển vị: hàng i phải cho biết token i đọc những token nào",
            "the mask is transposed: row i says what token i reads",
            **shown,
        )
    if mine.equal(~allowed):
        raise Wrong("inverted", "mask bị đảo: True nghĩa là được đọc", "the mask is inverted: True means may read", **shown)
    if bool((mine & torch.ones_like(mine).triu(1)).any()):
        raise Wrong(
            "sees-future",
            "có token đọc được token đứng sau nó: loss sẽ đẹp giả tạo",
            "a token reads tokens that come after it: the loss will look far too good",
            **shown,
        )
    leaks = int((mine & ~allowed).sum())
    if leaks:
        raise Wrong(
            "leak",
            f"rò rỉ: {leaks} cặp token đọc chéo giữa hai ví dụ",
            f"a leak: {leaks} pairs of tokens read across examples",
            **shown,
        )
    raise Wrong(
        "reads-too-little",
        f"{int((allowed & ~mine).sum())} cặp lẽ ra được đọc lại bị chặn",
        f"{int((allowed & ~mine).sum())} pairs that may read are barred",
        **shown,
    )


def drive(mine: Any) -> dict[str, Any]:
    """The plan of every run packs with it."""
    return {"smolcourse.training.sft:pack": mine.pack}

"""Positions and labels against ours, on random tokens and masks; also a mask of no target and one of the first token alone."""

from random import Random
from typing import Any

import torch

from smolcourse.course.checking import Mine, Wrong
from smolcourse.losses import shift as ours


def check(mine: Mine, rng: Random) -> None:
    for case in ("some", "some", "first", "one", "none"):
        length = rng.randint(6, 12)
        tokens = torch.randperm(90)[:length] + 5
        mask = torch.tensor([int(rng.random() < 0.5) for _ in range(length)])
        if case == "some":
            mask[0], mask[-1] = 0, 1
        if case == "first":
            mask[0] = 1
        if case in ("one", "none"):
            mask.zero_()
            mask[-1] = case == "one"
        compare(mine.shift(tokens, mask), ours(tokens, mask), tokens, mask)


def compare(got: Any, wanted: tuple[torch.Tensor, torch.Tensor], tokens: torch.Tensor, mask: torch.Tensor) -> None:
    """Raises the misconception that a wrong pair shows."""
    if not (isinstance(got, tuple) and len(got) == 2 and all(isinstance(part, torch.Tensor) for part in got)):
        raise Wrong("not-a-pair", "phải trả về hai tensor: positions, labels", "return two tensors: positions, labels", got=got)
    positions, labels = got
    if positions.shape == wanted[0].shape and positions.equal(wanted[0]) and labels.equal(wanted[1]):
        return
    shown = {"got": (positions.tolist(), labels.tolist()), "wanted": (wanted[0].tolist(), wanted[1].tolist())}
    targets = mask.nonzero().squeeze(1)
    if positions.dim() != 1 or labels.dim() != 1:
        raise Wrong(
            "shape",
            f"positions và labels phải là tensor một chiều [M], không phải {list(positions.shape)} và {list(labels.shape)}",
            f"positions and labels have one axis [M], not {list(positions.shape)} and {list(labels.shape)}",
            **shown,
        )
    if positions.tolist() == targets.tolist() and labels.tolist() == tokens[targets].tolist():
        raise Wrong(
            "not-shifted",
            "chưa dịch nhãn: mỗi vị trí được hỏi về chính token nó vừa đọc, loss sẽ tụt về 0 mà chẳng học được gì",
            "not shifted: each position is asked about the token it has just read; the loss falls to 0 and nothing is learnt",
            **shown,
        )
    if positions.tolist() == targets.tolist() and labels.shape == targets.shape:
        raise Wrong(
            "shifted-forward",
            "dịch ngược chiều: token j được đoán ở vị trí j - 1, chứ không phải giữ vị trí j rồi lấy token đứng sau nó",
            "shifted the wrong way: token j is predicted at position j - 1, not position j for the token after it",
            **shown,
        )
    if bool((positions < 0).any()):
        raise Wrong(
            "first-token",
            "token đầu tiên không thể là đích: vị trí -1 quay vòng về cuối dãy",
            "the first token cannot be a target: position -1 wraps to the end of the row",
            **shown,
        )
    if positions.equal(wanted[0]):
        raise Wrong(
            "labels-differ",
            "positions đúng, nhưng labels không phải token ở positions + 1",
            "positions are right, but labels are not the tokens at positions + 1",
            **shown,
        )
    raise Wrong(
        "positions-differ",
        f"sai vị trí: trả về {len(positions)} vị trí, đúng ra là {len(wanted[0])}",
        f"{len(positions)} positions, there are {len(wanted[0])}",
        **shown,
    )

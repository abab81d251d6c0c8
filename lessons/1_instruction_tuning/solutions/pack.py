"""Rows remember their room; a block of the mask is a lower triangle."""

from collections.abc import Sequence

import torch
from torch import Tensor


def pack(lengths: Sequence[int], capacity: int, *, prefix: int = 0) -> list[list[int]]:
    rows: list[list[int]] = []
    room: list[int] = []
    for index, length in enumerate(lengths):
        need = max(length - prefix, 1)
        fitting = [(left, row) for row, left in enumerate(room) if left >= need]
        if fitting:
            row = min(fitting)[1]
        else:
            row = len(rows)
            rows.append([])
            room.append(max(capacity - prefix, need))
        rows[row].append(index)
        room[row] -= need
    return rows


def attention(lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    position_ids = torch.cat([torch.arange(length) for length in lengths])
    example = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    allowed = (example[:, None] == example[None, :]).tril()
    return position_ids, allowed

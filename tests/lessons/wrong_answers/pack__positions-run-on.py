from collections.abc import Sequence

import torch


def pack(lengths: Sequence[int], capacity: int, *, prefix: int = 0):
    rows, room = [], []
    for i, length in enumerate(lengths):
        need = max(length - prefix, 1)
        fitting = [(left, row) for row, left in enumerate(room) if left >= need]
        row = min(fitting)[1] if fitting else len(rows)
        if not fitting:
            rows.append([])
            room.append(max(capacity - prefix, need))
        rows[row].append(i)
        room[row] -= need
    return rows


def attention(lengths):
    example = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    return torch.arange(sum(lengths)), (example[:, None] == example[None, :]).tril()

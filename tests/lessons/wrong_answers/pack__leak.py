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
    return torch.cat([torch.arange(n) for n in lengths]), torch.ones(sum(lengths), sum(lengths), dtype=torch.bool).tril()

import torch


def pack(lengths, capacity, *, prefix=0):
    rows, total = [[]], 0
    for i, length in enumerate(lengths):
        rows[-1].append(i)
        total += length
        if total >= capacity:
            rows.append([])
            total = 0
    return [row for row in rows if row]


def attention(lengths):
    example = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    return torch.cat([torch.arange(n) for n in lengths]), (example[:, None] == example[None, :]).tril()

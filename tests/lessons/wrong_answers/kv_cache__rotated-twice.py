import torch
from torch import Tensor

Cache = tuple[Tensor, Tensor]


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    angles = positions[:, None].float() * 10000.0 ** (-torch.arange(half) / half)
    left, right = x[..., :half], x[..., half:]
    return torch.cat([left * angles.cos() - right * angles.sin(), right * angles.cos() + left * angles.sin()], dim=-1)


def attend(x: Tensor, weights: dict[str, Tensor], heads: int, cache: Cache) -> tuple[Tensor, Cache]:
    t, d = x.shape
    past = cache[0].shape[1]
    q, k, v = ((x @ weights[name].T).view(t, heads, d // heads).transpose(0, 1) for name in "qkv")
    positions = torch.arange(past, past + t)
    keys = torch.cat([cache[0], rotate(k, positions)], dim=1)
    again = torch.cat([rotate(cache[0], torch.arange(past)), keys[:, past:]], dim=1)
    values = torch.cat([cache[1], v], dim=1)
    scores = rotate(q, positions) @ again.transpose(1, 2) / (d // heads) ** 0.5
    future = torch.ones(t, past + t, dtype=torch.bool).triu(past + 1)
    mixed = scores.masked_fill(future, -torch.inf).softmax(dim=-1) @ values
    return mixed.transpose(0, 1).reshape(t, d) @ weights["o"].T, (keys, values)

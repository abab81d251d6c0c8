# vi 🐕 kv_cache: một tầng attention nhớ những gì nó đã đọc.
# vi Viết hàm attend bên dưới rồi chạy: smol check kv_cache
# vi Bài học: smol learn 7 cache      Gợi ý: smol hint kv_cache
# en 🐕 kv_cache: an attention layer that remembers what it has read.
# en Write the function attend below, then run: smol check kv_cache
# en Lesson: smol learn 7 cache      Hint: smol hint kv_cache

import torch
from torch import Tensor

Cache = tuple[Tensor, Tensor]


def rotate(x: Tensor, positions: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021), ready for use: x [heads, t, e] turned by angles that grow with positions [t]."""
    half = x.shape[-1] // 2
    angles = positions[:, None].float() * 10000.0 ** (-torch.arange(half) / half)
    left, right = x[..., :half], x[..., half:]
    return torch.cat([left * angles.cos() - right * angles.sin(), right * angles.cos() + left * angles.sin()], dim=-1)


def attend(x: Tensor, weights: dict[str, Tensor], heads: int, cache: Cache) -> tuple[Tensor, Cache]:
    """Causal self-attention for t new tokens that follow those in the cache: one token while writing, many while reading.

    Args:
        x: [t, d], the new tokens only.
        weights: "q", "k", "v", "o", each [d, d]; a layer computes x @ weight.T. Heads lie side by side: the first e = d / heads
            numbers of a row are the first head's. Queries and keys are rotated by the token's position in the whole
            conversation, from 0. Scores are divided by the root of e.
        heads: how many.
        cache: keys, rotated already, and values, of all tokens before: two tensors [heads, past, e]; past may be 0.

    Returns:
        [t, d], what the whole conversation at once would give for these tokens; and the cache with their keys and values
        behind the old ones, [heads, past + t, e] each, in new tensors.
    """
    # TODO
    raise NotImplementedError

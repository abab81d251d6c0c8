"""Attention over a packed row: each example is laid out by itself, so it costs what short examples cost.

Notation: T tokens, S examples padded to L queries and K keys, H query heads, G key/value heads, R = L H / G, E head size.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from smolcourse.training.rowwise import softmax, softmax_backward

aten = torch.ops.aten


class Layout(NamedTuple):
    """Which tokens of a packed row attend to which; S examples, padded to L queries and K keys.

    `query_index` [S, L] and `key_index` [S, K] are positions in the row (0 where padded); `mask` [S, 1, L, K] is 0 where
    attention is allowed and -inf elsewhere; `place` [T] is where each token's output stands in the flattened [S * L].
    """

    query_index: Tensor
    key_index: Tensor
    mask: Tensor
    place: Tensor


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding (Su et al. 2021, eq. 34) of x [T, heads, E]; cos and sin [T, 1, E/2]. The inverse takes -sin."""
    first, second = x.chunk(2, dim=-1)
    out = torch.empty_like(x)
    left, right = out.chunk(2, dim=-1)
    torch.mul(first, cos, out=left)
    left.addcmul_(second, sin, value=-1)
    torch.mul(second, cos, out=right)
    right.addcmul_(first, sin)
    return out


# Attention weights up to so many numbers a layer (16 MB) are kept for the backward pass; more of them (long examples) are left to
# PyTorch's flash attention, which computes them again.
_KEPT = 4_000_000


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """softmax(Q K^T / sqrt(E) + mask) V, and what its backward needs: the weights [S, G, R, K], or flash attention's [S, G, R].

    query [S, G, R, E], key and value [S, G, K, E], mask [S, 1, R, K] -> [S, G, R, E].
    """
    if query.shape[:-1].numel() * key.shape[2] > _KEPT:
        out, logsumexp = aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, False, attn_mask=mask)
        return out, logsumexp
    weights = softmax(_times(query, key.transpose(-1, -2)), mask, query.shape[-1] ** -0.5)
    return _times(weights, value), weights


def _times(a: Tensor, b: Tensor) -> Tensor:
    """[S, G, m, n] x [S, G, n, p]; matmul would copy a transposed factor, bmm reads it as it lies."""
    product = torch.bmm(a.flatten(0, 1), b.flatten(0, 1))
    return product.view(*a.shape[:2], *product.shape[1:])


def attend_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, out: Tensor, kept: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of query, key and value."""
    if kept.dim() == 3:
        found: tuple[Tensor, Tensor, Tensor] = aten._scaled_dot_product_flash_attention_for_cpu_backward(
            grad, query, key, value, out, kept, 0.0, False, attn_mask=mask
        )
        return found
    grad_value = _times(kept.transpose(-1, -2), grad)
    grad_scores = softmax_backward(_times(grad, value.transpose(-1, -2)), kept, query.shape[-1] ** -0.5)
    return _times(grad_scores, key), _times(grad_scores.transpose(-1, -2), query), grad_value


def _by_group(padded: Tensor, layout: Layout, groups: int) -> Tensor:
    """[S * L, H, E] -> [S, G, (H/G) L, E]: query heads that share a key head lie one after another, so keys need no copy."""
    examples, length = layout.query_index.shape
    padded = padded.view(examples, length, groups, -1, padded.shape[-1])
    return padded.permute(0, 2, 3, 1, 4).reshape(examples, groups, -1, padded.shape[-1])


def gather_gradient(grad: Tensor, layout: Layout, groups: int) -> Tensor:
    """As `gather` for queries, but padded places get zeros: they must send nothing back."""
    padded = grad.new_zeros(layout.query_index.numel(), *grad.shape[1:])
    return _by_group(padded.index_copy_(0, layout.place, grad), layout, groups)


def gather(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
    """q [T, H, E], k and v [T, G, E] -> the padded queries [S, G, (H/G) L, E], keys and values [S, G, K, E]."""
    examples, keys = layout.key_index.shape
    index = layout.key_index.view(-1)
    groups, size = k.shape[1:]
    key = k[index].view(examples, keys, groups, size).transpose(1, 2).contiguous()
    value = v[index].view(examples, keys, groups, size).transpose(1, 2).contiguous()
    return _by_group(q[layout.query_index.view(-1)], layout, groups), key, value


def ungather(out: Tensor, layout: Layout, heads: int, size: int) -> Tensor:
    """[S, G, (H/G) L, E] -> [T, H E]: the inverse of `_by_group`, padding dropped."""
    examples, length = layout.query_index.shape
    groups = out.shape[1]
    out = out.reshape(examples, groups, -1, length, size).permute(0, 3, 1, 2, 4).reshape(examples * length, heads * size)
    return out[layout.place]


def scatter_keys(grad: Tensor, layout: Layout, tokens: int) -> Tensor:
    """[S, G, K, E] -> [T, G, E]: sums over the examples that read the same key. Padded keys have zero gradient."""
    examples, groups, keys, size = grad.shape
    out = grad.new_zeros(tokens, groups, size)
    return out.index_add_(0, layout.key_index.view(-1), grad.transpose(1, 2).reshape(examples * keys, groups, size))

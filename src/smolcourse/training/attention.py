"""Attention over a packed row: each example is laid out by itself, so it costs what short examples cost.

Notation: T tokens; in blocks of S examples, padded to L queries and K keys; H query heads, G key/value heads, J = H / G, E head
size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from smolcourse.training.rowwise import seen, softmax, softmax_backward

aten = torch.ops.aten


class Block(NamedTuple):
    """Examples of like length, and which tokens of the row each of theirs attends to.

    `query_index` [S, L] and `key_index` [S, K] are positions in the row (0 where padded); a query sees the first `reach` [S, L]
    of its example's keys.
    """

    query_index: Tensor
    key_index: Tensor
    reach: Tensor


class Layout(NamedTuple):
    """The blocks of a packed row; `place` [T] is where each token's output stands among the S L of all of them."""

    blocks: list[Block]
    place: Tensor

    @classmethod
    def of(cls, batch: dict[str, Tensor]) -> "Layout":
        """As `packing.collate_tree` wrote it down."""
        shapes = batch["blocks"].tolist()
        queries = [(count, longest) for count, longest, _ in shapes]
        keys = [(count, deepest) for count, _, deepest in shapes]
        cut = [_cut(batch[name], sizes) for name, sizes in (("query_index", queries), ("key_index", keys), ("reach", queries))]
        return cls([Block(*parts) for parts in zip(*cut, strict=True)], batch["place"])

    def behind(self, extra: int, *, asking: bool) -> "Layout":
        """The same row behind `extra` keys that every token sees; tokens of the row themselves where `asking`."""
        first = torch.arange(extra, device=self.place.device)
        blocks = []
        for queries, keys, reach in self.blocks:
            more = torch.cat([first.expand(len(keys), -1), keys + extra], dim=1)
            more = functional.pad(more, (0, -more.shape[1] % 8))  # whole vectors, as in `packing`
            blocks.append(Block(queries + extra if asking else queries, more, reach + extra))
        if not asking:
            return Layout(blocks, self.place)
        own = Block(first[None], first[None], (first[None] + 1).to(self.blocks[0].reach.dtype))
        return Layout([*blocks, own], torch.cat([first + _places(self), self.place]))


def _cut(flat: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    parts = torch.split(flat, [rows * columns for rows, columns in sizes])
    return [part.view(size) for part, size in zip(parts, sizes, strict=True)]


# Attention weights of a row up to so many numbers a layer (16 MB) are kept for the backward pass; more of them (long examples)
# are left to PyTorch's flash attention, which computes them again.
_KEPT = 4_000_000


def attend_row(q: Tensor, k: Tensor, v: Tensor, layout: Layout) -> tuple[Tensor, list[Tensor]]:
    """Attention of a row, q [T, H, E], k and v [N, G, E] -> [T, H E], and what its backward needs: five tensors a block.

    In fp32 whatever the other products are in: each block has a shape of its own, and oneDNN keeps what it compiled for a
    thousand of them, gigabytes for a few per cent of speed.
    """
    keep = q.shape[1] * sum(block.reach.numel() * block.key_index.shape[1] for block in layout.blocks) <= _KEPT
    out, kept = q.new_empty(_places(layout), *q.shape[1:]), []
    for block, part in zip(layout.blocks, _parts(out, layout), strict=True):
        query = _by_group(q[block.query_index.view(-1)], block, k.shape[1])
        key, value = (x[block.key_index].transpose(1, 2).contiguous() for x in (k, v))
        found, weights = attend(query, key, value, block.reach, keep)
        _in_rows(part, block, k.shape[1]).copy_(_in_groups(found, block))
        kept += [query, key, value, found if weights.dim() == 3 else found.new_empty(0), weights]  # flash attention's alone
    rows = q.new_zeros(len(q), *q.shape[1:])  # what stands behind the row's tokens fills up its shape
    torch.index_select(out, 0, layout.place, out=rows[: len(layout.place)])
    return rows.flatten(1), kept


def attend_row_backward(
    grad: Tensor, kept: Sequence[Tensor], layout: Layout, keys: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v, for grad [T, H, E] and `keys` (N, G); keys that several examples read get the sum of theirs."""
    groups = keys[1]
    padded = grad.new_zeros(_places(layout), *grad.shape[1:])  # padded places get zeros: they must send nothing back
    padded.index_copy_(0, layout.place, grad[: len(layout.place)])
    to_padded = torch.empty_like(padded)
    grad_k, grad_v = (grad.new_zeros(*keys, grad.shape[2]) for _ in range(2))
    parts = zip(layout.blocks, _parts(padded, layout), _parts(to_padded, layout), strict=True)
    for number, (block, part, into) in enumerate(parts):
        query, key, value, found, weights = kept[5 * number : 5 * number + 5]
        one = _by_group(part, block, groups)
        to_query, to_key, to_value = attend_backward(one, query, key, value, block.reach, found, weights)
        _in_rows(into, block, groups).copy_(_in_groups(to_query, block))
        for total, part_of_it in ((grad_k, to_key), (grad_v, to_value)):  # padded keys have zero gradient
            total.index_add_(0, block.key_index.view(-1), part_of_it.transpose(1, 2).reshape(-1, *total.shape[1:]))
    grad_q = torch.zeros_like(grad)
    torch.index_select(to_padded, 0, layout.place, out=grad_q[: len(layout.place)])
    return grad_q, grad_k, grad_v


def attend(query: Tensor, key: Tensor, value: Tensor, reach: Tensor, keep: bool) -> tuple[Tensor, Tensor]:
    """softmax(Q K^T / sqrt(E)) V, and what its backward needs: weights [S, G, J L, K] to `keep`, or flash attention's [S, G, J L].

    query [S, G, J L, E], key and value [S, G, K, E], reach [S, L] -> [S, G, J L, E].
    """
    if not keep:
        mask = _additive(query, key, reach)
        out, logsumexp = aten._scaled_dot_product_flash_attention_for_cpu(query, key, value, 0.0, False, attn_mask=mask)
        return out, logsumexp
    weights = softmax(_times(query, key.transpose(-1, -2)), reach, query.shape[-1] ** -0.5)
    return _times(weights, value), weights


def _additive(query: Tensor, key: Tensor, reach: Tensor) -> Tensor:
    """0 where attention is allowed and -inf elsewhere [S, 1, J L, K]."""
    among = seen(query.shape[2], key.shape[2], reach)
    return torch.zeros_like(among, dtype=query.dtype).masked_fill_(~among, float("-inf"))


def _times(a: Tensor, b: Tensor) -> Tensor:
    """[S, G, m, n] x [S, G, n, p]; matmul would copy a transposed factor, bmm reads it as it lies."""
    product = torch.bmm(a.flatten(0, 1), b.flatten(0, 1))
    return product.view(*a.shape[:2], *product.shape[1:])


def attend_backward(
    grad: Tensor, query: Tensor, key: Tensor, value: Tensor, reach: Tensor, out: Tensor, kept: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of query, key and value."""
    if kept.dim() == 3:
        mask = _additive(query, key, reach)
        found: tuple[Tensor, Tensor, Tensor] = aten._scaled_dot_product_flash_attention_for_cpu_backward(
            grad, query, key, value, out, kept, 0.0, False, attn_mask=mask
        )
        return found
    grad_value = _times(kept.transpose(-1, -2), grad)
    grad_scores = softmax_backward(_times(grad, value.transpose(-1, -2)), kept, query.shape[-1] ** -0.5)
    return _times(grad_scores, key), _times(grad_scores.transpose(-1, -2), query), grad_value


def _places(layout: Layout) -> int:
    return sum(block.query_index.numel() for block in layout.blocks)


def _parts(padded: Tensor, layout: Layout) -> Sequence[Tensor]:
    """What belongs to each block of something padded."""
    return torch.split(padded, [block.query_index.numel() for block in layout.blocks])


def _in_rows(part: Tensor, block: Block, groups: int) -> Tensor:
    """A view of [S L, H, E] as [S, G, J, L, E]."""
    count, length = block.query_index.shape
    return part.view(count, length, groups, -1, part.shape[-1]).permute(0, 2, 3, 1, 4)


def _in_groups(x: Tensor, block: Block) -> Tensor:
    """A view of [S, G, J L, E] as [S, G, J, L, E]."""
    count, groups, _, size = x.shape
    return x.view(count, groups, -1, block.query_index.shape[1], size)


def _by_group(part: Tensor, block: Block, groups: int) -> Tensor:
    """[S L, H, E] -> [S, G, J L, E]: query heads that share a key head lie one after another, so keys need no copy."""
    return _in_rows(part, block, groups).flatten(2, 3).contiguous()

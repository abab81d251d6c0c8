"""Attention over a packed row: each example is laid out by itself, so it costs what short examples cost.

Notation: T tokens; in blocks of S examples, padded to L queries and K keys; H query heads, G key/value heads, J = H / G, E head
size; N keys.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from smolcourse.training.lower import factors
from smolcourse.training.rowwise import Spots, collect, gather, seen, softmax, softmax_backward, spread

aten = torch.ops.aten


class Block(NamedTuple):
    """Examples of like length, and which tokens of the row each of theirs attends to.

    `query_index` [S, L] and `key_index` [S, K] are positions in the row (-1 where a query is padded, 0 where a key is); a query
    sees the first `reach` [S, L] of its example's keys.
    """

    query_index: Tensor
    key_index: Tensor
    reach: Tensor


@dataclass(frozen=True)
class Layout:
    """The blocks of a packed row; `place` [T] is where each token's output stands among the S L of all of them."""

    blocks: list[Block]
    place: Tensor

    @classmethod
    def of(cls, batch: dict[str, Tensor]) -> "Layout":
        """As `packing.collate_tree` wrote it down."""
        shapes, place = batch["blocks"].tolist(), batch["place"]
        queries = [(count, longest) for count, longest, _ in shapes]
        keys = [(count, deepest) for count, _, deepest in shapes]
        asking = torch.full_like(batch["query_index"], -1)
        asking[place] = batch["query_index"][place]
        cut = [_cut(flat, sizes) for flat, sizes in ((asking, queries), (batch["key_index"], keys), (batch["reach"], queries))]
        return cls([Block(*parts) for parts in zip(*cut, strict=True)], place)

    def behind(self, extra: int, *, asking: bool) -> "Layout":
        """The same row behind `extra` keys that every token sees; tokens of the row themselves where `asking`."""
        first = torch.arange(extra, device=self.place.device)
        blocks = []
        for queries, keys, reach in self.blocks:
            more = torch.cat([first.expand(len(keys), -1), keys + extra], dim=1)
            more = functional.pad(more, (0, -more.shape[1] % 8))  # whole vectors, as in `packing`
            blocks.append(Block(torch.where(queries < 0, queries, queries + extra) if asking else queries, more, reach + extra))
        if not asking:
            return Layout(blocks, self.place)
        own = Block(first[None], first[None], (first[None] + 1).to(self.blocks[0].reach.dtype))
        return Layout([*blocks, own], torch.cat([first + self.places, self.place]))

    @cached_property
    def places(self) -> int:
        """How many queries there are, the padded ones too."""
        return sum(block.query_index.numel() for block in self.blocks)

    @cached_property
    def queries(self) -> Spots:
        """Where each token's query stands."""
        return _spots(self.place, [block.query_index for block in self.blocks])

    @cached_property
    def keys(self) -> tuple[Tensor, Spots]:
        """Where each token's keys stand: those of token i are `starts[i]` to `starts[i + 1]` of the spots."""
        index = torch.cat([block.key_index.view(-1) for block in self.blocks])
        order = index.argsort(stable=True)
        starts = torch.searchsorted(index[order], torch.arange(int(index.max()) + 2, device=index.device))
        return starts, _spots(order, [block.key_index for block in self.blocks])

    def parts(self, flat: Tensor, heads: int, *, keys: bool = False) -> Iterator[Tensor]:
        """Each block's [S, heads, L, E], of keys [S, heads, K, E], in a flat [rows, E]."""
        start = 0
        for block in self.blocks:
            count, length = (block.key_index if keys else block.query_index).shape
            yield flat[start : start + count * heads * length].view(count, heads, length, -1)
            start += count * heads * length


def _cut(flat: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Tensor]:
    parts = torch.split(flat, [rows * columns for rows, columns in sizes])
    return [part.view(size) for part, size in zip(parts, sizes, strict=True)]


def _spots(places: Tensor, indices: Sequence[Tensor]) -> Spots:
    """Of places among the S L (or S K) of all blocks."""
    lengths = torch.cat([index.new_tensor([index.shape[1]]).expand(len(index)) for index in indices])
    first = (lengths.cumsum(0) - lengths).repeat_interleave(lengths)[places]
    return Spots(first, places - first, lengths.repeat_interleave(lengths)[places])


# Attention weights of a row up to so many numbers a layer (16 MB in fp32) are kept for the backward pass; more of them (long
# examples) are left to PyTorch's flash attention, which computes them again.
_KEPT = 4_000_000


class Heads(NamedTuple):
    """H query heads, G key/value heads, E numbers each. Query heads that share a key head lie one after another."""

    queries: int
    keys: int
    size: int


def attend_row(q: Tensor, k: Tensor, v: Tensor, layout: Layout, heads: Heads, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
    """Attention of a row, q [T, H E], k and v [N, G E] -> [T, H E] in `dtype`, and what its backward needs: five tensors a block.

    Args:
        dtype: of the factors of products; scores are fp32 sums all the same.
    """
    weights = heads.queries * sum(block.reach.numel() * block.key_index.shape[1] for block in layout.blocks)
    keep = weights <= _KEPT or q.device.type != "cpu"
    flat, kept = v.new_empty(layout.places * heads.queries, heads.size, dtype=dtype), []
    for block, part in zip(layout.blocks, layout.parts(flat, heads.queries), strict=True):
        query, key = spread(q, block.query_index, heads.queries, q.dtype), spread(k, block.key_index, heads.keys, k.dtype)
        value = spread(v, block.key_index, heads.keys, dtype)
        grouped = (len(key), heads.keys, -1, heads.size)
        kept += attend(query.view(grouped), key, value, block.reach, part.view(grouped), keep)
    return collect(flat, layout.queries, v.new_zeros(len(q), heads.queries * heads.size, dtype=dtype)), kept


def attend_row_backward(
    grad: Tensor, kept: Sequence[Tensor], layout: Layout, heads: Heads, keys: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k and v, for grad [T, H E] and N `keys`; those that several examples read get the sum of theirs."""
    count = heads.keys * sum(block.key_index.numel() for block in layout.blocks)
    to_q, to_k, to_v = (grad.new_empty(rows, heads.size) for rows in (heads.queries * layout.places, count, count))
    parts_k, parts_v = (layout.parts(flat, heads.keys, keys=True) for flat in (to_k, to_v))
    parts = zip(layout.blocks, layout.parts(to_q, heads.queries), parts_k, parts_v, strict=True)
    for number, (block, into_q, into_k, into_v) in enumerate(parts):
        saved = kept[5 * number : 5 * number + 5]
        one = spread(grad, block.query_index, heads.queries, grad.dtype).view(saved[0].shape)  # nothing comes from padded places
        attend_backward(one, saved, block.reach, (into_q.view(saved[0].shape), into_k, into_v))
    starts, spots = layout.keys
    grad_k, grad_v = (gather(flat, starts, spots, grad.new_zeros(keys, heads.keys * heads.size)) for flat in (to_k, to_v))
    return collect(to_q, layout.queries, torch.zeros_like(grad)), grad_k, grad_v


def attend(query: Tensor, key: Tensor, value: Tensor, reach: Tensor, out: Tensor, keep: bool) -> list[Tensor]:
    """softmax(Q K^T / sqrt(E)) V into `out`, and what its backward needs, in the dtype of V.

    That is query, key, value, and the weights [S, G, J L, K] to `keep`, or flash attention's output and its [S, G, J L].
    query [S, G, J L, E], key and value [S, G, K, E], reach [S, L], out [S, G, J L, E].
    """
    low_query, low_key = query.to(value.dtype), key.to(value.dtype)
    if keep:
        with factors(value.dtype):  # out of fp32, so that scores are: as logits, they must not be rounded
            scores = _times(query, key.transpose(-1, -2))
        weights = softmax(scores, reach, query.shape[-1] ** -0.5, value.dtype)
        _times(weights, value, out)
        return [low_query, low_key, value, out.new_empty(0), weights]
    mask = _additive(low_query, low_key, reach)
    found, logsumexp = aten._scaled_dot_product_flash_attention_for_cpu(low_query, low_key, value, 0.0, False, attn_mask=mask)
    out.copy_(found)
    return [low_query, low_key, value, found, logsumexp]


def _additive(query: Tensor, key: Tensor, reach: Tensor) -> Tensor:
    """0 where attention is allowed and -inf elsewhere [S, 1, J L, K]."""
    among = seen(query.shape[2], key.shape[2], reach)
    return torch.zeros_like(among, dtype=query.dtype).masked_fill_(~among, float("-inf"))


def _times(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """[S, G, m, n] x [S, G, n, p]; matmul would copy a transposed factor, bmm reads it as it lies."""
    product = torch.bmm(a.flatten(0, 1), b.flatten(0, 1), out=None if out is None else out.flatten(0, 1))
    return product.view(*a.shape[:2], *product.shape[1:])


def attend_backward(grad: Tensor, saved: Sequence[Tensor], reach: Tensor, into: tuple[Tensor, Tensor, Tensor]) -> None:
    """Gradients of query, key and value, for that of `attend`'s output and what it saved."""
    query, key, value, out, kept = saved
    if kept.dim() == 3:
        mask = _additive(query, key, reach)
        found = aten._scaled_dot_product_flash_attention_for_cpu_backward(
            grad, query, key, value, out, kept, 0.0, False, attn_mask=mask
        )
        for target, part in zip(into, found, strict=True):
            target.copy_(part)
        return
    to_query, to_key, to_value = into
    _times(kept.transpose(-1, -2), grad, to_value)
    grad_scores = softmax_backward(_times(grad, value.transpose(-1, -2)), kept, query.shape[-1] ** -0.5)
    _times(grad_scores, key, to_query)
    _times(grad_scores.transpose(-1, -2), query, to_key)

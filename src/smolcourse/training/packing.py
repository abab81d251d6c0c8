"""Packing: several examples in one row of tokens, none seeing another, a shared beginning computed once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Segment(NamedTuple):
    """A run of tokens that follows its parent: the end of a conversation, or a beginning that several share."""

    ids: Sequence[int]
    mask: Sequence[int]
    """1 where the token carries loss."""
    parent: int | None = None
    """Index of the segment that stands before it; None at the root."""


def shared_prefix(rows: Sequence[dict[str, Any]]) -> int:
    """How many tokens all rows begin with, none of them a target, leaving every row at least one token of its own."""
    if len(rows) < 2:
        return 0
    length = common_length([row["input_ids"] for row in rows])
    first_targets = [row["loss_mask"].index(1) if 1 in row["loss_mask"] else len(row["loss_mask"]) for row in rows]
    # the last shared token must not predict a target either: its loss would be counted once instead of once a row
    return max(0, min([length, *(len(row["input_ids"]) - 1 for row in rows), *(place - 1 for place in first_targets)]))


def common_length(lists: Sequence[list[int]]) -> int:
    """How many tokens all lists begin with."""
    first, last = min(lists), max(lists)
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


_OPEN = 64  # rows that still take examples; more would pack hardly tighter and cost a search each


def pack(lengths: Sequence[int], capacity: int, *, prefix: int = 0) -> list[list[int]]:
    """Best fit, in the order given: each example goes to the open row it fills most, else to a new one.

    Args:
        capacity: tokens of a packed row. An example longer than that stands alone.
        prefix: tokens that all examples share; counted once a row.

    Returns:
        Lists of indices into `lengths`; every index is in exactly one. Deterministic.
    """
    rows: list[list[int]] = []
    room: dict[int, int] = {}  # open row -> tokens left
    for index, length in enumerate(lengths):
        need = max(length - prefix, 1)
        fitting = [(left, row) for row, left in room.items() if left >= need]
        if fitting:
            row = min(fitting)[1]
        else:
            row = len(rows)
            rows.append([])
            room[row] = max(capacity - prefix, need)
        rows[row].append(index)
        room[row] -= need
        if len(room) > _OPEN:
            del room[min(room, key=lambda row: (room[row], row))]
    return rows


def collate(rows: Sequence[dict[str, Any]], *, share: bool = True) -> dict[str, Tensor]:
    """Makes one packed row of T tokens, S examples, M targets; see `collate_tree` for its keys."""
    prefix = shared_prefix(rows) if share else 0
    segments = [Segment(rows[0]["input_ids"][:prefix], [0] * prefix)] if prefix else []
    parent = 0 if prefix else None
    segments += [Segment(row["input_ids"][prefix:], row["loss_mask"][prefix:], parent) for row in rows]
    return collate_tree(segments)


def collate_tree(segments: Sequence[Segment]) -> dict[str, Tensor]:
    """Makes one packed row of T tokens out of S segments, none of them empty, each after its parent, with M targets.

    A token attends to the segments above its own and to its own up to itself. What several sequences begin with is computed
    once, with the exact gradient of all of them.

    Returns:
        input_ids, position_ids [T]; blocks, query_index, reach, key_index, place: what attends to what (`attention.Layout`);
        target_index [M]: positions whose next token carries loss; labels [M]: that token. The targets of a segment follow
        one another, and the segments keep their order.
    """
    starts: list[int] = []  # of each segment: where it begins in the row,
    above: list[list[int]] = []  # and all that stands before it
    tokens = 0
    for segment in segments:
        parent = segment.parent
        starts.append(tokens)
        above.append(
            [] if parent is None else [*above[parent], *range(starts[parent], starts[parent] + len(segments[parent].ids))]
        )
        tokens += len(segment.ids)
    input_ids: list[int] = []
    position_ids: list[int] = []
    target_index: list[int] = []
    labels: list[int] = []
    for segment, start, before in zip(segments, starts, above, strict=True):
        input_ids += segment.ids
        position_ids += range(len(before), len(before) + len(segment.ids))
        for offset, (token, target) in enumerate(zip(segment.ids, segment.mask, strict=True)):
            if target and (offset or before):  # the first token of all is never predicted
                target_index.append(start + offset - 1 if offset else before[-1])
                labels.append(token)
    whole = [(start, len(segment.ids), before) for start, segment, before in zip(starts, segments, above, strict=True)]
    return {
        "input_ids": torch.tensor(input_ids),
        "position_ids": torch.tensor(position_ids),
        **_layout(_tiles(whole)),
        "target_index": torch.tensor(target_index, dtype=torch.long),
        "labels": torch.tensor(labels, dtype=torch.long),
    }


_TILE = 128  # queries


def _tiles(segments: Sequence[tuple[int, int, list[int]]]) -> list[tuple[int, int, list[int]]]:
    """Cuts what is long: the first queries of a segment do not see its last keys, and need not be multiplied with them."""
    tiles = []
    for start, length, above in segments:
        for first in range(0, length, _TILE):
            tiles.append((start + first, min(_TILE, length - first), [*above, *range(start, start + first)]))
    return tiles


def _layout(segments: Sequence[tuple[int, int, list[int]]]) -> dict[str, Tensor]:
    """What `attention.Layout` is made of, for segments that each have a start, a length and the tokens above them."""
    sizes = [(_even(length), _even(length + len(above))) for _, length, above in segments]
    tokens = sum(length for _, length, _ in segments)
    blocks, queries, reaches, keys, place, filled = [], [], [], [], torch.empty(tokens, dtype=torch.long), 0
    for numbers in _alike(sizes):
        longest, deepest = (max(sizes[number][i] for number in numbers) for i in (0, 1))
        query_index = torch.zeros(len(numbers), longest, dtype=torch.long)
        reach = torch.ones(len(numbers), longest, dtype=torch.int32)  # a padded query must see something; its output is dropped
        key_index = torch.zeros(len(numbers), deepest, dtype=torch.long)
        for row, number in enumerate(numbers):
            start, length, above = segments[number]
            own, depth = torch.arange(start, start + length), len(above)
            query_index[row, :length] = own
            reach[row, :length] = torch.arange(depth + 1, depth + length + 1)
            key_index[row, :depth] = torch.tensor(above, dtype=torch.long)
            key_index[row, depth : depth + length] = own
            place[own] = torch.arange(filled, filled + length)
            filled += longest
        blocks.append((len(numbers), longest, deepest))
        queries.append(query_index.view(-1))
        reaches.append(reach.view(-1))
        keys.append(key_index.view(-1))
    return {
        "blocks": torch.tensor(blocks),
        "query_index": torch.cat(queries),
        "reach": torch.cat(reaches),
        "key_index": torch.cat(keys),
        "place": place,
    }


_BLOCK = 30_000  # attention weights that take as long as one block more


def _alike(sizes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Puts what has a like number of queries and keys together: the blocks whose padded attention costs least.

    In order of size, the best last block is found for every beginning.
    """
    order = sorted(range(len(sizes)), key=lambda number: (sizes[number][1], sizes[number][0]))
    best: list[tuple[int, int]] = [(0, 0)]  # of the first n: the cost, and where the last block begins
    for end in range(1, len(order) + 1):
        longest, deepest, found = 0, sizes[order[end - 1]][1], []
        for begin in range(end - 1, -1, -1):
            longest = max(longest, sizes[order[begin]][0])
            found.append((best[begin][0] + _BLOCK + (end - begin) * longest * deepest, begin))
        best.append(min(found))
    blocks, end = [], len(order)
    while end:
        begin = best[end][1]
        blocks.append(sorted(order[begin:end]))
        end = begin
    return blocks


def _even(length: int) -> int:
    """The next multiple of 32: whole vectors, and few shapes, since for each new one oneDNN compiles its product anew."""
    return -(-length // 32) * 32


def token_mask(batch: dict[str, Tensor]) -> Tensor:
    """The same layout as one [T, T] bool matrix, for models without fused layers."""
    tokens = batch["input_ids"].shape[0]
    mask = torch.zeros(tokens, tokens, dtype=torch.bool)
    query = key = 0
    real = torch.zeros(len(batch["query_index"]), dtype=torch.bool)
    real[batch["place"]] = True  # padded queries point to token 0 and must not speak for it
    for count, longest, deepest in batch["blocks"].tolist():
        for _ in range(count):
            part, keys = slice(query, query + longest), batch["key_index"][key : key + deepest]
            sees = (torch.arange(deepest) < batch["reach"][part, None]) & real[part, None]
            i, j = sees.nonzero(as_tuple=True)
            mask[batch["query_index"][part][i], keys[j]] = True
            query, key = query + longest, key + deepest
    return mask

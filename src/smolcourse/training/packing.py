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
        input_ids, position_ids [T]; query_index [S, L], key_index [S, K], allowed [S, L, K] bool, place [T]: what
        attends to what (`fused.Layout`); target_index [M]: positions whose next token carries loss; labels [M]: that token.
        The targets of a segment follow one another, and the segments keep their order.
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
    longest = _even(max(len(segment.ids) for segment in segments))
    keys = _even(max(len(before) + len(segment.ids) for before, segment in zip(above, segments, strict=True)))
    query_index = torch.zeros(len(segments), longest, dtype=torch.long)
    key_index = torch.zeros(len(segments), keys, dtype=torch.long)
    allowed = torch.zeros(len(segments), longest, keys, dtype=torch.bool)
    allowed[:, :, 0] = True  # a padded query must attend to something; its output is dropped
    input_ids: list[int] = []
    position_ids: list[int] = []
    place: list[Tensor] = []
    target_index: list[int] = []
    labels: list[int] = []
    for number, (segment, start, before) in enumerate(zip(segments, starts, above, strict=True)):
        length, depth = len(segment.ids), len(before)
        own = torch.arange(start, start + length)
        query_index[number, :length] = own
        key_index[number, :depth] = torch.tensor(before, dtype=torch.long)
        key_index[number, depth : depth + length] = own
        allowed[number, :length, :depth] = True
        allowed[number, :length, depth : depth + length] = torch.ones(length, length, dtype=torch.bool).tril_()
        place.append(torch.arange(number * longest, number * longest + length))
        input_ids += segment.ids
        position_ids += range(depth, depth + length)
        for offset, (token, target) in enumerate(zip(segment.ids, segment.mask, strict=True)):
            if target and (offset or before):  # the first token of all is never predicted
                target_index.append(start + offset - 1 if offset else before[-1])
                labels.append(token)
    return {
        "input_ids": torch.tensor(input_ids),
        "position_ids": torch.tensor(position_ids),
        "query_index": query_index,
        "key_index": key_index,
        "allowed": allowed,
        "place": torch.cat(place),
        "target_index": torch.tensor(target_index, dtype=torch.long),
        "labels": torch.tensor(labels, dtype=torch.long),
    }


def _even(length: int) -> int:
    """The next multiple of 8: attention's products are a quarter faster on whole vectors."""
    return -(-length // 8) * 8


def token_mask(batch: dict[str, Tensor]) -> Tensor:
    """The same layout as one [T, T] bool matrix, for models without fused layers."""
    tokens = batch["input_ids"].shape[0]
    mask = torch.zeros(tokens, tokens, dtype=torch.bool)
    real = torch.zeros(batch["query_index"].numel(), dtype=torch.bool)
    real[batch["place"]] = True  # padded queries point to token 0 and must not speak for it
    masks = batch["allowed"] & real.view(*batch["query_index"].shape, 1)
    for queries, keys, allowed in zip(batch["query_index"], batch["key_index"], masks, strict=True):
        i, j = allowed.nonzero(as_tuple=True)
        mask[queries[i], keys[j]] = True
    return mask

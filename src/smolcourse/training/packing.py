"""Packing: several examples in one row of tokens, none seeing another, a shared beginning computed once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def shared_prefix(rows: Sequence[dict[str, Any]]) -> int:
    """How many tokens all rows begin with, none of them a target, leaving every row at least one token of its own."""
    if len(rows) < 2:
        return 0
    first, last = min(row["input_ids"] for row in rows), max(row["input_ids"] for row in rows)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    first_targets = [row["loss_mask"].index(1) if 1 in row["loss_mask"] else len(row["loss_mask"]) for row in rows]
    # the last shared token must not predict a target either: its loss would be counted once instead of once a row
    return max(0, min([length, *(len(row["input_ids"]) - 1 for row in rows), *(place - 1 for place in first_targets)]))


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
    """Makes one packed row of T tokens, S examples, M targets.

    Returns:
        input_ids, position_ids [T]; query_index [S, L], key_index [S, K], allowed [S, L, K] bool, place [T]: what
        attends to what (`fused.Layout`); target_index [M]: positions whose next token carries loss; labels [M].
    """
    prefix = shared_prefix(rows) if share else 0
    parts: list[tuple[list[int], list[int]]] = []  # token ids and loss mask of each example, without the shared prefix
    if prefix:
        parts.append((list(rows[0]["input_ids"][:prefix]), [0] * prefix))
    parts += [(list(row["input_ids"][prefix:]), list(row["loss_mask"][prefix:])) for row in rows]

    examples, longest = len(parts), max(len(ids) for ids, _ in parts)
    keys = prefix + max((len(ids) for ids, _ in parts[1 if prefix else 0 :]), default=0)
    keys = max(keys, prefix)
    query_index = torch.zeros(examples, longest, dtype=torch.long)
    key_index = torch.zeros(examples, keys, dtype=torch.long)
    allowed = torch.zeros(examples, longest, keys, dtype=torch.bool)
    allowed[:, :, 0] = True  # a padded query must attend to something; its output is dropped
    input_ids: list[int] = []
    position_ids: list[int] = []
    place: list[Tensor] = []
    target_index: list[int] = []
    labels: list[int] = []
    for number, (ids, mask) in enumerate(parts):
        start, length = len(input_ids), len(ids)
        before = 0 if prefix and number == 0 else prefix
        query_index[number, :length] = torch.arange(start, start + length)
        key_index[number, :before] = torch.arange(before)
        key_index[number, before : before + length] = torch.arange(start, start + length)
        allowed[number, :length, :before] = True
        allowed[number, :length, before : before + length] = torch.ones(length, length, dtype=torch.bool).tril_()
        place.append(torch.arange(number * longest, number * longest + length))
        input_ids += ids
        position_ids += range(before, before + length)
        for i in range(1, length):
            if mask[i]:
                target_index.append(start + i - 1)
                labels.append(ids[i])
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

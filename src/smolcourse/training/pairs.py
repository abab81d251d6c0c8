"""Pairs of answers in packed rows: what chosen and rejected begin with is computed once, and so is what all pairs begin with."""

import random
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.training.estimate import Work
from smolcourse.training.packing import Segment, collate_tree, common_length, pack
from smolcourse.training.schedule import count_steps
from smolcourse.training.sft import Plan
from smolcourse.training.sight import Sight

Pair = dict[str, Any]
"""One tokenised row: prompt_ids, chosen_ids, chosen_mask, rejected_ids, rejected_mask (`data.preferences.EncodedPair`)."""


def collate_pairs(pairs: Sequence[Pair], *, share: bool = True, prompt_loss: bool = False) -> dict[str, Tensor]:
    """Makes one packed row of P pairs.

    Args:
        share: compute once what all pairs begin with, and what both answers of a pair begin with: the prompt, and their common
            first words. Without it every answer stands alone, its prompt before it.
        prompt_loss: the prompts' tokens are targets too, for a loss that wants them (TRL's ORPO).

    Returns:
        What `collate_tree` returns, and
        read_target, read_sequence [N]: target `read_target[n]` is a token of sequence `read_sequence[n]`. Sequences 0 to P - 1
        are the chosen answers, P to 2 P - 1 the rejected ones, 2 P to 3 P - 1 the prompts. A token that both answers begin
        with is one target, read twice.
        lengths [3 P]: targets of each sequence.
    """
    count = len(pairs)
    sequences = [_sequence(pair, side, prompt_loss) for side in ("chosen", "rejected") for pair in pairs]
    row = common_length([ids for ids, _ in sequences]) if share and count > 1 else 0
    shared = [common_length([sequences[p][0], sequences[count + p][0]]) if share else 0 for p in range(count)]
    segments: list[Segment] = []
    paths: list[list[int]] = [[] for _ in sequences]

    def add(first: int, last: int, *owners: int) -> None:
        """The tokens from `first` to `last` of one sequence, which its owners share."""
        if first >= last:
            return
        ids = sequences[owners[0]][0][first:last]
        mask = [int(any(marks)) for marks in zip(*(sequences[owner][1][first:last] for owner in owners), strict=True)]
        parent = paths[owners[0]][-1] if paths[owners[0]] else None
        for owner in owners:
            paths[owner].append(len(segments))
        segments.append(Segment(ids, mask, parent))

    add(0, row, *range(2 * count))
    for p in range(count):
        add(row, shared[p], p, count + p)
        for owner in (p, count + p):
            add(max(row, shared[p]), len(sequences[owner][0]), owner)
    read_target, read_sequence = _readings(pairs, sequences, segments, paths, prompt_loss)
    batch = collate_tree(segments)
    batch["read_target"] = torch.tensor(read_target, dtype=torch.long)
    batch["read_sequence"] = torch.tensor(read_sequence, dtype=torch.long)
    batch["lengths"] = torch.bincount(batch["read_sequence"], minlength=3 * count)
    return batch


def _sequence(pair: Pair, side: str, prompt_loss: bool) -> tuple[list[int], list[int]]:
    """Token ids and loss mask of a prompt with one of its answers."""
    prompt = list(pair["prompt_ids"])
    return prompt + list(pair[f"{side}_ids"]), [int(prompt_loss)] * len(prompt) + list(pair[f"{side}_mask"])


def _readings(
    pairs: Sequence[Pair],
    sequences: Sequence[tuple[list[int], list[int]]],
    segments: Sequence[Segment],
    paths: Sequence[Sequence[int]],
    prompt_loss: bool,
) -> tuple[list[int], list[int]]:
    """Which targets belong to which sequence, by walking each sequence down the tree."""
    numbers: list[dict[int, int]] = []  # of each segment: offset of a target -> its number in the row
    found = 0
    for segment in segments:
        own = [i for i, target in enumerate(segment.mask) if target and (i or segment.parent is not None)]
        numbers.append({offset: found + i for i, offset in enumerate(own)})
        found += len(own)
    read_target: list[int] = []
    read_sequence: list[int] = []
    count = len(pairs)
    for index, ((_, mask), path) in enumerate(zip(sequences, paths, strict=True)):
        prompt = len(pairs[index % count]["prompt_ids"])
        place = 0
        for step in path:
            for offset in range(len(segments[step].ids)):
                number = numbers[step].get(offset)
                if number is not None and mask[place]:
                    if place >= prompt:
                        read_target.append(number)
                        read_sequence.append(index)
                    elif prompt_loss and index < count:
                        read_target.append(number)
                        read_sequence.append(2 * count + index)
                place += 1
    return read_target, read_sequence


def sequence_logps(logps: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Sums target log-probabilities [M] by sequence: [3 P], the chosen answers, the rejected ones, the prompts."""
    total = logps.new_zeros(len(batch["lengths"]))
    return total.index_add(0, batch["read_sequence"], logps[batch["read_target"]])


def plan_pairs(examples: Any, recipe: Recipe) -> Plan:
    """Packs the tokenised pairs, in an order drawn from the seed, and counts steps and tokens.

    Args:
        examples: a sequence of pairs; one pass is made over it, and it is not held in memory.
    """
    costs, targets, context = [], 0, 0.0
    first: list[int] | None = None
    last: list[int] | None = None
    for pair in examples:
        chosen, rejected = _sequence(pair, "chosen", False)[0], _sequence(pair, "rejected", False)[0]
        shared = common_length([chosen, rejected]) if recipe.prefix_sharing else 0
        costs.append(len(chosen) + len(rejected) - shared)
        targets += sum(pair["chosen_mask"]) + sum(pair["rejected_mask"])
        context += sum(len(ids) * (len(ids) + 1) / 2 for ids in (chosen, rejected)) / (len(chosen) + len(rejected))
        first = min(first or chosen, chosen, rejected)
        last = max(last or chosen, chosen, rejected)
    if first is None or last is None:
        raise SmolError("không có cặp nào để huấn luyện", "there is no pair to train on", where=recipe.dataset_name)
    prefix = common_length([first, last]) if recipe.prefix_sharing and len(costs) > 1 else 0
    order = list(range(len(costs)))
    random.Random(recipe.seed).shuffle(order)
    if recipe.packing:
        packed = pack([costs[i] for i in order], recipe.packed_length, prefix=prefix)
        rows = [[order[i] for i in row] for row in packed]
    else:
        rows = [[i] for i in order]
    steps, epochs = count_steps(len(rows), recipe)
    tokens = sum(costs) - sum(prefix * (len(row) - 1) for row in rows)
    work = Work(
        tokens=round(tokens * epochs),
        target_tokens=round(targets * epochs),
        steps=steps,
        tokens_in_flight=max(sum(costs[i] - prefix for i in row) + prefix for row in rows) * recipe.per_device_train_batch_size,
        context=context / len(costs),
    )
    return Plan(rows, prefix, work, epochs)


def collate_rows(
    batch: Sequence[Sequence[Pair]], *, share: bool, prompt_loss: bool = False, sight: Sight | None = None
) -> dict[str, Tensor]:
    """Joins the pairs of one or more packed rows into one flat batch.

    Args:
        sight: of pairs with pictures. Both answers of a pair share its pictures, as they share its words.

    Returns:
        What `collate_pairs` returns and, where the pairs bring it along, reference [2 P]: log-probabilities of the chosen
        answers, then of the rejected ones, under the reference model. With pictures, `patches` and ids as `Sight.collate` has.
    """
    pairs = [pair for row in batch for pair in row]
    collated = collate_pairs(list(sight.pairs(pairs)) if sight else pairs, share=share, prompt_loss=prompt_loss)
    if sight and (first := sight.first_ids(pairs)):
        collated["patches"] = sight.features.get(list(first))
    if "reference" in pairs[0]:
        collated["reference"] = torch.tensor([pair["reference"] for pair in pairs]).t().reshape(-1)
    return collated


def decoded(pair: Pair, tokenizer: PreTrainedTokenizerBase) -> str:
    """The two answers of a pair: what the model is taught to prefer, and to what."""
    return f"{tokenizer.decode(pair['chosen_ids'])} ≻ {tokenizer.decode(pair['rejected_ids'])}"

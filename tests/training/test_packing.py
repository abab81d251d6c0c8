"""Packed rows hold every example once, and no example sees another."""

import random
from typing import Any

import pytest
import torch

from smolcourse.training.packing import collate, pack, shared_prefix, token_mask


def example(prompt: list[int], answer: list[int]) -> dict[str, Any]:
    return {"input_ids": prompt + answer, "loss_mask": [0] * len(prompt) + [1] * len(answer)}


@pytest.mark.parametrize("seed", range(5))
def test_every_example_is_in_exactly_one_row_that_holds_it(seed: int) -> None:
    rng = random.Random(seed)
    lengths = [rng.randrange(1, 120) for _ in range(500)]
    rows = pack(lengths, 100, prefix=10)
    assert sorted(index for row in rows for index in row) == list(range(500))
    for row in rows:
        tokens = 10 + sum(max(lengths[index] - 10, 1) for index in row)
        assert tokens <= 100 or len(row) == 1


def test_packing_wastes_little() -> None:
    rng = random.Random(0)
    lengths = [rng.randrange(20, 200) for _ in range(2000)]
    rows = pack(lengths, 1024)
    assert sum(lengths) / (1024 * len(rows)) > 0.97


def test_shared_prefix_stops_before_anything_that_carries_or_predicts_loss() -> None:
    rows = [example([1, 2, 3], [7, 8]), example([1, 2, 3], [7, 9])]
    assert shared_prefix(rows) == 2  # token 3 predicts the first target: its loss counts once an example
    assert shared_prefix([example([1, 2, 3, 4], [7]), example([1, 2, 5], [7])]) == 2
    assert shared_prefix([example([1, 2], [7])]) == 0
    assert shared_prefix([example([1], [7]), example([2], [7])]) == 0


@pytest.mark.parametrize("share", [True, False])
def test_a_token_sees_its_own_example_up_to_itself_and_nothing_else(share: bool) -> None:
    prompts = [[1, 2, 3, 10 + i] for i in range(3)]
    rows = [example(prompt, [20 + i] * (i + 2)) for i, prompt in enumerate(prompts)]
    batch = collate(rows, share=share)
    mask = token_mask(batch)
    shared = 3 if share else 0
    start = shared
    for row in rows:
        own = list(range(shared)) + list(range(start, start + len(row["input_ids"]) - shared))
        assert [int(batch["input_ids"][i]) for i in own] == row["input_ids"]
        for place, token in enumerate(own):
            assert mask[token].nonzero().squeeze(1).tolist() == own[: place + 1]
            assert int(batch["position_ids"][token]) == place
        start += len(row["input_ids"]) - shared


def test_targets_are_the_tokens_that_carry_loss_seen_from_one_before() -> None:
    rows = [example([1, 2, 3], [7, 8]), example([1, 2, 4], [9])]
    batch = collate(rows)
    assert batch["labels"].tolist() == [7, 8, 9]
    assert batch["input_ids"][batch["target_index"]].tolist() == [3, 7, 4]


def test_the_first_token_is_never_a_target() -> None:
    batch = collate([{"input_ids": [5, 6], "loss_mask": [1, 1]}])
    assert batch["labels"].tolist() == [6]
    assert torch.equal(batch["target_index"], torch.tensor([0]))

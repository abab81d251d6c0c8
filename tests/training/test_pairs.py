"""A packed row of pairs says what each answer alone says: the same log-probabilities, the same gradients."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from smolcourse.config import Recipe
from smolcourse.training.logps import _HeadLogps, packed_logps, plain_logps, target_logps
from smolcourse.training.packing import token_mask
from smolcourse.training.pairs import collate_pairs, plan_pairs, sequence_logps


def pairs_of(count: int, *, prompt: int = 7, common: int = 2, seed: int = 0) -> list[dict[str, Any]]:
    """Pairs with a shared system prompt, a prompt of their own, answers that begin alike and end apart."""
    rng = random.Random(seed)

    def tokens(size: int) -> list[int]:
        return [rng.randrange(1000, 49_000) for _ in range(size)]

    system, made = tokens(5), []
    for _ in range(count):
        begin = tokens(rng.randrange(common + 1))
        chosen, rejected = begin + tokens(rng.randrange(2, 9)), begin + tokens(rng.randrange(2, 14))
        pair = {"prompt_ids": system + tokens(rng.randrange(1, prompt)), "chosen_ids": chosen, "rejected_ids": rejected}
        made.append(pair | {"chosen_mask": [1] * len(chosen), "rejected_mask": [1] * len(rejected)})
    return made


def alone(model: Any, pair: dict[str, Any], side: str) -> Tensor:
    """log p(answer | prompt), by one plain forward pass."""
    prompt, answer = pair["prompt_ids"], pair[f"{side}_ids"]
    logits = model(input_ids=torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    logps = logits.log_softmax(-1).gather(1, torch.tensor(answer)[:, None]).squeeze(1)
    return (logps * torch.tensor(pair[f"{side}_mask"])).sum()


def all_alone(model: Any, pairs: list[dict[str, Any]]) -> Tensor:
    return torch.stack([alone(model, pair, side) for side in ("chosen", "rejected") for pair in pairs])


@pytest.mark.parametrize("share", [True, False], ids=["shared", "apart"])
@pytest.mark.parametrize("fast", [True, False], ids=["fused", "plain"])
@pytest.mark.parametrize("kind", ["full", "lora"])
def test_each_answer_has_the_log_probability_and_the_gradient_it_has_alone(
    tiny_model: Path, kind: str, fast: bool, share: bool
) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    if kind == "lora":
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(1)
        model = get_peft_model(model, LoraConfig(r=3, target_modules="all-linear", init_lora_weights=False))
    pairs = pairs_of(4)
    pairs[1]["rejected_mask"][1] = 0  # a token in the middle that somebody else wrote
    batch = collate_pairs(pairs, share=share)
    weights = torch.linspace(-1, 2, 8)

    wanted = all_alone(model, pairs)
    (wanted * weights).sum().backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    found = sequence_logps(target_logps(model, batch, fast=fast), batch)
    assert found[8:].eq(0).all()
    torch.testing.assert_close(found[:8], wanted, rtol=1e-5, atol=1e-4)
    (found[:8] * weights).sum().backward()
    for name, p in model.named_parameters():
        if p.grad is not None:
            torch.testing.assert_close(p.grad, expected[name], rtol=1e-4, atol=1e-5 * float(expected[name].abs().max()), msg=name)


def test_what_pairs_share_is_there_once(tiny_model: Path) -> None:
    pairs = pairs_of(3, common=4)
    shared, apart = collate_pairs(pairs), collate_pairs(pairs, share=False)
    answers = [len(pair["chosen_ids"]) + len(pair["rejected_ids"]) for pair in pairs]
    assert len(apart["input_ids"]) == sum(answers) + 2 * sum(len(pair["prompt_ids"]) for pair in pairs)
    assert len(shared["input_ids"]) <= sum(answers) + 5 + sum(len(pair["prompt_ids"]) - 5 for pair in pairs)
    assert len(shared["labels"]) < len(shared["read_target"]) == sum(answers)  # common first words are one target
    assert shared["lengths"].tolist() == apart["lengths"].tolist()
    # nothing attends to another pair's answer or prompt: every token sees exactly as many as stand before it in its own text
    assert token_mask(shared).sum(dim=1).tolist() == (shared["position_ids"] + 1).tolist()


@pytest.mark.parametrize("count", [1, 2])
def test_pairs_on_the_same_prompt_and_single_pairs(tiny_model: Path, count: int) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    (pair,) = pairs_of(1)
    other = {**pair, "rejected_ids": [*pair["rejected_ids"][:1], 77], "rejected_mask": [1, 1]}
    pairs = [pair, other][:count]
    batch = collate_pairs(pairs)
    with torch.no_grad():
        found = sequence_logps(packed_logps(model, batch), batch)
        torch.testing.assert_close(found[: 2 * count], all_alone(model, pairs), rtol=1e-5, atol=1e-4)


def test_an_answer_that_is_the_beginning_of_the_other(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    pair = {"prompt_ids": [5, 6], "chosen_ids": [7, 8, 9, 10], "rejected_ids": [7, 8]}
    pair |= {"chosen_mask": [1] * 4, "rejected_mask": [1] * 2}
    batch = collate_pairs([pair])
    with torch.no_grad():
        found = sequence_logps(packed_logps(model, batch), batch)
    torch.testing.assert_close(found[:2], all_alone(model, [pair]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("share", [True, False])
def test_prompts_can_be_read_too(tiny_model: Path, share: bool) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    pairs = pairs_of(3)
    batch = collate_pairs(pairs, share=share, prompt_loss=True)
    with torch.no_grad():
        found = sequence_logps(packed_logps(model, batch), batch)
        for index, pair in enumerate(pairs):
            prompt = pair["prompt_ids"]
            logits = model(input_ids=torch.tensor([prompt])).logits[0, :-1]
            wanted = logits.log_softmax(-1).gather(1, torch.tensor(prompt[1:])[:, None]).sum()
            torch.testing.assert_close(found[6 + index], wanted, rtol=1e-5, atol=1e-4)
            assert int(batch["lengths"][6 + index]) == len(prompt) - 1
        torch.testing.assert_close(found[:6], all_alone(model, pairs), rtol=1e-5, atol=1e-4)


def test_the_head_is_chunked_without_changing_anything(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = collate_pairs(pairs_of(4))
    results = []
    for chunk in (128, 3):
        monkeypatch.setattr(_HeadLogps, "CHUNK", chunk)
        model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
        logps = packed_logps(model, batch)
        logps.square().sum().backward()
        results.append((logps.detach(), model.lm_head.weight.grad))
    (logps, grad), (others, other) = results
    torch.testing.assert_close(logps, others, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(grad, other, rtol=1e-5, atol=1e-5 * float(grad.abs().max()))  # products of 3 rows round otherwise


def test_without_gradients_nothing_is_kept(tiny_model: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    batch = collate_pairs(pairs_of(2))
    with torch.no_grad():
        found = packed_logps(model, batch)
        assert not found.requires_grad
        torch.testing.assert_close(found, plain_logps(model, batch), rtol=1e-5, atol=1e-5)


def test_a_plan_holds_every_pair_once_and_counts_what_is_computed() -> None:
    pairs = pairs_of(40)
    plan = plan_pairs(pairs, Recipe(packed_length=64, max_length=48))
    assert sorted(index for row in plan.rows for index in row) == list(range(40))
    assert plan.prefix == 5
    tokens = sum(len(collate_pairs([pairs[i] for i in row])["input_ids"]) for row in plan.rows)
    assert plan.work.tokens == pytest.approx(tokens, abs=5)
    assert plan.work.target_tokens == sum(len(pair["chosen_ids"]) + len(pair["rejected_ids"]) for pair in pairs)

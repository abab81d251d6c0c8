"""The hand-written layers compute what the model computes: loss and every gradient, full and LoRA."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse.config import Recipe
from smolcourse.training import attention, fused, packing
from smolcourse.training.packing import collate
from smolcourse.training.sft import plain_loss

OTHERS = ("IA3", "PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")


def examples(count: int, prompt: int = 12) -> list[dict[str, Any]]:
    rng = random.Random(1)
    shared = [rng.randrange(49_000) for _ in range(prompt)]
    rows = []
    for _ in range(count):
        own = [rng.randrange(49_000) for _ in range(rng.randrange(6, 40))]
        answer = len(own) // 2
        rows.append({"input_ids": shared + own, "loss_mask": [0] * (prompt + len(own) - answer) + [1] * answer})
    return rows


def model_of(folder: Path, kind: str) -> Any:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if kind == "full":
        return model
    from peft import LoraConfig, get_peft_model

    from smolcourse.adapters import adapter_config

    torch.manual_seed(2)
    if kind in OTHERS:
        model = get_peft_model(model, adapter_config(Recipe(use_peft=True, peft_type=kind, num_virtual_tokens=5)))  # type: ignore[arg-type]
        for name, parameter in model.named_parameters():
            if "ia3_l" in name:
                torch.nn.init.normal_(parameter, mean=1.0, std=0.2, generator=torch.Generator().manual_seed(3))
        return model
    targets: Any = ["q_proj", "down_proj"] if kind.endswith("on some") else "all-linear"
    dora = kind.startswith("dora")
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, use_dora=dora, target_modules=targets, task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02, generator=torch.Generator().manual_seed(3))
        if "magnitude" in name:  # as if learned
            parameter.data *= 1 + 0.2 * torch.rand(len(parameter), generator=torch.Generator().manual_seed(3))
    return model


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("share", [True, False], ids=["shared prefix", "no sharing"])
@pytest.mark.parametrize("kind", ["full", "lora", "lora on some", "dora", "dora on some", *OTHERS])
def test_loss_and_gradients_equal_the_plain_path(tiny_model: Path, kind: str, share: bool) -> None:
    batch = collate(examples(5), share=share)
    scale = torch.tensor(1 / len(batch["labels"]))
    ours, plain = model_of(tiny_model, kind), model_of(tiny_model, kind)
    assert fused.supports(ours)
    loss = fused.packed_loss(ours, batch, scale)
    loss.backward()
    wanted = plain_loss(plain, batch) * scale
    wanted.backward()
    torch.testing.assert_close(loss, wanted, rtol=1e-5, atol=1e-6)
    got, expected = gradients(ours), gradients(plain)
    assert got.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, rtol=1e-4, atol=1e-5 * float(gradient.abs().max()), msg=name)


@pytest.mark.parametrize("kept", [10**9, 0], ids=["weights kept", "flash"])
@pytest.mark.parametrize("kind", ["lora", "PROMPT_TUNING", "PREFIX_TUNING"])
def test_blocks_change_neither_loss_nor_gradient(tiny_model: Path, kind: str, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = collate(examples(6))
    monkeypatch.setattr(packing, "_BLOCK", 1)
    monkeypatch.setattr(packing, "_TILE", 16)
    cut = collate(examples(6))
    assert len(whole["blocks"]) == 1 and len(cut["blocks"]) > 1 and max(cut["blocks"][:, 0]) > 7
    assert torch.equal(packing.token_mask(cut), packing.token_mask(whole))
    monkeypatch.setattr(attention, "_KEPT", kept)
    found = []
    for batch in (whole, cut):
        model = model_of(tiny_model, kind)
        loss = fused.packed_loss(model, batch, torch.tensor(0.1))
        loss.backward()
        found.append((loss, gradients(model)))
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-5)


def test_what_is_alike_stands_together() -> None:
    sizes = [(300, 300), (16, 40), (24, 40), (296, 304), (16, 32)]
    assert sorted(map(sorted, packing._alike(sizes))) == [[0, 3], [1, 2, 4]]


def test_packed_equals_one_example_at_a_time(tiny_model: Path) -> None:
    rows = examples(6)
    model = model_of(tiny_model, "full")
    together = collate(rows)
    one = torch.tensor(1.0)
    packed = fused.packed_loss(model, together, one)
    alone = sum(plain_loss(model, collate([row])) for row in rows)
    torch.testing.assert_close(packed, alone, rtol=1e-5, atol=1e-5)


def test_the_head_is_chunked_without_changing_the_loss(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(tiny_model, "full")
    batch = collate(examples(6))
    whole = fused.packed_loss(model, batch, torch.tensor(1.0))
    monkeypatch.setattr(fused._HeadLoss, "CHUNK", 7)
    torch.testing.assert_close(fused.packed_loss(model, batch, torch.tensor(1.0)), whole, rtol=1e-6, atol=1e-6)


def test_what_the_layers_do_not_compute_is_left_to_the_model(tiny_model: Path) -> None:
    from peft import LoraConfig, get_peft_model

    biased = get_peft_model(model_of(tiny_model, "full"), LoraConfig(r=2, lora_bias=True, target_modules="all-linear"))
    assert not fused.supports(biased)
    dropped = get_peft_model(model_of(tiny_model, "full"), LoraConfig(r=2, lora_dropout=0.1, target_modules="all-linear"))
    assert not fused.supports(dropped)
    prompted = model_of(tiny_model, "PROMPT_TUNING")
    with prompted.disable_adapter():
        assert not fused.supports(prompted)
    biased = model_of(tiny_model, "full")
    biased.config.attention_bias = True
    assert not fused.supports(biased)

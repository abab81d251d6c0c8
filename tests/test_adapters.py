"""Every kind of adapter says on packed rows what it says on rows alone, loads in plain PEFT, and merges without a trace."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse.adapters import add_adapter, load_adapter, merge
from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.training.fused import supports
from smolcourse.training.packing import collate
from smolcourse.training.plain import plain_logits

KINDS: dict[str, dict[str, Any]] = {
    "lora": {"lora_r": 4},
    "rslora": {"lora_r": 4, "use_rslora": True},
    "dora": {"lora_r": 4, "use_dora": True},
    "ia3": {"peft_type": "IA3"},
    "prompt tuning": {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 5},
    "p-tuning": {"peft_type": "P_TUNING", "num_virtual_tokens": 5},
    "prefix tuning": {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 5},
}
MERGEABLE = ["lora", "rslora", "dora", "ia3"]
ROWS = [{"input_ids": [5, 6, 7, 100 + i, 9, 10 + i, 11], "loss_mask": [0, 0, 0, 0, 0, 1, 1]} for i in range(3)]


def with_adapter(folder: Path, kind: str, seed: int = 1) -> Any:
    """A model with an adapter that changes something."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = add_adapter(model, Recipe(use_peft=True, **KINDS[kind])).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "lora_A" not in name:
            parameter.data.add_(torch.randn(parameter.shape, generator=generator), alpha=0.05)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_packed_rows_say_what_rows_alone_say(tiny_model: Path, kind: str) -> None:
    model = with_adapter(tiny_model, kind)
    assert supports(model) == (kind in ("lora", "rslora"))
    packed = plain_logits(model, collate(ROWS))
    alone = torch.cat([plain_logits(model, collate([row])) for row in ROWS])
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    whole = [model(input_ids=torch.tensor([row["input_ids"]])).logits[0, -3:-1] for row in ROWS]
    torch.testing.assert_close(packed, torch.cat(whole), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_adapter_loads_again_also_in_plain_peft(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    from peft import PeftModel

    model = with_adapter(tiny_model, kind)
    model.save_pretrained(tmp_path)
    ids = torch.tensor([[5, 6, 7, 8]])
    for load in (load_adapter, PeftModel.from_pretrained):
        again = load(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), tmp_path).eval()
        torch.testing.assert_close(again(ids).logits, model(ids).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", MERGEABLE)
def test_a_merged_model_says_the_same_and_the_adapter_stays(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    model = with_adapter(tiny_model, kind)
    adapter, target = tmp_path / "adapter", tmp_path / "merged"
    model.save_pretrained(adapter)
    before = {file.name: file.read_bytes() for file in adapter.iterdir()}
    assert merge(tiny_model, adapter, target) < 1e-4
    assert {file.name: file.read_bytes() for file in adapter.iterdir()} == before
    ids = torch.tensor([[5, 6, 7, 8]])
    merged = AutoModelForCausalLM.from_pretrained(target, dtype=torch.float32)
    torch.testing.assert_close(merged(ids).logits, model(ids).logits, rtol=1e-3, atol=1e-3)
    assert (target / "tokenizer.json").is_file()
    for place in (target, adapter):
        with pytest.raises(SmolError, match=r"ghi đè"):
            merge(tiny_model, adapter, place)


def test_learned_prompts_do_not_merge(tiny_model: Path, tmp_path: Path) -> None:
    with_adapter(tiny_model, "prompt tuning").save_pretrained(tmp_path / "adapter")
    with pytest.raises(SmolError, match="PROMPT_TUNING"):
        merge(tiny_model, tmp_path / "adapter", tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


def test_adapters_are_stacked_and_switched(tiny_model: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        with_adapter(tiny_model, "lora", seed).save_pretrained(tmp_path / str(seed))
    ids = torch.tensor([[5, 6, 7, 8]])
    model = load_adapter(AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32), tmp_path / "1", name="one").eval()
    one = model(ids).logits
    load_adapter(model, tmp_path / "2", name="two")
    torch.testing.assert_close(model(ids).logits, one)
    model.set_adapter("two")
    torch.testing.assert_close(model(ids).logits, with_adapter(tiny_model, "lora", 2)(ids).logits, rtol=1e-4, atol=1e-4)
    model.set_adapter("one")
    torch.testing.assert_close(model(ids).logits, one)

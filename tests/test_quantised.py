"""QLoRA: a clear error before anything is loaded where bitsandbytes is missing or broken; else a run on 4-bit weights."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

from smolcourse.adapters import load_adapter, need_bitsandbytes
from smolcourse.config import Recipe
from smolcourse.errors import SmolError


@pytest.mark.bad_input
def test_bitsandbytes_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smolcourse.adapters.quantised.find_spec", lambda name: None)
    with pytest.raises(SmolError, match="bitsandbytes") as caught:
        need_bitsandbytes(Recipe(use_peft=True, load_in_4bit=True))
    assert caught.value.where == "load_in_4bit" and "load_in_4bit=false" in str(caught.value.fix)


@pytest.mark.bad_input
def test_bitsandbytes_does_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no kernel image is available")

    functional = types.SimpleNamespace(quantize_4bit=broken, dequantize_4bit=broken)
    monkeypatch.setattr("smolcourse.adapters.quantised.find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "bitsandbytes", types.ModuleType("bitsandbytes"))
    monkeypatch.setitem(sys.modules, "bitsandbytes.functional", functional)
    with pytest.raises(SmolError, match="no kernel image") as caught:
        need_bitsandbytes(Recipe(use_peft=True, load_in_4bit=True))
    assert caught.value.where == "load_in_4bit"


@pytest.mark.bad_input
def test_olora_does_not_go_with_it() -> None:
    with pytest.raises(SmolError, match="OLoRA"):
        need_bitsandbytes(Recipe(use_peft=True, load_in_4bit=True, init_lora_weights="olora"))


def test_a_run_on_four_bits_leaves_an_adapter_for_the_plain_base(tiny_model: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    from transformers import AutoModelForCausalLM

    from smolcourse.training.runs import Run
    from smolcourse.training.train import load, prepare, train

    recipe = Recipe(
        model_name_or_path=str(tiny_model),
        dataset_config={"size": 12, "seed": 3},
        use_peft=True,
        lora_r=4,
        load_in_4bit=True,
        learning_rate=1e-2,
        warmup_steps=0,
        max_steps=6,
        packed_length=512,
        dtype="float32",
        output_dir=str(tmp_path),
    )
    prepared = prepare(recipe)
    run = Run.create(recipe, "qlora", folder=tmp_path)
    model = load(prepared)
    frozen = model.get_base_model().model.layers[0].mlp.up_proj.base_layer.weight
    assert frozen.dtype == torch.uint8 and frozen.numel() == 64 * 128 // 2
    train(prepared, run, model)
    losses = [line["loss"] for line in run.metrics()]
    assert losses[-1] < losses[0]
    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    assert load_adapter(base, run.path / "adapter")(torch.tensor([[5, 6, 7]])).logits.isfinite().all()

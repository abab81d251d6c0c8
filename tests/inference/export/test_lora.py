"""Adapters that llama.cpp cannot wear are refused, and what is written scales as PEFT does."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from smolcourse.errors import SmolError
from smolcourse.inference.export.lora import write_lora


def saved(base, folder, **settings):
    """An adapter with B drawn at random."""
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(task_type="CAUSAL_LM", **settings))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape))
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize(
    "settings",
    [
        {"r": 4, "lora_alpha": 8},
        {"r": 4, "lora_alpha": 8, "use_rslora": True},
        {"r": 4, "lora_alpha": 8, "rank_pattern": {"down_proj": 2}, "alpha_pattern": {r"layers\.1\.mlp\.down_proj": 3}},
    ],
)
def test_each_weight_gets_what_peft_adds(settings, tiny_model, tmp_path):
    model = saved(tiny_model, tmp_path, target_modules=["down_proj"], **settings)
    write_lora(tmp_path, AutoConfig.from_pretrained(tiny_model), tmp_path / "a.gguf", name="a")
    reader = gguf.GGUFReader(tmp_path / "a.gguf")
    tensors = {one.name: one.data for one in reader.tensors}
    alpha = reader.fields["adapter.lora.alpha"].contents()
    for layer in range(2):
        down, up = (tensors[f"blk.{layer}.ffn_down.weight.lora_{side}"] for side in "ab")
        added = model.base_model.model.model.layers[layer].mlp.down_proj.get_delta_weight("default")
        assert np.allclose(alpha / down.shape[0] * up @ down, added.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {"use_dora": True, "target_modules": ["q_proj"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        {"target_modules": ["embed_tokens"]},
    ],
)
def test_more_than_plain_lora_is_refused(settings, tiny_model, tmp_path):
    saved(tiny_model, tmp_path, r=2, **settings)
    with pytest.raises(SmolError):
        write_lora(tmp_path, AutoConfig.from_pretrained(tiny_model), tmp_path / "a.gguf", name="a")
    assert not (tmp_path / "a.gguf").exists()

"""The GGUF file: what llama.cpp computes from it is what transformers computes from the checkpoint."""

from __future__ import annotations

import json

import gguf
import numpy as np
import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from smolcourse.errors import SmolError
from smolcourse.inference.engine import Engine
from smolcourse.inference.export import gguf as ours
from smolcourse.inference.export import parity
from smolcourse.inference.export.gguf import KINDS, write_gguf
from smolcourse.inference.export.vocabulary import splitting_rule, without_markers


@pytest.fixture(scope="module")
def model(sharp_model):
    return AutoModelForCausalLM.from_pretrained(sharp_model).eval()


@pytest.fixture(scope="module")
def expected(model, tokenizer):
    return parity.expect(model, tokenizer)


def held(expected, file, kind):
    with Engine(file, slots=1, context=parity.CONTEXT, threads=1) as engine:
        return parity.hold(expected, engine, kind)


def test_llama_cpp_makes_the_same_tokens_prompts_and_probabilities(model, tokenizer, expected, tmp_path):
    """And each type of number loses more than the one before."""
    divergences = []
    for kind in KINDS:
        write_gguf(model, tokenizer, tmp_path / "m.gguf", kind, name="tiny")
        found = held(expected, tmp_path / "m.gguf", kind)
        assert found.problems == ()
        assert found.tokens_differ == found.prompts_differ == 0
        divergences.append(found.divergence)
    assert divergences == sorted(divergences)
    assert divergences[0] < 1e-3


def test_rows_splitting_and_template_that_are_wrong_are_noticed(model, tokenizer, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "interleaved", lambda values, heads: values)
    monkeypatch.setattr("smolcourse.inference.export.vocabulary.splitting_rule", lambda told: "gpt-2")
    monkeypatch.setattr("smolcourse.inference.export.vocabulary.without_markers", lambda text: text + "\n.")
    write_gguf(model, tokenizer, tmp_path / "m.gguf", "q8_0", name="tiny")
    found = held(expected, tmp_path / "m.gguf", "q8_0")
    assert found.tokens_differ > 0
    assert found.prompts_differ > 0
    assert any("diverge" in en for _, en in found.problems)


def test_rows_of_a_head_are_interleaved():
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert ours.interleaved(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert ours.interleaved(rows, 0) is rows


def test_types_of_the_weights(model, tokenizer, tmp_path):
    write_gguf(model, tokenizer, tmp_path / "m.gguf", "q4_0", name="tiny")
    types = {one.name: one.tensor_type.name for one in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    assert types["token_embd.weight"] == "Q8_0"
    assert types["blk.0.attn_q.weight"] == types["blk.1.ffn_down.weight"] == "Q4_0"
    assert types["output_norm.weight"] == "F32"
    assert "output.weight" not in types


def test_what_cannot_be_written_is_refused(model, tokenizer, tmp_path):
    for change in (
        {"model_type": "qwen2"},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}},
    ):
        config = AutoConfig.for_model("llama")
        for key, value in change.items():
            object.__setattr__(config, key, value)
        with pytest.raises(SmolError):
            ours.check_architecture(config)


def test_weights_that_are_no_numbers_are_refused(sharp_model, tokenizer, tmp_path):
    broken = AutoModelForCausalLM.from_pretrained(sharp_model)
    broken.model.layers[1].mlp.up_proj.weight.data[3, 5] = float("nan")
    with pytest.raises(SmolError) as caught:
        write_gguf(broken, tokenizer, tmp_path / "m.gguf", "f16", name="tiny")
    assert caught.value.where == "model.layers.1.mlp.up_proj.weight"


def test_rules_of_splitting(tokenizer):
    told = json.loads(tokenizer.backend_tokenizer.to_str())
    assert splitting_rule(told) == "smollm"
    assert splitting_rule({**told, "pre_tokenizer": {"type": "ByteLevel", "use_regex": True}}) == "gpt-2"
    for change in (
        {"normalizer": {"type": "NFC"}},
        {"pre_tokenizer": {"type": "Whitespace"}},
        {"model": {**told["model"], "byte_fallback": True}},
    ):
        with pytest.raises(SmolError):
            splitting_rule({**told, **change})


def test_markers_of_training_leave_the_template_with_the_same_trimming():
    import jinja2

    template = "a {%- generation -%} b {% endgeneration %} c"
    assert without_markers(template) == "a {#- -#} b {# #} c"
    assert jinja2.Template(without_markers(template)).render() == "ab  c"

"""An exported folder: whole, checked, and never over something else; adapters merged, or switched while it serves."""

from __future__ import annotations

import json

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from smolcourse.errors import SmolError
from smolcourse.inference.engine import Engine
from smolcourse.inference.export import parity
from smolcourse.inference.export.beside import modelfile
from smolcourse.inference.export.export import export_model


@pytest.fixture(scope="module")
def adapter(sharp_model, tmp_path_factory):
    """A LoRA on every linear layer, of rsLoRA's scale and with a rank of its own for one, that changes what is said."""
    config = LoraConfig(
        r=4, lora_alpha=8, use_rslora=True, target_modules="all-linear", rank_pattern={"v_proj": 2}, task_type="CAUSAL_LM"
    )
    base = AutoModelForCausalLM.from_pretrained(sharp_model)
    base.name_or_path = str(sharp_model)
    model = get_peft_model(base, config)
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.copy_(torch.randn(weight.shape, generator=draw) * 0.05)
    folder = tmp_path_factory.mktemp("worn") / "loud"
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def exported(sharp_model, adapter, tmp_path_factory):
    """The model with the adapter beside it."""
    target = tmp_path_factory.mktemp("exported") / "out"
    return export_model(str(sharp_model), target, formats=["safetensors", "f16"], adapters=[str(adapter)])


def test_everything_is_there_and_hashed(exported):
    names = {path.relative_to(exported.folder).as_posix() for path in exported.folder.rglob("*") if path.is_file()}
    assert {"model-f16.gguf", "adapters/loud.gguf", "README.md", "Modelfile", "Dockerfile", "vllm.sh", "parity.json"} <= names
    record = json.loads((exported.folder / "export.json").read_text())
    assert record["files"].keys() == names - {"export.json"}
    assert record["adapters"] == ["loud"]
    assert [one.name for one in exported.folder.parent.iterdir()] == ["out"], "nothing half-written is left"


def test_the_checkpoint_is_the_model_to_the_last_digit(exported, sharp_model):
    before, after = (AutoModelForCausalLM.from_pretrained(one) for one in (sharp_model, exported.files["safetensors"]))
    weights = after.state_dict()
    assert all(torch.equal(weight, weights[key]) for key, weight in before.state_dict().items())


def test_an_adapter_put_on_while_serving_says_what_it_says_in_training(exported):
    worn = exported.parity[-1]
    assert worn.adapter == "loud"
    assert worn.problems == ()
    assert worn.divergence < 2e-3
    with Engine(exported.files["f16"], slots=1, context=64, threads=1, adapters=exported.adapters) as engine:
        ids = engine.tokenize("trà sữa")
        assert engine.next_logprobs(ids, 5) != engine.next_logprobs(ids, 5, "loud")


def test_a_merged_adapter_is_exported_as_the_model(adapter, tmp_path):
    made = export_model(str(adapter), tmp_path / "merged", formats=["f16"])
    assert made.parity[0].problems == ()
    assert made.adapters == {}
    assert (adapter / "adapter_model.safetensors").is_file()


def test_what_drifts_is_refused_and_leaves_nothing(sharp_model, tmp_path, monkeypatch):
    monkeypatch.setitem(parity.LIMITS, "q4_0", parity.Limit(1e-9, 1.7, 10.0))
    with pytest.raises(SmolError) as caught:
        export_model(str(sharp_model), tmp_path / "out", formats=["q4_0"])
    assert "diverge" in caught.value.en
    assert list(tmp_path.iterdir()) == []


def test_nothing_else_is_written_over(exported, sharp_model, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SmolError):
        export_model(str(sharp_model), tmp_path, formats=["q8_0"])
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]
    card = exported.folder / "README.md"
    text = card.read_text()
    card.write_text(text + "edited by hand")
    with pytest.raises(SmolError):
        export_model(str(sharp_model), exported.folder, formats=["q8_0"])
    card.write_text(text)


@pytest.mark.parametrize("formats", [["q4_k"], [], ["safetensors"]])
def test_formats_that_make_no_sense(formats, sharp_model, adapter, tmp_path):
    with pytest.raises(SmolError):
        export_model(str(sharp_model), tmp_path / "out", formats=formats, adapters=[str(adapter)])


def test_a_system_prompt_cannot_leave_its_quotes():
    said = modelfile("m.gguf", [], 'a """ b\nPARAMETER x "', 2048)
    assert said.count('"""') == 4  # two of the template, two of the prompt

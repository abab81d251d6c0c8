"""Models found by name; everything that can be wrong with one is told, not raised."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from smolcourse.errors import SmolError
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import load_model, locate, system_prompt_of
from smolcourse.training.runs import Run

PROMPT = [[{"role": "user", "content": "một ly trà đào"}]]


def make_run(tiny_model, *, adapter=False, **recipe):
    """A finished run in `runs/`, as training leaves it."""
    run = Run.create({"model_name_or_path": str(tiny_model), **recipe}, "tiny", folder="runs")
    if adapter:
        save_adapter(tiny_model, run.path / "adapter")
    else:
        shutil.copytree(tiny_model, run.path / "model")
    run.set_state("finished")
    return run


def save_adapter(base, folder, r=4):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=r, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    torch.manual_seed(0)
    get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(folder)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def refused(reference):
    with pytest.raises(SmolError) as error:
        load_model(reference)
    return str(error.value)


def test_a_folder(tiny_model):
    model, tokenizer = load_model(str(tiny_model))
    assert not model.training and model.dtype == torch.float32
    assert tokenizer.chat_template


@pytest.mark.parametrize("name", ["latest", "tiny", "path"])
def test_a_run_by_name(tiny_model, name):
    run = make_run(tiny_model)
    found = locate(str(run.path) if name == "path" else name)
    assert found.path == run.path / "model" and found.run == run


def test_an_adapter_stands_on_thebase_of_its_run(tiny_model):
    run = make_run(tiny_model, adapter=True)
    # What PEFT wrote down need not exist on this machine; the recipe of the run counts.
    file = run.path / "adapter" / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**config, "base_model_name_or_path": "/nowhere"}), encoding="utf-8")
    adapted, tokenizer = load_model("latest")
    base, _ = load_model(str(tiny_model))
    assert generate(adapted, tokenizer, PROMPT, max_new_tokens=8) != generate(base, tokenizer, PROMPT, max_new_tokens=8)


def test_an_adapter_folder_names_its_base(tiny_model, tmp_path):
    save_adapter(tiny_model, tmp_path / "mine")
    model, _ = load_model("./mine")
    assert model.peft_config


def test_an_unfinished_run():
    Run.create({}, "half", folder="runs")
    assert "smol train --resume" in refused("half")


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["nosuch", "./nosuch", "", "latest"])
def test_nothing_of_that_name(name):
    refused(name)


@pytest.mark.bad_input
def test_a_folder_without_config(tmp_path):
    (tmp_path / "m").mkdir()
    assert "config.json" in refused("./m")


def copied(tiny_model, folder):
    shutil.copytree(tiny_model, folder)
    return folder


@pytest.mark.bad_input
def test_a_folder_without_weights(tiny_model, tmp_path):
    (copied(tiny_model, tmp_path / "m") / "model.safetensors").unlink()
    assert "safetensors" in refused("./m")


@pytest.mark.bad_input
def test_pickled_weights_are_refused(tiny_model, tmp_path):
    folder = copied(tiny_model, tmp_path / "m")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "pickle" in refused("./m")


@pytest.mark.bad_input
def test_a_pickled_adapter_is_refused(tiny_model, tmp_path):
    save_adapter(tiny_model, tmp_path / "mine")
    (tmp_path / "mine" / "adapter_model.safetensors").rename(tmp_path / "mine" / "adapter_model.bin")
    assert "pickle" in refused("./mine")


@pytest.mark.bad_input
def test_a_cut_file(tiny_model, tmp_path):
    file = copied(tiny_model, tmp_path / "m") / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    assert "không nạp được" in refused("./m")


@pytest.mark.bad_input
def test_a_broken_config(tiny_model, tmp_path):
    (copied(tiny_model, tmp_path / "m") / "config.json").write_text("{", encoding="utf-8")
    refused("./m")


@pytest.mark.bad_input
def test_weights_of_another_model(tiny_model, tmp_path):
    folder = copied(tiny_model, tmp_path / "m")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}), encoding="utf-8")
    assert "thiếu" in refused("./m")
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 100}), encoding="utf-8")
    refused("./m")


@pytest.mark.bad_input
@pytest.mark.parametrize("change", [{"hidden_size": 32, "num_attention_heads": 2}, {"num_hidden_layers": 1}])
def test_an_adapter_of_another_model(tiny_model, tokenizer, tmp_path, change):
    # Fewer layers fit as far as they go: PEFT loads that with a warning at most.
    config = LlamaConfig(**{**json.loads((tiny_model / "config.json").read_text(encoding="utf-8")), **change})
    LlamaForCausalLM(config).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    save_adapter(tiny_model, tmp_path / "mine")
    file = tmp_path / "mine" / "adapter_config.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**values, "base_model_name_or_path": str(tmp_path / "base")}), encoding="utf-8")
    assert "mô hình khác" in refused("./mine")


@pytest.mark.bad_input
def test_an_adapter_whose_base_is_gone(tiny_model, tmp_path):
    save_adapter(tiny_model, tmp_path / "mine")
    file = tmp_path / "mine" / "adapter_config.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    for base in ("/gone/model", None):
        file.write_text(json.dumps({**values, "base_model_name_or_path": base}), encoding="utf-8")
        refused("./mine")


def test_the_system_prompt_of_a_run(tiny_model, tmp_path):
    from smolcourse.data.milk_tea import SYSTEM_PROMPT

    make_run(tiny_model, dataset_name="milk-tea", dataset_config={"size": 3}, dataset_train_split="train")
    assert system_prompt_of(locate("latest")) == SYSTEM_PROMPT["vi"]
    rows = [{"messages": [{"role": "user", "content": str(n)}, {"role": "assistant", "content": "ạ"}]} for n in range(2)]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    make_run(tiny_model, dataset_name="rows.jsonl", dataset_config={}, dataset_train_split="train")
    assert system_prompt_of(locate("latest")) is None
    many = [{"messages": [{"role": "system", "content": "Ngắn."}, *row["messages"]]} for row in rows * 2]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, many + rows)), encoding="utf-8")
    assert system_prompt_of(locate("latest")) == "Ngắn."  # most rows; two of six have none
    each = [{"messages": [{"role": "system", "content": f"Bạn là {n}."}, *rows[0]["messages"]]} for n in range(4)]
    Path("rows.jsonl").write_text("\n".join(map(json.dumps, each)), encoding="utf-8")
    assert system_prompt_of(locate("latest")) is None
    Path("rows.jsonl").unlink()
    assert system_prompt_of(locate("latest")) is None
    assert system_prompt_of(locate(str(tiny_model))) is None

"""`smol adapters` as a person uses it: what is listed, merged, switched and compared, and how mistakes end."""

import json
import re
import shutil

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse.adapters import add_adapter, load_adapter, save_adapter
from smolcourse.config import Recipe
from smolcourse.inference.switching import Adapted
from smolcourse.training.runs import Run

ASK = ["--prompt", "một trà đào", "--max-new-tokens", "4"]
KINDS = {
    "mot": {"lora_r": 4},
    "hai": {"lora_r": 2, "init_lora_weights": "olora"},
    "ba": {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3},
}


def plain(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def leave_run(tiny_model, name, seed, **recipe):
    """A finished run in `runs/` whose adapter says something of its own."""
    settings = {"model_name_or_path": str(tiny_model), "use_peft": True, **recipe}
    run = Run.create(settings, name, folder="runs")
    model = add_adapter(plain(tiny_model), Recipe(**settings))
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn(parameter.shape, generator=generator), alpha=0.3)
    save_adapter(model, run.path / "adapter")
    run.set_state("finished")
    return run


@pytest.fixture(scope="module")
def finished(tiny_model, tmp_path_factory):
    place = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for seed, (name, recipe) in enumerate(KINDS.items()):
            leave_run(tiny_model, name, seed, **recipe)
        shutil.copytree(tiny_model, Run.create({"model_name_or_path": "x"}, "ca", folder="runs").path / "model")
        Run.create({"model_name_or_path": "x", "use_peft": True}, "dang-do", folder="runs")
    return place


@pytest.fixture(autouse=True)
def work(finished, monkeypatch):
    monkeypatch.chdir(finished)
    monkeypatch.setenv("COLUMNS", "160")
    return finished


def run_of(work, name):
    (path,) = (work / "runs").glob(f"*-{name}")
    return path


def test_the_list(here, work, tiny_model):
    code, stdout, stderr = here("adapters", "ls")
    assert (code, stderr) == (0, "")
    lines = {line.split()[0][16:]: line for line in stdout.splitlines()[1:]}
    assert list(lines) == ["mot", "hai", "ba"]
    assert lines["mot"].split()[1:3] == ["LoRA", "4"] and lines["hai"].split()[1:3] == ["OLoRA", "4"]
    assert "prompt tuning" in lines["ba"] and f"{3 * 64}" in lines["ba"]


def test_the_list_as_json(here, work, tiny_model):
    one, _, _ = json.loads(here("adapters", "ls", "--format", "json")[1])
    assert one["kind"] == "LoRA" and one["rank"] == 4 and one["base"] == str(tiny_model) and one["problem"] is None
    weights = load_adapter(plain(tiny_model), run_of(work, "mot") / "adapter", trainable=True)
    assert one["parameters"] == sum(parameter.numel() for parameter in weights.parameters() if parameter.requires_grad)
    for place in ("mot", run_of(work, "mot"), run_of(work, "mot") / "adapter"):
        assert [line["path"] for line in json.loads(here("adapters", "ls", place, "--format", "json")[1])] == [one["path"]] or (
            "runs" in one["path"]
        )


def test_a_damaged_adapter_does_not_hide_the_others(here, work, tmp_path):
    shutil.copytree(run_of(work, "mot"), tmp_path / "mot")
    shutil.copytree(run_of(work, "ba"), tmp_path / "hong")
    (tmp_path / "hong" / "adapter" / "adapter_model.safetensors").write_bytes(b"x")
    code, stdout, stderr = here("adapters", "ls", tmp_path)
    assert code == 0 and len(stdout.splitlines()) == 3 and "hỏng" in stdout and "hong" in stderr


def test_an_empty_list_says_how_to_start(here, tmp_path):
    code, stdout, _ = here("adapters", "ls", tmp_path)
    assert code == 0 and "smol train" in stdout


def test_merging_a_run(here, work, tiny_model, tmp_path):
    before = {file: file.read_bytes() for file in (run_of(work, "mot") / "adapter").iterdir()}
    code, stdout, stderr = here("adapters", "merge", "mot", tmp_path / "merged")
    assert (code, stderr) == (0, "") and "e-0" in stdout and f"smol chat {tmp_path / 'merged'}" in stdout
    assert {file: file.read_bytes() for file in before} == before
    ids = torch.tensor([[5, 6, 7]])
    wanted = load_adapter(plain(tiny_model), run_of(work, "mot") / "adapter").eval()(ids).logits
    torch.testing.assert_close(plain(tmp_path / "merged")(ids).logits, wanted, rtol=1e-3, atol=1e-3)


def test_a_merged_run_lies_in_the_run_and_is_merged_once(here, work):
    assert here("adapters", "merge", "hai")[0] == 0
    assert (run_of(work, "hai") / "merged" / "model.safetensors").is_file()
    code, stdout, stderr = here("adapters", "merge", "hai")
    assert (code, stdout) == (2, "") and "ghi đè" in stderr
    shutil.rmtree(run_of(work, "hai") / "merged")


def answers(stdout):
    """What `switch --prompt` prints, by number."""
    _, *parts = re.split(r"^(\d)  .*\n", stdout, flags=re.MULTILINE)
    return {number: text.removesuffix("\n\n") for number, text in zip(parts[::2], parts[1::2], strict=True)}


def test_the_same_question_to_the_base_and_to_each(here, work, tiny_model):
    code, stdout, stderr = here("adapters", "switch", "mot", "hai", *ASK)
    assert (code, stderr) == (0, "")
    found = answers(stdout)
    assert list(found) == ["0", "1", "2"] and len(set(found.values())) == 3
    for answer, alone in zip(found.values(), (tiny_model, "mot", "hai"), strict=True):
        assert answer + "\n" == here("chat", alone, "một trà đào", "--max-new-tokens", "4")[1]


def test_learned_prompts_take_turns_too(here, tiny_model):
    code, stdout, _ = here("adapters", "switch", "ba", *ASK)
    base, _ = answers(stdout).values()
    assert code == 0 and base + "\n" == here("chat", tiny_model, "một trà đào", "--max-new-tokens", "4")[1]
    adapted, ids = Adapted(["ba"]), torch.tensor([[5, 6, 7]])
    said = []
    for number in (0, 1, 0):
        adapted.use([number])
        said.append(adapted.model(input_ids=ids).logits[:, -3:])
    assert torch.equal(said[0], plain(tiny_model)(ids).logits) and torch.equal(said[0], said[2])
    assert not torch.allclose(said[0], said[1], atol=1e-3)


def test_talking_with_one_after_another(here, work, monkeypatch, capsys):
    from smolcourse.cli import adapters

    lines = iter(["/help", "một trà đào", "/use 2", "/use 1+2", "/use 0", "/use 3", "/use x", "một trà đào", "/exit"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(lines))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    adapters.switch(["mot", "hai"], max_new_tokens=3)
    stdout, stderr = capsys.readouterr()
    assert "/use 2" in stdout and stdout.count("Bây giờ trả lời") == 3
    assert "-mot + " in stdout and stderr.count("1+2") == 2


def test_how_far_they_are_apart(here, work):
    code, stdout, stderr = here("adapters", "compare", "mot", "hai")
    assert (code, stderr) == (0, "")
    assert len([line for line in stdout.splitlines() if "↔" in line]) == 3 and "%" in stdout
    found = json.loads(here("adapters", "compare", "mot", "hai", "--format", "json")[1])
    assert [one["kind"] for one in found["adapters"]] == ["LoRA", "LoRA"]
    assert all(one["kl"] > 0 and one["distance"] > 0 for one in found["differences"])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ls", "khong-co"], "khong-co"),
        (["ls", "file"], "file"),
        (["merge", "khong-co"], "khong-co"),
        (["merge", ""], "smol"),
        (["merge", "ca"], "smol adapters ls"),
        (["merge", "dang-do"], "dang-do"),
        (["merge", "ba"], "PROMPT_TUNING"),
        (["merge", "mot", "runs"], "runs"),
        (["merge", "mot", "nowhere/merged"], "nowhere"),
        (["merge", "mot", "file/merged"], "file"),
        (["merge", "{model}"], "smol adapters ls"),
        (["switch", "khong-co", *ASK], "khong-co"),
        (["switch", "ca", *ASK], "smol adapters ls"),
        (["switch", "mot", "ba", *ASK], "PROMPT_TUNING"),
        (["switch", "mot", "{model}", *ASK], "smol adapters ls"),
        (["switch", "mot", "other", *ASK], "another-base"),
        (["switch", "mot", "--prompt", " "], "prompt trống"),
        (["switch", "mot", "--prompt", "a", "--max-new-tokens", "0"], "max_new_tokens"),
        (["compare", "khong-co"], "khong-co"),
        (["compare", "mot", "ca"], "smol adapters ls"),
        (["compare", "mot", "ba"], "PROMPT_TUNING"),
        (["compare", "mot", "--prompt", ""], "prompt trống"),
    ],
)
def test_mistakes(here, work, tiny_model, tmp_path, monkeypatch, arguments, said):
    place = tmp_path / "work"
    place.mkdir()
    (place / "runs").symlink_to(work / "runs")
    (place / "file").write_text("x")
    shutil.copytree(tiny_model, place / "another-base")
    shutil.copytree(run_of(work, "mot") / "adapter", place / "other")
    config = place / "other" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "base_model_name_or_path": "./another-base"}))
    monkeypatch.chdir(place)
    before = sorted(path for path in work.rglob("*")), sorted(path for path in place.rglob("*"))
    code, stdout, stderr = here("adapters", *(argument.format(model=tiny_model) for argument in arguments))
    assert (code, stdout) == (2, "") and said in stderr
    assert "Traceback" not in stderr and "lỗi của" not in stderr.lower()
    assert (sorted(path for path in work.rglob("*")), sorted(path for path in place.rglob("*"))) == before

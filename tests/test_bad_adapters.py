"""Adapters that cannot be used: each one a clear error, in both languages, that names its place; and nothing is written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from smolcourse.adapters import add_adapter, load_adapter, merge, save_adapter
from smolcourse.config import Recipe, load_recipe
from smolcourse.errors import SmolError

pytestmark = pytest.mark.bad_input
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
Damage = Callable[[Path], Any]


def settings(**values: Any) -> Damage:
    """Other values in the config; None takes a key out."""

    def damage(folder: Path) -> None:
        config = json.loads((folder / CONFIG).read_text()) | values
        kept = {key: value for key, value in config.items() if value is not None or key not in values}
        (folder / CONFIG).write_text(json.dumps(kept))

    return damage


def config_is(data: bytes) -> Damage:
    return lambda folder: (folder / CONFIG).write_bytes(data)


def weights_are(data: bytes) -> Damage:
    return lambda folder: (folder / WEIGHTS).write_bytes(data)


def cut(share: float) -> Damage:
    def damage(folder: Path) -> None:
        data = (folder / WEIGHTS).read_bytes()
        (folder / WEIGHTS).write_bytes(data[: int(len(data) * share)])

    return damage


def tensors(change: Callable[[dict[str, Any]], Any]) -> Damage:
    def damage(folder: Path) -> None:
        weights = load_file(folder / WEIGHTS)
        save_file(change(weights) or weights, folder / WEIGHTS)

    return damage


def first(weights: dict[str, Any]) -> str:
    return min(weights)


DAMAGE: dict[str, Damage] = {
    "no folder": shutil.rmtree,
    "an empty folder": lambda folder: (shutil.rmtree(folder), folder.mkdir()),
    "no config": lambda folder: (folder / CONFIG).unlink(),
    "an empty config": config_is(b""),
    "a broken config": config_is(b'{"peft_type": "LORA", "r": 4,'),
    "a config that is a list": config_is(b'["LORA"]'),
    "a config that is null": config_is(b"null"),
    "a config with a byte order mark": lambda folder: config_is(b"\xef\xbb\xbf" + (folder / CONFIG).read_bytes())(folder),
    "a config in UTF-16": lambda folder: config_is((folder / CONFIG).read_text().encode("utf-16"))(folder),
    "a binary config": config_is(bytes(range(256))),
    "a bottomless config": config_is(b"[" * 100_000),
    "no kind": settings(peft_type=None),
    "a kind that is a number": settings(peft_type=7),
    "an unknown kind": settings(peft_type="LORAX"),
    "another kind": settings(peft_type="IA3"),
    "a prompt of LoRA weights": settings(peft_type="PROMPT_TUNING", num_virtual_tokens=5, token_dim=64),
    "no virtual tokens": settings(peft_type="PROMPT_TUNING", num_virtual_tokens=0),
    "no number of virtual tokens": settings(peft_type="PREFIX_TUNING"),
    "no rank": settings(r=None),
    "rank 0": settings(r=0),
    "rank -4": settings(r=-4),
    "rank 1.5": settings(r=1.5),
    "rank eight": settings(r="eight"),
    "rank true": settings(r=True),
    "another rank than the weights have": settings(r=8),
    "no alpha": settings(lora_alpha=None),
    "alpha 0": settings(lora_alpha=0),
    "alpha -8": settings(lora_alpha=-8),
    "alpha NaN": settings(lora_alpha=float("nan")),
    "alpha infinite": settings(lora_alpha=float("inf")),
    "alpha in words": settings(lora_alpha="strong"),
    "dropout 2": settings(lora_dropout=2),
    "dropout -0.1": settings(lora_dropout=-0.1),
    "unknown target modules": settings(target_modules=["query_proj"]),
    "fewer target modules than weights": settings(target_modules=["q_proj"]),
    "more target modules than weights": settings(target_modules=["q_proj", "lm_head"]),
    "no target modules": settings(target_modules=[]),
    "no weights": lambda folder: (folder / WEIGHTS).unlink(),
    "pickled weights": lambda folder: (folder / WEIGHTS).rename(folder / "adapter_model.bin"),
    "a pickle under a safe name": weights_are(b"\x80\x05]\x94."),
    "empty weights": weights_are(b""),
    "weights that are text": weights_are(b"PK\x03\x04 these are no weights"),
    "a header longer than the file": weights_are(b"\xff" * 8 + b"{}"),
    "weights that are a folder": lambda folder: ((folder / WEIGHTS).unlink(), (folder / WEIGHTS).mkdir()),
    "half of the weights": cut(0.5),
    "half of the header": cut(0.01),
    "one byte short": lambda folder: weights_are((folder / WEIGHTS).read_bytes()[:-1])(folder),
    "no tensors": tensors(lambda weights: weights.clear()),
    "a missing tensor": tensors(lambda weights: weights.pop(first(weights)) is None),
    "a tensor too many": tensors(
        lambda weights: weights.update({first(weights).replace("layers.0", "layers.7"): torch.ones(4, 4)})
    ),
    "a tensor of another shape": tensors(lambda weights: weights.update({first(weights): torch.ones(3, 3)})),
    "a NaN": tensors(lambda weights: weights[first(weights)].view(-1)[3].fill_(float("nan")) is None),
    "an infinity": tensors(lambda weights: weights[first(weights)].view(-1)[3].fill_(float("inf")) is None),
    "other names": tensors(lambda weights: {f"transformer.h.0.{place}": value for place, value in enumerate(weights.values())}),
}


def plain(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def saved(model: Any, folder: Path, **recipe: Any) -> Path:
    save_adapter(add_adapter(model, Recipe(use_peft=True, **{"lora_r": 4, **recipe})), folder)
    return folder


@pytest.fixture(scope="module")
def good(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(plain(tiny_model), tmp_path_factory.mktemp("good") / "adapter")


def said(error: SmolError) -> str:
    assert error.vi and error.en and error.vi != error.en and error.where
    assert "Traceback" not in str(error)
    return f"{error.where} {error.en}"


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_adapter_says_what_and_where(tiny_model: Path, good: Path, tmp_path: Path, case: str) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(good, folder)
    DAMAGE[case](folder)
    with pytest.raises(SmolError) as caught:
        merge(tiny_model, folder, tmp_path / "merged")
    assert str(folder) in said(caught.value)
    assert {path.name for path in tmp_path.iterdir()} <= {"adapter"}


def another(**changes: int) -> Any:
    config = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    return LlamaForCausalLM(LlamaConfig(vocab_size=300, num_key_value_heads=2, **{**config, **changes}))


@pytest.mark.parametrize("kind", ["LORA", "IA3", "PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING"])
@pytest.mark.parametrize("change", [{"hidden_size": 32}, {"num_hidden_layers": 3}, {"num_hidden_layers": 1}])
def test_an_adapter_of_another_model(tiny_model: Path, tmp_path: Path, kind: str, change: dict[str, int]) -> None:
    if (kind, change) == ("LORA", {"num_hidden_layers": 1}):
        pytest.skip("LoRA may sit in the first layers alone")
    saved(another(**change), tmp_path / "adapter", peft_type=kind, num_virtual_tokens=4)
    with pytest.raises(SmolError) as caught:
        load_adapter(plain(tiny_model), tmp_path / "adapter")
    assert str(tmp_path) in said(caught.value)


@pytest.mark.parametrize("there", ["LORA", "PROMPT_TUNING"])
def test_another_kind_beside_it(tiny_model: Path, tmp_path: Path, there: str) -> None:
    saved(plain(tiny_model), tmp_path / "one", peft_type=there)
    saved(plain(tiny_model), tmp_path / "two", peft_type="IA3")
    model = load_adapter(plain(tiny_model), tmp_path / "one")
    with pytest.raises(SmolError, match="IA3") as caught:
        load_adapter(model, tmp_path / "two", name="two")
    assert "two" in said(caught.value)


@pytest.mark.parametrize("kind", ["PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING"])
def test_learned_prompts_do_not_merge(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    saved(plain(tiny_model), tmp_path / "adapter", peft_type=kind)
    with pytest.raises(SmolError, match=kind) as caught:
        merge(tiny_model, tmp_path / "adapter", tmp_path / "merged")
    assert "adapter" in said(caught.value) and "smol chat" in str(caught.value.fix)
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


@pytest.mark.parametrize("target", ["adapter", "file", "file/merged", "nowhere/merged"])
def test_where_a_merge_cannot_go(tiny_model: Path, good: Path, tmp_path: Path, target: str) -> None:
    shutil.copytree(good, tmp_path / "adapter")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SmolError) as caught:
        merge(tiny_model, tmp_path / "adapter", tmp_path / target)
    assert target in said(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"adapter", "file"} and (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError(13, "Permission denied")])
def test_a_merge_that_cannot_be_written_leaves_nothing(
    tiny_model: Path, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def fail(self: Any, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        raise error

    monkeypatch.setattr(LlamaForCausalLM, "save_pretrained", fail)
    with pytest.raises(SmolError) as caught:
        merge(tiny_model, good, tmp_path / "merged")
    assert "merged" in said(caught.value) and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "recipe",
    [
        {"lora_target_modules": ["query_proj"]},
        {"lora_target_modules": ["q_proj", "query_proj"]},
        {"lora_target_modules": "query_proj"},
        {"lora_target_modules": []},
        {"lora_target_modules": [""]},
        {"lora_target_modules": "("},
        {"lora_r": 40, "init_lora_weights": "olora"},
    ],
)
def test_what_the_model_does_not_have(tiny_model: Path, recipe: dict[str, Any]) -> None:
    with pytest.raises(SmolError) as caught:
        add_adapter(plain(tiny_model), Recipe(use_peft=True, **recipe))
    assert "lora_" in said(caught.value) and caught.value.fix


def test_an_architecture_that_ia3_does_not_know() -> None:
    from transformers import GPTNeoXJapaneseConfig, GPTNeoXJapaneseForCausalLM

    config = GPTNeoXJapaneseConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    with pytest.raises(SmolError, match="IA3") as caught:
        add_adapter(GPTNeoXJapaneseForCausalLM(config), Recipe(use_peft=True, peft_type="IA3"))
    assert "peft_type" in said(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["peft_type=IA3", "use_dora=true"],
        ["peft_type=PROMPT_TUNING", "use_dora=true"],
        ["peft_type=IA3", "use_rslora=true"],
        ["peft_type=PREFIX_TUNING", "use_rslora=true"],
        ["peft_type=IA3", "init_lora_weights=olora"],
        ["peft_type=P_TUNING", "init_lora_weights=gaussian"],
        ["peft_type=PROMPT_TUNING", "loraplus_lr_ratio=4"],
        ["peft_type=IA3", "load_in_4bit=true"],
        ["use_peft=false", "load_in_4bit=true"],
        ["use_peft=false", "use_dora=true"],
        ["use_peft=false", "use_rslora=true"],
        ["use_peft=false", "init_lora_weights=olora"],
        ["use_peft=false", "loraplus_lr_ratio=16"],
        ["loraplus_lr_ratio=100000"],
    ],
)
def test_settings_that_do_not_go_together(words: list[str]) -> None:
    with pytest.raises(SmolError) as caught:
        load_recipe("smollm2-135m/sft/lora", words)
    assert words[-1].partition("=")[0] in said(caught.value) and caught.value.fix

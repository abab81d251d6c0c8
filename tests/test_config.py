"""A recipe that is wrong says which key, and what mends it; a right one comes back as it was saved."""

from pathlib import Path
from typing import Any

import pytest

from smolcourse.config import Recipe, builtin_recipes, describe_keys, load_recipe, parse_minutes, recipe_from, save_recipe
from smolcourse.errors import SmolError

BROKEN_WORDS = [
    "learning_rate=.nan",
    "learning_rate=.inf",
    "learning_rate=-1",
    "learning_rate=0",
    "learning_rate=fast",
    "lerning_rate=1e-4",
    "max_steps=1.5",
    "max_steps=many",
    "max_steps=true",
    "method=sftt",
    "dtype=float8",
    "packing=perhaps",
    "lora_r=0",
    "lora_r=-4",
    "lora_dropout=1",
    "max_length=2",
    "max_length=null",
    "per_device_train_batch_size=0",
    "adam_beta2=1",
    "seed=-1",
    "dataset_config=3",
    "learning_rate.more=1",
    "sample_prompts=hello",
    "task_splits=[1, 2]",
    "warmup_steps=-1",
    "num_train_epochs=0",
    "truncation=cut",
    "no-equals-sign",
    "=3",
]


@pytest.mark.bad_input
@pytest.mark.parametrize("word", BROKEN_WORDS)
def test_a_broken_setting_names_itself(word: str) -> None:
    with pytest.raises(SmolError) as caught:
        load_recipe("smollm2-135m/sft/lora", [word])
    key = word.partition("=")[0].partition(".")[0]
    assert key in f"{caught.value.where} {caught.value.vi} {caught.value.en}"
    assert caught.value.vi != caught.value.en


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text", [b"method: [", b"- a\n- b\n", b"\xff\xfe\x00", b"just words", b"learning_rate: 1e-4\n  method: sft", b"\x00\x01\x02"]
)
def test_a_broken_file_says_where(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text)
    with pytest.raises(SmolError, match="recipe"):
        load_recipe(str(path))


@pytest.mark.bad_input
def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(SmolError, match="smollm2-135m/sft/lora"):
        load_recipe("smollm2-135m/sft/lorra")


@pytest.mark.bad_input
def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(SmolError, match="learning_rate"):
        recipe_from({"lerning_rate": 1}, where="x.yaml")


@pytest.mark.parametrize("name", builtin_recipes())
def test_built_in_recipes_load_and_survive_saving(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    save_recipe(recipe, tmp_path / "saved.yaml")
    assert load_recipe(str(tmp_path / "saved.yaml")) == recipe


def test_words_are_typed_by_the_recipe() -> None:
    recipe = load_recipe("smollm2-135m/sft/lora", ["learning_rate=1e-4", "lora_alpha=8", "dataset_config.size=7", "budget=8"])
    assert (recipe.learning_rate, recipe.lora_alpha, recipe.dataset_config["size"], recipe.budget) == (1e-4, 8.0, 7, "8")


def test_other_data_brings_nothing_of_the_recipes_own_data() -> None:
    recipe = load_recipe("smollm2-135m/sft/lora", ["dataset_name=mine.jsonl"])
    assert (recipe.dataset_config, recipe.task, recipe.task_splits, recipe.sample_prompts) == ({}, None, [], [])
    assert load_recipe("smollm2-135m/sft/lora", ["dataset_name=mine.jsonl", "task=milk-tea"]).task == "milk-tea"


def test_every_key_is_described() -> None:
    text = describe_keys()
    assert all(f"{name}: " in text for name in Recipe.__dataclass_fields__)


@pytest.mark.parametrize(("text", "minutes"), [("8m", 8), ("90s", 1.5), ("1h30m", 90), ("8", 8), ("0.5h", 30), (" 2 m ", 2)])
def test_durations(text: str, minutes: float) -> None:
    assert parse_minutes(text) == pytest.approx(minutes)


@pytest.mark.parametrize("text", ["", "m", "-3m", "soon", "0m", "8x", "1.2.3m"])
def test_a_broken_duration_is_refused(text: Any) -> None:
    with pytest.raises(SmolError):
        parse_minutes(text)


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["smollm2-135m/sft/lora", "learning_rate=nan"],
        ["smollm2-135m/sft/lora", "unknown=1"],
        ["--resume", "no-such-run"],
        ["smollm2-135m/sft/lora", "--budget", "soon"],
        ["smollm2-135m/sft/lora", "dataset_name=./missing.jsonl"],
        ["smollm2-135m/sft/lora", "model_name_or_path=./missing"],
        ["smollm2-135m/sft/lora", "model_name_or_path=smollm2-135m-instrukt"],
        ["smollm2-135m/sft/lora", "country=XX"],
        ["smollm2-135m/sft/lora", "chat_template_path=missing.jinja"],
        ["smollm2-135m/sft/lora", "dataset_config.colour=red"],
        ["smollm2-135m/sft/lora", "dataset_train_split=tests"],
    ],
    ids=" ".join,
)
def test_train_refuses_with_code_2_and_leaves_nothing(
    words: list[str], here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for language, start in (("vi", "Lỗi: "), ("en", "Error: ")):
        code, _, errors = here("--lang", language, "train", *words, "--plan")
        assert code == 2, errors
        assert errors.startswith(start) and "Traceback" not in errors
    assert not (tmp_path / "runs").exists()

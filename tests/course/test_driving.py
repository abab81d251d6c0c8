"""The learner's functions in the real trainer: the right ones change nothing, a planted wrong mask trains a worse model."""

import dataclasses
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from transformers import PreTrainedTokenizerBase

from smolcourse import experiment
from smolcourse.config import Recipe, recipe_from
from smolcourse.course.driving import driven_by, replacements
from smolcourse.course.lessons import find_exercise, find_exercises
from smolcourse.data import chat, milk_tea
from smolcourse.errors import SmolError
from smolcourse.inference.loading import load_model
from smolcourse.training.runs import Run

WRONG = Path(__file__).parents[1] / "lessons" / "wrong_answers"


@pytest.fixture
def recipe(tiny_model: Path, tmp_path: Path) -> Recipe:
    return Recipe(
        model_name_or_path=str(tiny_model),
        dataset_config={"size": 60, "seed": 5},
        packed_length=512,
        max_steps=16,
        warmup_steps=0,
        learning_rate=3e-3,
        dtype="float32",
        output_dir=str(tmp_path / "runs"),
    )


def trained(recipe: Recipe, **mine: Path) -> Run:
    recipe = dataclasses.replace(recipe, use_mine={name: str(file) for name, file in mine.items()})
    with driven_by(recipe.use_mine):
        return experiment.run(recipe, "-".join(mine) or "ours")


def preferring(recipe: Recipe, method: Any) -> Recipe:
    """Pairs in the place of orders, and a rate at which two models are not yet told apart within four steps."""
    pairs = {"size": 8, "seed": 5}
    smoothed = 0.1 if method == "dpo" else 0.0  # as the recipe that learners start from has it
    recipe = dataclasses.replace(recipe, label_smoothing=smoothed, dataset_name="milk-tea-style", dataset_config=pairs)
    return dataclasses.replace(recipe, method=method, learning_rate=1e-4, max_steps=4)


def losses(run: Run) -> list[float]:
    return [line["loss"] for line in run.metrics()]


def loss_at_the_end_of_turn(run: Run, tokenizer: PreTrainedTokenizerBase) -> float:
    """Mean loss of `<|im_end|>` on orders that training has not seen."""
    model, _ = load_model(str(run.path))
    total, rows = 0.0, milk_tea.generate(8, seed=1, split="new")
    for row in rows:
        ids = torch.tensor(chat.encode(row, tokenizer).input_ids)
        last = int(torch.nonzero(ids == tokenizer.eos_token_id)[-1])
        with torch.no_grad():
            logits: Any = model(ids[None]).logits[0, last - 1]
        total -= float(logits.log_softmax(-1)[ids[last]])
    return total / len(rows)


TRAINING = [one.name for one in find_exercises() if one.methods and one.methods[0] in ("sft", "dpo", "orpo")]


@pytest.mark.parametrize("name", TRAINING)
def test_the_right_function_trains_as_ours_does(name: str, recipe: Recipe) -> None:
    exercise = find_exercise(name)
    if exercise.methods != ("sft",):
        recipe = preferring(recipe, exercise.methods[0])
    settings = dict(word.split("=") for word in exercise.recipe)
    recipe = recipe_from(dataclasses.asdict(recipe) | {name: yaml.safe_load(value) for name, value in settings.items()}, where="")
    recipe = dataclasses.replace(recipe, max_steps=4)
    mine, ours = trained(recipe, **{name: exercise.solution}), trained(recipe)
    # sums in another order round otherwise; a preference's loss is a small difference of large sums
    assert losses(mine) == pytest.approx(losses(ours), rel=1e-5 if exercise.methods == ("sft",) else 1e-3)
    assert name in (mine.path / "report.md").read_text(encoding="utf-8")


def test_the_right_mask_gives_the_very_same_rows(recipe: Recipe) -> None:
    from smolcourse.training.train import prepare

    with driven_by({"encode": str(find_exercise("encode").solution)}):
        mine = prepare(recipe)
    ours = prepare(recipe)
    assert [list(row["input_ids"]) for row in mine.examples] == [list(row["input_ids"]) for row in ours.examples]
    assert [list(row["loss_mask"]) for row in mine.examples] == [list(row["loss_mask"]) for row in ours.examples]
    assert (mine.plan.rows, mine.summary.target_tokens) == (ours.plan.rows, ours.summary.target_tokens)


def test_a_planted_wrong_mask_trains_a_worse_model(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> None:
    ours = loss_at_the_end_of_turn(trained(recipe), tokenizer)
    wrong = loss_at_the_end_of_turn(trained(recipe, encode=WRONG / "encode__end-left-out.py"), tokenizer)
    assert wrong > ours + 0.5


def test_a_planted_swap_teaches_what_was_rejected(recipe: Recipe) -> None:
    recipe = dataclasses.replace(preferring(recipe, "dpo"), label_smoothing=0.0)
    ours = trained(recipe).metrics()[-1]
    wrong = trained(recipe, dpo_loss=WRONG / "dpo_loss__swapped.py").metrics()[-1]
    assert wrong["rewards/margins"] < 0 < ours["rewards/margins"]


def test_a_function_for_another_loss_says_so(recipe: Recipe) -> None:
    recipe = dataclasses.replace(preferring(recipe, "dpo"), loss_type="ipo", label_smoothing=0.0)
    with pytest.raises(SmolError) as error:
        trained(recipe, dpo_loss=find_exercise("dpo_loss").solution)
    assert error.value.where == "loss_type"


def test_our_functions_are_back_afterwards(tmp_path: Path) -> None:
    import smolcourse.training.sft as sft

    ours = sft.sft_loss
    with pytest.raises(ZeroDivisionError), driven_by({"sft_loss": str(find_exercise("sft_loss").solution)}):
        assert sft.sft_loss is not ours
        raise ZeroDivisionError
    assert sft.sft_loss is ours


def test_an_error_inside_the_learners_function_names_its_line(recipe: Recipe, tmp_path: Path) -> None:
    broken = tmp_path / "encode.py"
    broken.write_text("def encode(row, tokenizer):\n    return row['nothing'], []\n", encoding="utf-8")
    with pytest.raises(SmolError) as error:
        trained(recipe, encode=broken)
    assert error.value.where == f"{broken}:2" and "KeyError" in error.value.en


def test_a_file_that_does_not_run_is_one_clear_error(tmp_path: Path) -> None:
    broken = tmp_path / "encode.py"
    broken.write_text("1 / 0\n", encoding="utf-8")
    with pytest.raises(SmolError) as error:
        replacements(find_exercise("encode"), broken)
    assert error.value.fix == "smol check encode"


def seen(tiny_vlm: Path) -> list[Any]:
    """What the parts of a model that sees make of pictures: tiles, white patches, tokens."""
    from PIL import Image

    from smolcourse.training import vlm_sft
    from smolcourse.training.sight import Sight
    from smolcourse.vision.auto import AutoModelForImageTextToText, AutoProcessor

    model, processor = AutoModelForImageTextToText.from_pretrained(tiny_vlm), AutoProcessor.from_pretrained(tiny_vlm)
    sight = Sight.of_model(model, processor.tokenizer)
    sizes = [(300, 60), (120, 240), (56, 56), (200, 190)]
    drawn = np.random.default_rng(0)
    pictures = [Image.fromarray(drawn.integers(0, 256, (*size[::-1], 3), dtype=np.uint8)) for size in sizes]
    names = [name for name, _ in sight.features.add(pictures)]
    vlm_sft.whiten(model, sight, {"images": [[name] for name in names]})
    with torch.no_grad():
        tokens = model.image_embeddings(patches=sight.features.get(names[2:3]))
    return [[len(processor.tiles(picture)) for picture in pictures], model.projector.whitening.clone(), tokens]


def test_the_right_functions_see_what_ours_see_and_wrong_ones_do_not(tiny_vlm: Path) -> None:
    ours = seen(tiny_vlm)
    names = [exercise.name for exercise in find_exercises() if exercise.methods == ("see",)]
    assert sorted(names) == ["pixel_shuffle", "tile_grid", "whitening"]
    with driven_by({name: str(find_exercise(name).solution) for name in names}):
        mine = seen(tiny_vlm)
    assert mine[0] == ours[0]
    apart = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(mine[1:], ours[1:], strict=True)]
    assert apart == pytest.approx([0, 0], abs=1e-3)
    wrong = ("tile_grid__never-cut", "whitening__no-root", "pixel_shuffle__neighbours-in-a-row")
    for place, name in enumerate(wrong):
        with driven_by({name.partition("__")[0]: str(WRONG / f"{name}.py")}):
            got = torch.as_tensor(seen(tiny_vlm)[place])
        wanted = torch.as_tensor(ours[place])
        assert float((got - wanted).abs().max() / wanted.abs().max()) > 1e-2, name


def seen_by_a_pipeline(tokenizer: PreTrainedTokenizerBase) -> list[Any]:
    """What the parts of a pipeline say that learners can rewrite."""
    from smolcourse.data import templates
    from smolcourse.evaluation.tasks import load_task
    from smolcourse.synthesis import diversity
    from smolcourse.synthesis.filters import duplicates, leaks
    from smolcourse.synthesis.methods import evol
    from smolcourse.synthesis.rows import Row, drafts_of

    orders = [row["messages"][1]["content"] for row in milk_tea.generate(40, seed=3)]
    tests = [str(item.messages[-1]["content"]) for item in load_task("milk-tea:new", size=200).items]
    leaked = [
        f"{text} xyz" for text in sorted((text.rpartition(" ")[0] for text in tests), key=len)[-5:]
    ]  # all but the last word
    texts = [*orders, *leaked, *(f"{text} ạ" for text in orders[:5])]
    rows = [Row(str(place), {"instruction": text, "response": "[]"}) for place, text in enumerate(texts)]
    before = Row("s", {"instruction": "Pha trà thế nào?"})
    evolved = [
        drafts_of(evol.deepen(before, Random(0)), lambda ask, text=text: text) for text in ("PHA TRÀ thế nào", "Pha trà sen?")
    ]
    return [
        [draft.dropped for draft in duplicates.near(rows)],
        [draft.dropped for draft in leaks.without(rows, tests=["milk-tea:new"])],
        [draft.dropped for drafts in evolved for draft in drafts],
        [templates.user_opening(tokenizer, [{"role": "system", "content": one}]) for one in ("Bạn bán trà.", "x")],
        [round(value, 9) for value in (diversity.distinct(texts, 2), diversity.self_bleu(texts, sample=20))],
    ]


def test_a_pipeline_with_the_right_functions_says_what_ours_says(tokenizer: PreTrainedTokenizerBase) -> None:
    ours = seen_by_a_pipeline(tokenizer)
    assert [len(set(map(str, said))) for said in ours[:4]] == [2, 2, 2, 2]  # something is dropped, and something kept
    names = [exercise.name for exercise in find_exercises() if exercise.methods == ("synth",)]
    assert len(names) == 6
    with driven_by({name: str(find_exercise(name).solution) for name in names}):
        assert seen_by_a_pipeline(tokenizer) == ours


def test_a_pipeline_with_a_planted_mistake_says_something_else(tokenizer: PreTrainedTokenizerBase) -> None:
    ours = seen_by_a_pipeline(tokenizer)
    wrong = ("decontaminate__whole-question", "evol_step__case-counts-as-new", "magpie_prompt__assistant-opened")
    for place, name in enumerate(wrong, start=1):
        with driven_by({name.partition("__")[0]: str(WRONG / f"{name}.py")}):
            assert seen_by_a_pipeline(tokenizer)[place] != ours[place], name

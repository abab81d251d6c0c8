"""Run exercises: what a run reports is never believed, the score is computed again from what was saved."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from smolcourse import experiment
from smolcourse.config import Recipe
from smolcourse.course.checker import Result
from smolcourse.course.lessons import Exercise, find_exercises
from smolcourse.course.runcheck import check_run
from smolcourse.data.milk_tea import style


@pytest.fixture(scope="module")
def exercise() -> Exercise:
    found = next(exercise for exercise in find_exercises() if exercise.run)
    assert found.run
    return dataclasses.replace(found, run=dataclasses.replace(found.run, size=4))


@pytest.fixture(scope="module")
def runs(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    recipe = Recipe(
        model_name_or_path=str(tiny_model),
        dataset_config={"size": 8},
        use_peft=True,
        max_steps=1,
        warmup_steps=0,
        output_dir=str(folder),
    )
    run = experiment.run(recipe, "boast")
    claim = {"before": {}, "after": {"unseen": {"value": 1.0, "low": 1.0, "high": 1.0, "items": 200}}}
    (run.path / "scores.json").write_text(json.dumps(claim), encoding="utf-8")
    return folder


def check(exercise: Exercise, runs: Path, score: float, minutes: float = 100.0) -> Result:
    assert exercise.run
    goal = dataclasses.replace(exercise.run, score=score, minutes=minutes)
    return check_run(dataclasses.replace(exercise, run=goal), runs, lambda text: None, seed=7)


def test_no_run_is_a_state_of_its_own(exercise: Exercise, tmp_path: Path) -> None:
    result = check(exercise, tmp_path, 0.5)
    assert result.state == "needs a run" and "smol train" in result.wanted


def test_a_reported_score_is_not_believed(exercise: Exercise, runs: Path) -> None:
    result = check(exercise, runs, 0.5)
    assert (result.state, result.name) == ("failing", "score-too-low")
    assert "0.0%" in result.got


def test_a_reached_score_passes_and_a_slow_run_does_not(exercise: Exercise, runs: Path) -> None:
    assert check(exercise, runs, 0.0).state == "passing"
    assert check(exercise, runs, 0.0, minutes=1e-6).name == "too-slow"


def test_a_served_goal_asks_the_server(exercise: Exercise, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    assert exercise.run
    goal = dataclasses.replace(exercise.run, score=0.0, served="http://127.0.0.1:9/v1")
    assert check_run(dataclasses.replace(exercise, run=goal), runs, lambda _: None).name == "no-server"


def test_a_model_that_scores_as_much_blind_does_not_pass(
    exercise: Exercise, runs: Path, tiny_vlm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A random model answers with and without pictures; the scorer then calls every answer right."""
    from smolcourse.evaluation import picture_tasks, scorers

    recipe = Recipe(model_name_or_path=str(tiny_vlm), dataset_name="shapes", dataset_config={"size": 4}, output_dir=str(tmp_path))
    experiment.run(dataclasses.replace(recipe, use_peft=True, max_steps=1, warmup_steps=0), "guesses")
    assert exercise.run
    words = f"smollm2-135m/sft/lora model_name_or_path={tiny_vlm} dataset_name=shapes"
    goal = dataclasses.replace(exercise.run, recipe=words, task="shapes", score=0.0, minutes=100, sight=0.15)
    asked = dataclasses.replace(exercise, run=goal)
    shapes = picture_tasks.PICTURE_TASKS["shapes"]
    always = dataclasses.replace(shapes, scorer=lambda answer, gold: {**scorers.exact_match(gold, gold)})
    monkeypatch.setitem(picture_tasks.PICTURE_TASKS, "shapes", always)
    result = check_run(asked, tmp_path, lambda text: None, seed=7)
    assert (result.state, result.name) == ("failing", "does-not-look") and "100.0%" in result.got, result.got
    free = dataclasses.replace(exercise, run=dataclasses.replace(goal, sight=0.0))
    assert check_run(free, tmp_path, lambda text: None, seed=7).state == "passing"


def test_a_preference_is_measured_on_fresh_pairs(
    exercise: Exercise, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exercise.run
    monkeypatch.setattr("smolcourse.course.runcheck._PAIRS", 6)
    recipe = Recipe(
        method="dpo",
        model_name_or_path=str(tiny_model),
        dataset_name="milk-tea-style",
        dataset_config={"size": 4},
        max_steps=4,
        use_peft=True,
        warmup_steps=0,
    )
    goal = dataclasses.replace(exercise.run, recipe="smollm2-135m/dpo/lora", score=0.0, size=1, minutes=100, preference=0.9)
    experiment.run(dataclasses.replace(recipe, learning_rate=2e-2, output_dir=str(tmp_path)), "style")
    asked = dataclasses.replace(exercise, run=goal)
    assert check_run(asked, tmp_path, lambda text: None, seed=7).state == "passing"

    def turned(*arguments: Any, **named: Any) -> list[dict[str, Any]]:
        return [{**row, "chosen": row["rejected"], "rejected": row["chosen"]} for row in ours(*arguments, **named)]

    ours = style.generate_pairs
    monkeypatch.setattr(style, "generate_pairs", turned)
    assert check_run(asked, tmp_path, lambda text: None, seed=7).name == "preference-too-low"

"""Run exercises: the score of a finished run is computed again, on orders nobody has seen, drawn with a new seed."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from smolcourse.config import load_recipe
from smolcourse.course.checker import Result
from smolcourse.course.lessons import Exercise, Goal, Text
from smolcourse.training.runs import Run, list_runs

if TYPE_CHECKING:
    from smolcourse.evaluation.tasks import Task

_PAIRS = 50


def check_run(exercise: Exercise, runs: Path, say: Callable[[str], None], *, seed: int | None = None) -> Result:
    """Scores the newest finished run of a folder against the exercise's goal.

    Args:
        runs: the folder of runs.
        say: gets one line before the minute that scoring takes.
        seed: of the fresh test data; drawn anew if None.
    """
    goal = exercise.run
    assert goal is not None
    run = _newest(runs, goal)
    if run is None:
        vi, en = "chưa có lần chạy nào xong để chấm", "there is no finished run to score yet"
        return Result(
            exercise, "needs a run", "no-run", Text(vi, en), wanted=f"smol train {goal.recipe}", section=exercise.section
        )
    if goal.served:
        from smolcourse.course.servedcheck import check_served

        return check_served(exercise, goal, run, say, secrets.randbelow(2**31) if seed is None else seed)
    from smolcourse.language import tr

    say(tr(f"Chấm lại {run.name} trên {goal.size} mục mới…", f"Scoring {run.name} anew on {goal.size} fresh items…"))
    seed = secrets.randbelow(2**31) if seed is None else seed
    value = score(run, goal, seed)
    minutes = run.seconds() / 60
    facts = f"{run.name}: {value:.1%}, {minutes:.1f} min"
    preferred = preference(run, seed) if goal.preference else 1.0
    if goal.preference:
        facts += f", {tr('đúng thứ tự', 'right order')} {preferred:.0%}"
    blind = score(run, goal, seed, blind=True) if goal.sight else 0.0
    if goal.sight:
        facts += f", {tr('không nhìn ảnh', 'blind')} {blind:.1%}"
    if minutes > goal.minutes * 1.1:
        vi, en = (
            f"lần chạy mất {minutes:.1f} phút, quá {goal.minutes:g} phút",
            f"the run took {minutes:.1f} minutes, more than {goal.minutes:g}",
        )
        return Result(
            exercise,
            "failing",
            "too-slow",
            Text(vi, en),
            got=facts,
            wanted=f"--budget {goal.minutes:g}m",
            section=exercise.section,
        )
    if preferred < goal.preference:
        vi = f"trên {_PAIRS} cặp mới, chỉ {preferred:.0%} có câu được chọn tăng nhiều hơn câu bị loại; cần {goal.preference:.0%}"
        en = f"of {_PAIRS} fresh pairs the chosen answer gained more in {preferred:.0%}; {goal.preference:.0%} are needed"
        return Result(exercise, "failing", "preference-too-low", Text(vi, en), got=facts, section=exercise.section)
    if value < goal.score - goal.tolerance:
        vi = f"điểm tính lại là {value:.1%}, cần {goal.score:.0%} (cho phép lệch {goal.tolerance:.0%})"
        en = f"the recomputed score is {value:.1%}, {goal.score:.0%} is needed (give or take {goal.tolerance:.0%})"
        return Result(exercise, "failing", "score-too-low", Text(vi, en), got=facts, section=exercise.section)
    if value < blind + goal.sight:
        vi = f"không nhìn ảnh mà vẫn được {blind:.1%}: nhìn chỉ hơn đoán {value - blind:.1%}, cần ít nhất {goal.sight:.0%}"
        en = f"blind it scores {blind:.1%}: looking adds {value - blind:.1%} to guessing, at least {goal.sight:.0%} is needed"
        return Result(exercise, "failing", "does-not-look", Text(vi, en), got=facts, section=exercise.section)
    return Result(exercise, "passing", got=facts)


def score(run: Run, goal: Goal, seed: int, *, blind: bool = False) -> float:
    """The score of the saved model or adapter on fresh items of the goal's task.

    Args:
        blind: the same items without their pictures.
    """
    from functools import partial

    from smolcourse.evaluation.compare import evaluate
    from smolcourse.evaluation.picture_tasks import blind as without_pictures
    from smolcourse.inference.generate import generate
    from smolcourse.inference.loading import load_model

    model, tokenizer = load_model(str(run.path))
    task = fresh_items(run, goal, seed)
    task = without_pictures(task) if blind else task
    limits = [2 * len(tokenizer(item.gold)["input_ids"]) for item in task.items]
    return evaluate(task, partial(generate, model, tokenizer, max_new_tokens=limits), model=run.name).interval().value


def fresh_items(run: Run, goal: Goal, seed: int) -> "Task":
    """Items of the goal's task that nobody has seen, in the language that the run was trained in."""
    from smolcourse.evaluation.tasks import load_task

    language = str((run.recipe().get("dataset_config") or {}).get("language", "vi"))
    return load_task(goal.task, size=goal.size, seed=seed, language=language)


def preference(run: Run, seed: int) -> float:
    """Share of fresh pairs about style whose chosen answer has gained more than the rejected one since the run began."""
    import torch

    from smolcourse.data.milk_tea.style import generate_pairs
    from smolcourse.data.preferences import encode_pair
    from smolcourse.inference.loading import load_model
    from smolcourse.training.logps import target_logps
    from smolcourse.training.pairs import collate_pairs, sequence_logps

    recipe = run.recipe()
    language = (recipe.get("dataset_config") or {}).get("language", "vi")
    rows = generate_pairs(_PAIRS, seed=seed, split="unseen", language=language)
    found = []
    for reference in (str(run.path), str(recipe["model_name_or_path"])):
        model, tokenizer = load_model(reference)
        batches = [collate_pairs([encode_pair(row, tokenizer)._asdict()]) for row in rows]
        with torch.no_grad():
            there = [{key: value.to(model.device) for key, value in batch.items()} for batch in batches]
            found.append(torch.stack([sequence_logps(target_logps(model, batch), batch)[:2] for batch in there]))
    gained = found[0] - found[1]
    return float((gained[:, 0] > gained[:, 1]).float().mean())


def _newest(runs: Path, goal: Goal) -> Run | None:
    name, *words = goal.recipe.split()
    data = load_recipe(name, words).dataset_name
    for run in reversed(list_runs(runs)):
        if run.state() == "finished" and run.result() is not None and run.recipe().get("dataset_name") == data:
            return run
    return None

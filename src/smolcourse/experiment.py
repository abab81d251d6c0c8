"""The main job, whole: what the model can do before, the training, and what it can do after, on data it never saw."""

import json
import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from transformers import PreTrainedTokenizerBase

from smolcourse import hardware
from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.evaluation.compare import TaskResult, evaluate, write_items
from smolcourse.evaluation.statistics import Interval
from smolcourse.evaluation.tasks import Task, load_task
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import Located, load_model, system_prompt_of
from smolcourse.language import tr
from smolcourse.training import parallel
from smolcourse.training.energy import EnergyMeter, energy_from
from smolcourse.training.report import report_text
from smolcourse.training.runs import Run, list_runs
from smolcourse.training.train import Prepared, Say, load, prepare, recipe_of, say_nothing, train

_ROOM = 8  # tokens an answer may have beyond its gold's and a quarter: room for JSON that is written wider


def run(recipe: Recipe, name: str, say: Say = say_nothing, *, before: dict[str, dict[str, float]] | None = None) -> Run:
    """Starts a recipe: scores the base model, trains, scores the result, writes the report.

    Args:
        name: of the recipe; part of the run folder's name.
        say: gets each step's findings as text, for people.
        before: the base model's scores, where another run of the same model and task has found them.

    Raises:
        SmolError: bad input, or a run that cannot fit; `training.loop.Stopped` by Ctrl-C.
    """
    say, prepared = _prepared(recipe, say)
    folder = parallel.from_first(lambda: Run.create(prepared.recipe, name, folder=recipe.output_dir))
    say(f"{tr('Run', 'Run')}: {folder.path}")
    if before and parallel.is_first():
        _write_scores(folder, "before", before)
    return _go(prepared, folder, say)


def resume(folder: Run, say: Say = say_nothing) -> Run:
    """Goes on with a run that was stopped or killed, from its newest whole checkpoint.

    Raises:
        SmolError: it is finished, or another process trains in it.
    """
    if is_finished(folder):
        raise SmolError("run này đã xong", "this run is finished", where=folder.name, fix=f"smol chat {folder.name}")
    say, prepared = _prepared(recipe_of(folder), say)
    return _go(prepared, folder, say)


def run_once(recipe: Recipe, name: str, say: Say = say_nothing, *, before: dict[str, dict[str, float]] | None = None) -> Run:
    """The newest run in the recipe's output folder: one that is finished, one that is gone on with, or a new one.

    Raises:
        SmolError: as `run` and `resume`.
    """
    there = list_runs(recipe.output_dir)
    if not there:
        return run(recipe, name, say, before=before)
    if is_finished(there[-1]):
        say(tr(f"đã có: {there[-1].path}", f"is there: {there[-1].path}"))
        return there[-1]
    return resume(there[-1], say)


def is_finished(folder: Run) -> bool:
    """Trained, scored and reported on."""
    return folder.state() == "finished" and (folder.path / "report.md").exists()


def _prepared(recipe: Recipe, say: Say) -> tuple[Say, Prepared]:
    """Of several processes, the first one speaks, and prepares what the others then find."""
    parallel.join(hardware.machine().device)
    say = say if parallel.is_first() else say_nothing
    with parallel.first_then_others():
        return say, prepare(recipe, say)


def _go(prepared: Prepared, folder: Run, say: Say) -> Run:
    recipe, tokenizer = prepared.recipe, prepared.tokenizer
    tasks = [load_task(f"{recipe.task}:{split}", size=recipe.task_size, language=_language(recipe)) for split in _splits(recipe)]
    if folder.state() == "finished":  # stopped between training and report
        model, _ = load_model(str(folder.path))
    else:
        model = load(prepared)
        if tasks and "before" not in scores(folder) and parallel.is_first():
            say(tr("Chấm mô hình gốc trên dữ liệu chưa từng thấy…", "Scoring the base model on data it never saw…"))
            whole = load_model(str(prepared.folder))[0] if recipe.fsdp else model
            _score(whole, tokenizer, tasks[:1], folder, "before", say)
        sample = None if recipe.fsdp else partial(_answers, system=system_prompt_of(Located(folder.path, folder)))
        train(prepared, folder, model, sample=sample, reward=partial(_reward, tasks[0]) if tasks else None)
        if tasks and parallel.is_first() and (recipe.fsdp or recipe.engine == "trl"):
            model, _ = load_model(str(folder.path))  # what was trained is sharded, or was put on by TRL
    if not parallel.is_first():
        return folder
    if tasks:
        say(tr("Chấm mô hình vừa huấn luyện…", "Scoring the trained model…"))
        _score(model, tokenizer, tasks, folder, "after", say)
    last = folder.metrics()[-1]
    before, after = scores(folder).get("before", {}), scores(folder).get("after", {})
    table = {split: (_triple(before.get(split)), _triple(after.get(split))) for split in after}
    folder.write_report(
        report_text(
            folder,
            seconds=last["seconds"],
            prediction=prepared.prediction if recipe.engine == "smol" else None,
            peak_memory=hardware.peak_memory(),
            energy=energy_from(last["wh"], EnergyMeter(recipe.country).measured, recipe.country),
            scores=table or None,
        )
    )
    return folder


def scores(folder: Run) -> dict[str, dict[str, dict[str, float]]]:
    """`scores.json` of a run: {"before"|"after": {split: {"value", "low", "high", "items"}}}; empty without one."""
    try:
        values: dict[str, Any] = json.loads((folder.path / "scores.json").read_text(encoding="utf-8"))
        return values
    except (OSError, ValueError):
        return {}


def _splits(recipe: Recipe) -> Sequence[str]:
    return (recipe.task_splits or ["new"]) if recipe.task else []


def _language(recipe: Recipe) -> str:
    return str(recipe.dataset_config.get("language", "vi"))


def _score(model: Any, tokenizer: PreTrainedTokenizerBase, tasks: list[Task], folder: Run, when: str, say: Say) -> None:
    training = model.training
    model.eval()
    results: list[TaskResult] = []
    found: dict[str, dict[str, float]] = {}
    for task in tasks:
        limits = [5 * len(tokenizer(item.gold)["input_ids"]) // 4 + _ROOM for item in task.items]
        answer = partial(generate, model, tokenizer, max_new_tokens=limits)
        result = evaluate(task, answer, model=f"{folder.name} ({when})")
        results.append(result)
        exact = result.interval()
        found[task.name.partition(":")[2]] = {
            "value": exact.value,
            "low": exact.low,
            "high": exact.high,
            "items": len(task.items),
        }
        say(f"  {task.name}: {show(exact)}")
        example = result.items[0]
        say(f"    {tr('Đơn', 'Order')}: {example.messages[-1]['content']}\n    → {' '.join(example.answer.split())[:200]}")
    model.train(training)
    write_items(results, folder.path / f"answers-{when}.jsonl")
    _write_scores(folder, when, found)


def _write_scores(folder: Run, when: str, found: dict[str, dict[str, float]]) -> None:
    path = folder.path / "scores.json"
    partial_path = path.with_name("scores.json.partial")
    partial_path.write_text(json.dumps({**scores(folder), when: found}, indent=1) + "\n", encoding="utf-8")
    os.replace(partial_path, path)


def show(interval: Interval) -> str:
    """`84.5 % [79.0, 89.0]`."""
    return f"{interval.value:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


def _triple(values: dict[str, float] | None) -> tuple[float, float, float] | None:
    return (values["value"], values["low"], values["high"]) if values else None


def _reward(task: Task, answer: str, gold: str) -> float:
    """The score that stands for the task."""
    return task.scorer(answer, gold)[task.metric]


def _answers(model: Any, tokenizer: PreTrainedTokenizerBase, prompts: list[str], *, system: str | None) -> list[str]:
    """Fixed prompts while training: asked as the data asks, with its system prompt where there is one."""
    ahead = [{"role": "system", "content": system}] if system else []
    conversations = [[*ahead, {"role": "user", "content": prompt}] for prompt in prompts]
    return generate(model, tokenizer, conversations, max_new_tokens=96)

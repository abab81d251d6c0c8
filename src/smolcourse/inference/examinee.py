"""Models as evaluation wants them, a name and three callables each, and several of them sitting the same exam."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path

from smolcourse.errors import SmolError
from smolcourse.evaluation.answers import remembering
from smolcourse.evaluation.compare import TaskResult, examine
from smolcourse.evaluation.contamination import Overlap, overlap
from smolcourse.evaluation.examinee import Examinee, Prompt
from smolcourse.evaluation.picture_tasks import shown
from smolcourse.evaluation.tasks import Task
from smolcourse.inference.endpoint import endpoint_examinee, is_endpoint
from smolcourse.inference.loading import Located, base_of, load_model, locate
from smolcourse.vision.loading import needs_sight

Progress = Callable[[str, int, int], None]
"""Called with what is being answered, how many items are done, and how many there are."""

_VERSION = 1  # raise it when the same model would answer otherwise: kept answers are then asked for again


def sit(
    models: Sequence[str], tasks: Sequence[Task], *, answers: Path | None = None, progress: Progress | None = None
) -> list[list[TaskResult]]:
    """Has each model solve each task; only one model is in memory at a time.

    Args:
        models: names as `loading.locate` takes them, or addresses of servers (`http://localhost:8080/v1#model`).
        answers: folder that keeps what models have answered; None asks everything anew.

    Returns:
        For each task, the results of all models.

    Raises:
        SmolError: a model cannot be found or loaded; all are looked for before the first question.
    """
    places = [None if is_endpoint(name) else locate(name) for name in models]
    told = progress or (lambda *_: None)
    columns = [_answer_all(name, place, tasks, answers, told) for name, place in zip(models, places, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _answer_all(
    name: str, place: Located | None, tasks: Sequence[Task], answers: Path | None, told: Progress
) -> list[TaskResult]:
    """One model's results; the model is let go of at the end."""
    examinee = examinee_of(place, name) if place else endpoint_examinee(name)
    with remembering(examinee, answers) if answers else nullcontext(examinee) as asked:
        return [_examine(task, asked, told) for task in tasks]


def _examine(task: Task, examinee: Examinee, progress: Progress) -> TaskResult:
    label = f"{examinee.name} · {task.name}"
    return examine(task, examinee, on_done=lambda done: progress(label, done, len(task.items)))


def any_examinee(name: str) -> Examinee:
    """A model by its name, or a server by its address."""
    return endpoint_examinee(name) if is_endpoint(name) else examinee_of(locate(name), name)


def examinee_of(place: Located, name: str) -> Examinee:
    """Loads a model. `name` is its name in tables.

    Raises:
        SmolError: as `loading.load_model`.
    """
    from smolcourse.inference.generate import generate
    from smolcourse.inference.loglik import Reader
    from smolcourse.inference.seeing import sees

    model, tokenizer = load_model(place)
    reader = Reader(model, tokenizer)

    def write(prompts: Sequence[Prompt], max_new_tokens: int) -> list[str]:
        if any(not isinstance(prompt, str) and shown(prompt) for prompt in prompts) and not sees(model):
            raise needs_sight(name)
        return generate(model, tokenizer, prompts, max_new_tokens=max_new_tokens)

    return Examinee(name, identity(place), write, reader.loglikelihoods, reader.texts)


def identity(place: Located) -> str:
    """Differs when the weights do: every file of the folder by name and size, small ones by content, large ones by time of
    change; an adapter also by its base."""
    parts = [_VERSION, *_files(place.path)]
    if (place.path / "adapter_config.json").is_file():
        parts += _files(base_of(place))
    return sha256(json.dumps(parts).encode()).hexdigest()


def _files(folder: Path) -> list[tuple[str, int, int | str]]:
    found: list[tuple[str, int, int | str]] = []
    for file in sorted(folder.iterdir()):
        if file.is_file():
            facts = file.stat()
            small = facts.st_size < 1 << 20
            found.append((file.name, facts.st_size, sha256(file.read_bytes()).hexdigest() if small else facts.st_mtime_ns))
    return found


def training_overlaps(models: Sequence[str], tasks: Sequence[Task]) -> list[list[Overlap | None]]:
    """For each task and each model, which items stood in what the model's run was trained on; None where no run tells."""
    from smolcourse.data.loading import load_rows

    def look(name: str, task: Task) -> Overlap | None:
        recipe = {} if is_endpoint(name) else locate(name).recipe
        if not recipe.get("dataset_name") or task.baseline_of:
            return None
        try:
            rows = load_rows(recipe["dataset_name"], recipe.get("dataset_config"), recipe.get("dataset_train_split"))
            return overlap(task, rows)
        except (SmolError, OSError):
            return None  # the file is gone, which does not make the scores wrong

    return [[look(name, task) for name in models] for task in tasks]

"""Two models, the same prompts and test items: what each answers, and what the difference is worth."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from smolcourse.data.templates import Message
from smolcourse.evaluation.compare import Comparison, TaskResult, compare, evaluate, examine
from smolcourse.evaluation.examinee import Examinee, Prompt
from smolcourse.evaluation.solvers import generate as write
from smolcourse.evaluation.tasks import Task
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import Located, load_model, locate
from smolcourse.inference.loglik import Reader

Progress = Callable[[str, int, int], None]
"""Called with what is being answered, how many answers are done, and how many there will be."""


@dataclass(frozen=True)
class SideBySide:
    """`answers` holds (prompt, first answer, second answer); `results` the two results of each task."""

    models: tuple[str, str]
    answers: list[tuple[str, str, str]]
    results: list[tuple[TaskResult, TaskResult]]

    def comparisons(self) -> list[Comparison]:
        """Each task's difference, by its own metric."""
        return [compare(first, second) for first, second in self.results]


def side_by_side(
    first: str,
    second: str,
    *,
    prompts: list[str],
    tasks: list[Task],
    system: str | None = None,
    max_new_tokens: int = 160,
    progress: Progress | None = None,
) -> SideBySide:
    """Answers prompts and tasks with both models, one after the other: only one is in memory. Greedy, so it repeats exactly.

    Args:
        system: put before each prompt of `prompts`; tasks bring their own.

    Raises:
        SmolError: a model cannot be found or loaded; both are looked for before anything is generated.
    """
    opening: list[Message] = [{"role": "system", "content": system}] if system else []
    asked = [[*opening, {"role": "user", "content": prompt}] for prompt in prompts]
    located = [(name, locate(name)) for name in (first, second)]
    told = progress or (lambda *_: None)
    one, other = [_answers_of(name, place, asked, tasks, max_new_tokens, told) for name, place in located]
    return SideBySide(
        (first, second), list(zip(prompts, one[0], other[0], strict=True)), list(zip(one[1], other[1], strict=True))
    )


def _answers_of(
    name: str, place: Located, asked: list[list[Message]], tasks: list[Task], max_new_tokens: int, progress: Progress
) -> tuple[list[str], list[TaskResult]]:
    """One model's answers to the prompts, and its results; the model is let go of at the end."""
    model, tokenizer = load_model(place)

    reader = Reader(model, tokenizer)

    def answer(prompts: Sequence[Prompt], _: int = 0, *, label: str) -> list[str]:
        finished = itertools.count(1)

        def count(*_: object) -> None:
            progress(label, next(finished), len(prompts))

        return generate(model, tokenizer, prompts, max_new_tokens=max_new_tokens, on_done=count)

    def result(task: Task) -> TaskResult:
        labelled = partial(answer, label=f"{name} · {task.name}")
        if task.solver is write and task.chat:
            return evaluate(task, labelled, model=name)
        return examine(task, Examinee(name, name, labelled, reader.loglikelihoods, reader.texts))

    return answer(asked, label=name), [result(task) for task in tasks]

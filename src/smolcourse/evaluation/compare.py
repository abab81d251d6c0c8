"""Runs a task, keeps every single answer, and says whether two models differ on it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.evaluation.scorers import Scores
from smolcourse.evaluation.statistics import Interval, interval, mcnemar, paired_difference
from smolcourse.evaluation.tasks import Message, Task

Answerer = Callable[[list[list[Message]]], Sequence[str]]
"""Conversations -> answers, in the same order."""


@dataclass(frozen=True)
class ItemResult:
    """One item as it was asked, answered and scored."""

    index: int
    messages: list[Message]
    gold: str
    answer: str
    scores: Scores

    @property
    def right(self) -> bool:
        """Whether the answer is wholly right."""
        return self.scores["exact_match"] == 1.0


@dataclass(frozen=True)
class TaskResult:
    """A model's answers to a task."""

    task: str
    model: str
    items: list[ItemResult]

    def values(self, metric: str = "exact_match") -> list[float]:
        """The scores of all items that have this metric."""
        return [item.scores[metric] for item in self.items if metric in item.scores]

    def metrics(self) -> list[str]:
        """Names of all metrics, in the scorer's order."""
        return list(dict.fromkeys(name for item in self.items for name in item.scores))

    def interval(self, metric: str = "exact_match", *, seed: int = 0) -> Interval:
        """Mean and 95 % interval of a metric."""
        return interval(self.values(metric), seed=seed)

    def summary(self) -> dict[str, Any]:
        """Plain values for JSON: every metric with its interval."""
        return {
            "task": self.task,
            "model": self.model,
            "items": len(self.items),
            "metrics": {metric: asdict(self.interval(metric)) for metric in self.metrics()},
        }


@dataclass(frozen=True)
class Comparison:
    """Two models on the same items; `difference` is second - first."""

    task: str
    metric: str
    first: Interval
    second: Interval
    difference: Interval
    gained: list[int]
    """Places of items that only the second gets right."""
    lost: list[int]
    """Places of items that only the first gets right."""
    p_value: float

    @property
    def is_real(self) -> bool:
        """Whether the 95 % interval of the difference leaves out 0."""
        return self.difference.low > 0 or self.difference.high < 0


def evaluate(task: Task, answer: Answerer, *, model: str = "") -> TaskResult:
    """Asks every item of a task and scores the answers.

    Args:
        answer: all conversations -> all answers; `functools.partial(generate, model, tokenizer, max_new_tokens=160)`.
        model: its name in reports.
    """
    answers = answer([item.messages for item in task.items])
    if len(answers) != len(task.items):
        raise ValueError(f"{len(task.items)} items, but {len(answers)} answers")
    scored = [
        ItemResult(index, item.messages, item.gold, text, task.scorer(text, item.gold))
        for index, (item, text) in enumerate(zip(task.items, answers, strict=True))
    ]
    return TaskResult(task.name, model, scored)


def compare(first: TaskResult, second: TaskResult, *, metric: str = "exact_match", seed: int = 0) -> Comparison:
    """Compares two results item by item.

    Raises:
        SmolError: they do not hold the same items.
    """
    asked = [[(item.messages, item.gold) for item in result.items] for result in (first, second)]
    if first.task != second.task or asked[0] != asked[1]:
        raise SmolError(
            "hai kết quả không cùng một bộ câu hỏi, nên không so từng cặp được",
            "the two results are not about the same items, so they cannot be compared in pairs",
            where=f"{first.task} / {second.task}",
        )
    mine, other = first.values(metric), second.values(metric)
    gained = [place for place, item in enumerate(second.items) if item.right and not first.items[place].right]
    lost = [place for place, item in enumerate(first.items) if item.right and not second.items[place].right]
    return Comparison(
        first.task,
        metric,
        first.interval(metric, seed=seed),
        second.interval(metric, seed=seed),
        paired_difference(mine, other, seed=seed),
        gained,
        lost,
        mcnemar(len(lost), len(gained)),
    )


def write_items(results: Sequence[TaskResult], path: Path) -> None:
    """Writes every answer of these results, one JSON line an item; the file is whole or not there."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            for result in results:
                for item in result.items:
                    line = {"task": result.task, "model": result.model, **asdict(item)}
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise SmolError(
            f"không ghi được tệp ({error.strerror})", f"the file cannot be written ({error.strerror})", where=str(path)
        ) from error

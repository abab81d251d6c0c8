"""Runs a task, keeps every single answer, and says whether two models differ on it."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.evaluation.examinee import Examinee, Likelihood
from smolcourse.evaluation.scorers import Scores
from smolcourse.evaluation.solvers import Outcome, generate
from smolcourse.evaluation.statistics import Interval, interval, mcnemar, paired_difference, permutation
from smolcourse.evaluation.tasks import Item, Message, Task

Answerer = Callable[[list[list[Message]]], Sequence[str]]
"""Conversations -> answers, in the same order."""

_SHOWN = {  # what a person reads of a mean over words or bytes
    "word_perplexity": ("nats_per_word", math.exp),
    "byte_perplexity": ("nats_per_byte", math.exp),
    "bits_per_byte": ("nats_per_byte", lambda nats: nats / math.log(2)),
}


def lower_is_better(metric: str) -> bool:
    """Perplexity and its kin measure surprise, a character error rate errors."""
    return metric in _SHOWN or metric == "cer"


@dataclass(frozen=True)
class ItemResult:
    """One item as it was asked, answered and scored."""

    index: int
    messages: list[Message]
    gold: str
    answer: str
    scores: Scores
    choices: tuple[str, ...] = ()
    likelihoods: tuple[Likelihood, ...] = ()
    """Of each choice, or of the text: natural logarithm of the probability, and tokens."""
    weights: dict[str, float] = field(default_factory=dict)
    group: str = ""

    def line(self) -> dict[str, Any]:
        """Plain values for JSON, without what this kind of item has not."""
        return {
            key: value
            for key, value in asdict(self).items()
            if value or key not in ("choices", "likelihoods", "weights", "group")
        }


@dataclass(frozen=True)
class TaskResult:
    """A model's answers to a task. `metric` is the score that stands for the task."""

    task: str
    model: str
    items: list[ItemResult]
    metric: str = "exact_match"

    def values(self, metric: str | None = None) -> list[float]:
        """The scores of all items that have this metric."""
        name = _stored(metric or self.metric)
        return [item.scores[name] for item in self.items if name in item.scores]

    def weights(self, metric: str | None = None) -> list[float] | None:
        """What each of `values` weighs in the mean; None where all weigh the same."""
        name = _stored(metric or self.metric)
        return [item.weights[name] for item in self.items] if self.items and name in self.items[0].weights else None

    def groups(self, metric: str | None = None) -> list[str]:
        """The group of each of `values`."""
        name = _stored(metric or self.metric)
        return [item.group for item in self.items if name in item.scores]

    def metrics(self) -> list[str]:
        """Names of all metrics, in the scorer's order."""
        names = dict.fromkeys(name for item in self.items for name in item.scores)
        return [shown for name in names for shown in ([key for key, (kept, _) in _SHOWN.items() if kept == name] or [name])]

    def interval(self, metric: str | None = None, *, seed: int = 0) -> Interval:
        """Mean and 95 % interval of a metric."""
        metric = metric or self.metric
        found = interval(self.values(metric), weights=self.weights(metric), groups=self.groups(metric), seed=seed)
        if metric not in _SHOWN:
            return found
        _, show = _SHOWN[metric]
        return Interval(*(show(value) for value in (found.value, found.low, found.high)))

    def summary(self) -> dict[str, Any]:
        """Plain values for JSON: every metric with its interval."""
        return {
            "task": self.task,
            "model": self.model,
            "items": len(self.items),
            "metric": self.metric,
            "metrics": {metric: asdict(self.interval(metric)) for metric in self.metrics()},
        }


def _stored(metric: str) -> str:
    """The name under which items keep it."""
    return _SHOWN[metric][0] if metric in _SHOWN else metric


@dataclass(frozen=True)
class Comparison:
    """Two models on the same items; `difference` is second - first (of the logarithm, for a perplexity)."""

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

    @property
    def second_is_better(self) -> bool:
        """Whether the second scores better here, by chance or not."""
        return self.difference.value != 0 and (self.difference.value > 0) != lower_is_better(self.metric)


def evaluate(task: Task, answer: Answerer, *, model: str = "") -> TaskResult:
    """Asks every item of a task at once and scores what was written.

    Args:
        answer: all conversations -> all answers; `functools.partial(generate, model, tokenizer, max_new_tokens=160)`.
        model: its name in reports.
    """
    examinee = Examinee(model, model, lambda prompts, _: answer([item.messages for item in task.items]))
    return _result(task, model, generate(task, task.items, examinee))


def examine(task: Task, examinee: Examinee, *, on_done: Callable[[int], None] | None = None) -> TaskResult:
    """Has an examinee solve a task, a chunk of items at a time.

    Args:
        on_done: gets the number of items done so far.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(task.items), examinee.together):
        outcomes += task.solver(task, task.items[start : start + examinee.together], examinee)
        if on_done:
            on_done(len(outcomes))
    return _result(task, examinee.name, outcomes)


def _result(task: Task, model: str, outcomes: Sequence[Outcome]) -> TaskResult:
    pairs = enumerate(zip(task.items, outcomes, strict=True))
    return TaskResult(task.name, model, [_item_result(index, item, found) for index, (item, found) in pairs], task.metric)


def _item_result(index: int, item: Item, found: Outcome) -> ItemResult:
    kept = (item.choices, found.likelihoods, found.weights, item.group)
    return ItemResult(index, item.messages, item.gold, found.answer, found.scores, *kept)


def compare(first: TaskResult, second: TaskResult, *, metric: str | None = None, seed: int = 0) -> Comparison:
    """Compares two results item by item: McNemar's test for right or wrong on independent items, else a permutation test.

    Raises:
        SmolError: they do not hold the same items.
    """
    asked = [[(item.messages, item.gold, item.choices) for item in result.items] for result in (first, second)]
    if first.task != second.task or asked[0] != asked[1]:
        raise SmolError(
            "hai kết quả không cùng một bộ câu hỏi, nên không so từng cặp được",
            "the two results are not about the same items, so they cannot be compared in pairs",
            where=f"{first.task} / {second.task}",
        )
    metric = metric or first.metric
    mine, other = first.values(metric), second.values(metric)
    weights, groups = first.weights(metric), first.groups(metric)
    name = _stored(metric)
    best = 0.0 if metric == "cer" else 1.0
    right = [[item.scores.get(name) == best for item in result.items] for result in (first, second)]
    gained = [place for place, (a, b) in enumerate(zip(*right, strict=True)) if b and not a]
    lost = [place for place, (a, b) in enumerate(zip(*right, strict=True)) if a and not b]
    yes_or_no = (
        weights is None and {*mine, *other} <= {0.0, 1.0} and len(set(filter(None, groups))) == len(list(filter(None, groups)))
    )
    return Comparison(
        first.task,
        metric,
        first.interval(metric, seed=seed),
        second.interval(metric, seed=seed),
        paired_difference(mine, other, weights=weights, groups=groups, seed=seed),
        gained,
        lost,
        mcnemar(len(lost), len(gained)) if yes_or_no else permutation(mine, other, weights=weights, groups=groups, seed=seed),
    )


def write_items(results: Sequence[TaskResult], path: Path) -> None:
    """Writes every answer of these results, one JSON line an item; the file is whole or not there."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            for result in results:
                for item in result.items:
                    line = {"task": result.task, "model": result.model, **item.line()}
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise SmolError(
            f"không ghi được tệp ({error.strerror})", f"the file cannot be written ({error.strerror})", where=str(path)
        ) from error

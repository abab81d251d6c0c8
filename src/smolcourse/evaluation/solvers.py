"""How a model is asked: it writes an answer, it chooses the likeliest of several, or it reads a text and is surprised."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smolcourse.evaluation.examinee import Examinee, Likelihood, Prompt
from smolcourse.evaluation.scorers import Scores

if TYPE_CHECKING:
    from smolcourse.evaluation.tasks import Item, Task


@dataclass(frozen=True)
class Outcome:
    """What a model answered to one item. `weights` are the parts that an item has in a mean over words or bytes."""

    answer: str
    scores: Scores
    likelihoods: tuple[Likelihood, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)


Solver = Callable[["Task", "Sequence[Item]", Examinee], list[Outcome]]


def prompt_of(item: Item, chat: bool) -> Prompt:
    """Messages for the chat template, or their text as it stands."""
    return item.messages if chat else "".join(str(message["content"]) for message in item.messages)


def generate(task: Task, items: Sequence[Item], examinee: Examinee) -> list[Outcome]:
    """The model writes, the task's scorer compares with the gold."""
    answers = examinee.generate([prompt_of(item, task.chat) for item in items], task.max_new_tokens)
    if len(answers) != len(items):
        raise ValueError(f"{len(items)} items, but {len(answers)} answers")
    cut = [_until(text, task.stop) for text in answers]
    return [Outcome(text, task.scorer(text, item.gold)) for text, item in zip(cut, items, strict=True)]


def _until(text: str, stops: Sequence[str]) -> str:
    return text[: min([place for stop in stops if (place := text.find(stop)) >= 0], default=len(text))]


def choose(task: Task, items: Sequence[Item], examinee: Examinee) -> list[Outcome]:
    """The choice that the model finds likeliest behind the question is its answer."""
    space = "" if task.chat else " "
    requests = [(prompt_of(item, task.chat), [space + choice for choice in item.choices]) for item in items]
    found = [tuple((log, tokens) for log, tokens in likelihoods) for likelihoods in examinee.loglikelihoods(requests)]
    return [
        Outcome(item.choices[_largest([log for log, _ in likelihoods])], choice_scores(likelihoods, item), likelihoods)
        for item, likelihoods in zip(items, found, strict=True)
    ]


def choice_scores(likelihoods: Sequence[Likelihood], item: Item) -> Scores:
    """Whether the likeliest choice is the gold one; a long choice has less probability by length alone, so also per character
    (`acc_norm`), per byte and per token. The first three are lm-eval's `acc`, `acc_norm`, `acc_bytes`.
    """
    gold = item.choices.index(item.gold)
    logs = [log for log, _ in likelihoods]
    sizes = {
        "acc": [1] * len(logs),
        "acc_norm": [len(choice) for choice in item.choices],
        "acc_bytes": [len(choice.encode()) for choice in item.choices],
        "acc_token": [tokens for _, tokens in likelihoods],
    }
    return {
        name: float(_largest([log / size for log, size in zip(logs, each, strict=True)]) == gold) for name, each in sizes.items()
    }


def _largest(values: Sequence[float]) -> int:
    """The place of the largest value, the first of equals. (Upstream's course took the smallest, and nobody noticed.)"""
    if not all(math.isfinite(value) for value in values):
        raise ValueError("a likelihood is not finite")
    return max(range(len(values)), key=values.__getitem__)


def read(task: Task, items: Sequence[Item], examinee: Examinee) -> list[Outcome]:
    """How surprised the model is by a text, in nats per word and per byte. Words are what stands between white space, as in
    lm-eval; a mean over texts weighs each by its size."""
    texts = ["".join(str(message["content"]) for message in item.messages) for item in items]
    found = []
    for text, (log, tokens) in zip(texts, examinee.texts(texts), strict=True):
        sizes = {"nats_per_word": float(len(re.split(r"\s+", text))), "nats_per_byte": float(len(text.encode()))}
        scores = {name: -log / size for name, size in sizes.items()}
        found.append(Outcome("", scores, ((log, tokens),), sizes))
    return found

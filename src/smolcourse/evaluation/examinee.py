"""Who sits an exam: three callables and a name. What lies behind them, a model or a server, is not this room's concern."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from smolcourse.errors import SmolError

Prompt = str | Sequence[dict[str, Any]]
"""Text as it stands, or messages for the chat template."""
Likelihood = tuple[float, int]
"""Natural logarithm of a probability, and the number of tokens it is the product of."""


def cannot_read(*_: object) -> Any:
    """Stands for likelihoods where there are none: a chat endpoint gives text only."""
    raise SmolError(
        "bài này cần xác suất của từng lựa chọn, mà endpoint chỉ trả về văn bản",
        "this task needs the likelihood of each choice, and an endpoint gives text only",
        fix="smol eval MODEL --tasks milk-tea",
    )


@dataclass(frozen=True)
class Examinee:
    """Attributes:
    name: in tables and files.
    identity: differs whenever an answer could differ; answers are kept under it.
    generate: prompts and the most new tokens of each -> answers, greedy.
    loglikelihoods: (context, continuations) pairs -> one likelihood a continuation.
    texts: texts -> the likelihood of each as a whole.
    together: items asked at once: enough for full batches, and the most that a kill may cost.
    """

    name: str
    identity: str
    generate: Callable[[Sequence[Prompt], int], Sequence[str]]
    loglikelihoods: Callable[[Sequence[tuple[Prompt, Sequence[str]]]], Sequence[Sequence[Likelihood]]] = cannot_read
    texts: Callable[[Sequence[str]], Sequence[Likelihood]] = cannot_read
    together: int = 128

"""Sources that need no model: every answer follows from the question, and every question is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from smolcourse.synthesis.limits import Usage
from smolcourse.synthesis.rows import Ask, Unanswered
from smolcourse.synthesis.sources import Request


def echo(ask: Ask) -> str:
    return f"đáp: {ask.messages[-1]['content']}"


class Fake:
    """Answers by a function of the question. `dies_after`: answers from which on it raises `KeyboardInterrupt`."""

    def __init__(
        self, answers: Callable[[Ask], str] = echo, *, identity: str = "fake", together: int = 7, dies_after: int | None = None
    ) -> None:
        self.identity, self.together, self.answers, self.dies_after = identity, together, answers, dies_after
        self.asked: Counter[str] = Counter()
        self.asks: list[Ask] = []
        self._waiting: list[Request] = []

    def submit(self, request: Request) -> None:
        self._waiting.append(request)

    def work(self) -> bool:
        batch, self._waiting = self._waiting, []
        for request in reversed(batch):  # not in the order of asking
            if self.dies_after is not None and self.asked.total() >= self.dies_after:
                raise KeyboardInterrupt
            self.asked[request.key] += 1
            self.asks.append(request.ask)
            try:
                text = self.answers(request.ask)
            except Unanswered as error:
                request.failed(error)
            else:
                request.done(request, text, self.identity, Usage(10, 5, 0.001), 0.0)
        return bool(batch)

    def close(self) -> None:
        self._waiting.clear()

"""How much may be asked of a server: so many requests and tokens a minute, and a budget for the whole run, stops and all."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smolcourse.data.templates import Message
from smolcourse.language import tr
from smolcourse.synthesis.rows import Unanswered

_BYTES_A_TOKEN = 3  # English has four or five, Vietnamese two or three; only for planning and where a server does not count
_FRAME = 8  # tokens that a template puts around a message
_LEAST, _MOST = 1 / 32, 1.0  # tokens a byte: outside this no tokenizer can have counted


@dataclass(frozen=True)
class Budget:
    """The most that servers may be asked, over all stops of a run. None: as much as the pipeline needs."""

    requests: int | None = None
    tokens: int | None = None
    usd: float | None = None


class Spent(Unanswered):
    """The budget is spent."""


class Stopped(Unanswered):
    """The run is being ended."""


@dataclass(frozen=True)
class Usage:
    """Tokens of one answer, and their price. `doubtful`: the server gave no count, or one that cannot be; then it is ours."""

    prompt_tokens: int
    completion_tokens: int
    usd: float = 0.0
    doubtful: bool = False


def guess_tokens(messages: Sequence[Message]) -> int:
    """About how many tokens these messages have."""
    return sum(_FRAME + guess_text(str(message.get("content") or "")) for message in messages)


def guess_text(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text.encode("utf-8", "replace")) / _BYTES_A_TOKEN)


def believed(reported: int | None, text: str, frame: int = 0) -> tuple[int, bool]:
    """A server's count of a text's tokens if that can be true, else our guess; and whether it is ours.

    Args:
        frame: messages in the text: a template may add a few tokens, a system prompt of its own too, to each.
    """
    size = len(text.encode("utf-8", "replace"))
    if reported is not None and size * _LEAST <= reported <= size * _MOST + 64 * frame + 8 and (reported or not size):
        return reported, False
    return guess_text(text) + _FRAME * frame, True


class Meter:
    """What has been spent. Each try reserves what it may cost before it starts, so that parallel ones cannot overrun together."""

    def __init__(self, budget: Budget, requests: int = 0, tokens: int = 0, usd: float = 0.0) -> None:
        self.requests, self.tokens, self.usd, self.doubtful = requests, tokens, usd, 0
        self._budget = budget
        self._tokens_reserved, self._usd_reserved = 0, 0.0
        self._lock = threading.Lock()

    def admit(self) -> None:
        """Counts one try.

        Raises:
            Spent: there may be no more.
        """
        with self._lock:
            most = self._budget.requests
            if most is not None and self.requests >= most:
                raise Spent(tr(f"đã dùng hết ngân sách {most} request", f"the budget of {most} requests is spent"))
            self.requests += 1

    def reserve(self, tokens: int, usd: float) -> None:
        """Sets aside what a question may cost; `settle` ends it.

        Raises:
            Spent: it may cost more than is left.
        """
        with self._lock:
            most = self._budget.tokens
            if most is not None and self.tokens + self._tokens_reserved + tokens > most:
                raise Spent(tr(f"đã dùng hết ngân sách {most} token", f"the budget of {most} tokens is spent"))
            dear = self._budget.usd
            if dear is not None and self.usd + self._usd_reserved + usd > dear + 1e-12:
                raise Spent(tr(f"đã dùng hết ngân sách {dear} USD", f"the budget of {dear} USD is spent"))
            self._tokens_reserved += tokens
            self._usd_reserved += usd

    def settle(self, tokens: int, usd: float, usage: Usage | None) -> None:
        """Replaces what was set aside by what it took; None: nothing came of it."""
        with self._lock:
            self._tokens_reserved -= tokens
            self._usd_reserved -= usd
            if usage:
                self.tokens += usage.prompt_tokens + usage.completion_tokens
                self.usd += usage.usd
                self.doubtful += usage.doubtful


class Limiter:
    """Spaces requests evenly: the next starts when the ones before have used up their share of the minute.

    Args:
        clock: seconds that only grow.
        wait: sleeps so many seconds; True if the run is being ended meanwhile.
    """

    def __init__(
        self,
        requests_per_minute: float | None = None,
        tokens_per_minute: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._request = 60 / requests_per_minute if requests_per_minute else 0.0
        self._token = 60 / tokens_per_minute if tokens_per_minute else 0.0
        self._clock, self._stopping = clock, threading.Event()
        self._wait = wait or self._stopping.wait
        self._lock = threading.Lock()
        self._free_at = -math.inf  # when the next request may start
        self._held_until = -math.inf  # what the server asked for

    def admit(self, tokens: int) -> None:
        """Waits for a request of so many tokens to be due.

        Raises:
            Stopped: the run is being ended.
        """
        with self._lock:
            start = max(self._clock(), self._free_at)
            self._free_at = start + max(self._request, self._token * tokens)
        while (left := max(start, self._held_until) - self._clock()) > 0:
            self.sleep(left)
        if self._stopping.is_set():
            raise Stopped(tr("đang dừng", "stopping"))

    def correct(self, guessed: int, tokens: int) -> None:
        """After the answer: the next may start earlier, or later, than the guess had it."""
        with self._lock:
            self._free_at += self._token * (tokens - guessed) if self._token * guessed > self._request else 0.0

    def hold(self, seconds: float) -> None:
        """Nobody starts for so many seconds: the server said so."""
        with self._lock:
            self._held_until = max(self._held_until, self._clock() + seconds)

    def sleep(self, seconds: float) -> None:
        """Raises `Stopped` if the run is being ended meanwhile."""
        if self._wait(seconds):
            raise Stopped(tr("đang dừng", "stopping"))

    def stop(self) -> None:
        """Wakes everyone who waits, and lets nobody start any more."""
        self._stopping.set()

"""Who may ask the model now, who waits, and who is sent away: back-pressure."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator

from smolcourse.inference.serving.problems import busy


class Gate:
    """A queue with an end: first come, first served.

    Args:
        slots: requests that the model answers at once.
        waiting: requests that may wait for a slot; the next is refused (429) with the time it would probably wait.
    """

    def __init__(self, slots: int, waiting: int) -> None:
        self.slots, self.waiting = slots, waiting
        self.inside = 0
        self.coming = 0
        self._line: deque[asyncio.Future[None]] = deque()
        self._seconds = 1.0  # that a request takes, a moving average

    @property
    def queued(self) -> int:
        """Requests that wait now."""
        return len(self._line)

    def expect(self, count: int) -> None:
        """Raises `Problem` 429 if `count` more requests would not find a place, inside or in the line."""
        if self.inside + self.queued + count > self.slots + self.waiting and self.inside + self.queued:
            raise busy(min(60, max(1, math.ceil(self._seconds * (self.queued + 1) / self.slots))))

    @property
    def used(self) -> bool:
        """Whether anyone is inside, in the line or on the way to it."""
        return bool(self.inside or self.queued or self.coming)

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """For who has chosen this model but does not stand in its line yet: until then it must not be taken away."""
        self.coming += 1
        try:
            yield
        finally:
            self.coming -= 1

    @contextlib.asynccontextmanager
    async def pass_through(self) -> AsyncIterator[None]:
        """Waits for a slot, holds it, gives it back."""
        if self.inside < self.slots and not self._line:
            self.inside += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._line.append(turn)
            try:
                await turn  # whoever leaves hands over the slot, so `inside` already counts this one
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._leave()
                else:
                    self._line.remove(turn)
                raise
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds += 0.1 * (time.monotonic() - began - self._seconds)
            self._leave()

    def _leave(self) -> None:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.inside -= 1

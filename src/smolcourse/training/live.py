"""One live line while a run trains: step, loss, speed, time left, memory, energy.

On a terminal the line is drawn over itself. In a file or a pipe, where that would leave thousands of lines, a plain line is
written every `every` seconds. Nothing runs in the background: the line is drawn when `update` is called.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from smolcourse.hardware import GIB
from smolcourse.language import tr
from smolcourse.training.energy import Energy

_REDRAW_SECONDS = 0.1  # more often only costs time
_ERASE = "\r\x1b[2K"


class LiveLine:
    """The line of one run.

    Args:
        total: optimiser steps of the whole run.
        every: seconds between two plain lines where the output is no terminal.
    """

    def __init__(self, total: int, *, stream: TextIO | None = None, every: float = 30.0) -> None:
        self.total = total
        self._first: tuple[int, float] | None = None  # the first step that was shown, and when
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._every = _REDRAW_SECONDS if self._terminal else every
        self._shown = -math.inf
        self._text = ""
        self._drawn = ""

    def update(
        self,
        step: int,
        *,
        loss: float | None = None,
        details: Sequence[str] = (),
        tokens_per_second: float | None = None,
        memory: int | None = None,
        energy: Energy | None = None,
        total: int | None = None,
    ) -> None:
        """Shows where the run is. What is None is left out.

        The time left is reckoned from the steps since the first one shown, which is slower than any other: it compiles.
        """
        self.total = total or self.total
        now = time.monotonic()
        first, since = self._first = self._first or (step, now)
        seconds_left = (now - since) / (step - first) * max(0, self.total - step) if step > first else None
        self._text = _line(step, self.total, loss, details, tokens_per_second, seconds_left, memory, energy)
        if now - self._shown >= self._every or step >= self.total:
            self._shown = now
            self._draw()

    def say(self, text: str) -> None:
        """Writes lines above the live one, such as a sample."""
        if self._terminal and self._drawn:
            self._stream.write(_ERASE)
            self._drawn = ""
        self._stream.write(text.rstrip("\n") + "\n")
        if self._terminal and self._text:
            self._draw()
        self._stream.flush()

    def close(self) -> None:
        """Leaves the last state standing and ends the line. May be called twice."""
        if self._text and self._drawn != self._text:
            self._draw()
        if self._terminal and self._drawn:
            self._stream.write("\n")
            self._stream.flush()
        self._text = ""
        self._drawn = ""

    def _draw(self) -> None:
        if self._text == self._drawn:
            return
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1  # a full line would wrap, and then each redraw would scroll
            self._stream.write(_ERASE + fit(self._text, width))
        else:
            self._stream.write(self._text + "\n")
        self._drawn = self._text
        self._stream.flush()


def fit(text: str, width: int) -> str:
    """Drops whole fields from the end until the line fits; cuts the first one only if it must."""
    fields = text.split("  ")
    while len(fields) > 1 and len("  ".join(fields)) > width:
        fields.pop()
    return "  ".join(fields)[: max(1, width)]


def duration(seconds: float) -> str:
    """`45s`, `7m05s`, `2h03m`."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def bar(fraction: float, width: int = 12) -> str:
    """A bar of eighths of a letter."""
    eighths = round(max(0.0, min(1.0, fraction)) * width * 8)
    return ("█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")).ljust(width, "░")


def _line(
    step: int,
    total: int,
    loss: float | None,
    details: Sequence[str],
    tokens_per_second: float | None,
    seconds_left: float | None,
    memory: int | None,
    energy: Energy | None,
) -> str:
    fields = [f"{bar(step / max(1, total))} {step}/{total}"]
    if loss is not None:
        fields.append(f"loss {loss:.3f}")
    fields += details
    if seconds_left is not None:
        fields.append(f"{tr('còn', 'left')} {duration(seconds_left)}")
    if tokens_per_second is not None:
        fields.append(f"{tokens_per_second:.0f} token/s")
    if memory is not None:
        fields.append(f"{memory / GIB:.1f} GB")
    if energy is not None:
        fields.append(f"{energy.wh:.2f} Wh{'' if energy.measured else tr(' (ước tính)', ' (est.)')}")
    return "  ".join(fields)

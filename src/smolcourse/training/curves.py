"""A loss curve in letters: braille dots, eight in each, or `*` where the terminal knows only ASCII."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # bits of a braille letter, four rows of two columns
_BLANK = 0x2800


def curve(steps: Sequence[int], values: Sequence[float], *, width: int = 60, height: int = 8, ascii_only: bool = False) -> str:
    """Draws values over steps; each column shows the mean of the points that fall into it.

    Args:
        width: letters across, axis not counted.
        height: lines, x axis not counted.

    Returns:
        lines joined by newlines; empty with fewer than two points.
    """
    if len(steps) < 2:
        return ""
    across, down = (1, 1) if ascii_only else (2, 4)
    columns, rows = width * across, height * down
    first, last = min(steps), max(steps)
    sums, counts = [0.0] * columns, [0] * columns
    for step, value in zip(steps, values, strict=True):
        column = round((step - first) / max(1, last - first) * (columns - 1))
        sums[column] += value
        counts[column] += 1
    means = [total / count if count else None for total, count in zip(sums, counts, strict=True)]
    known = [value for value in means if value is not None]
    low, high = min(known), max(known)

    grid = [[0] * width for _ in range(height)]
    for column, value in enumerate(_joined(means)):
        row = round((high - value) / (high - low) * (rows - 1)) if high > low else rows // 2
        grid[row // down][column // across] |= 1 if ascii_only else _DOTS[row % 4][column % 2]
    labels = {0: f"{high:.2f}", height - 1: f"{low:.2f}"}
    margin = max(map(len, labels.values()))
    wall, corner, floor = ("|", "+", "-") if ascii_only else ("│", "└", "─")
    lines = []
    for index, letters in enumerate(grid):
        drawn = "".join((" *"[dots] if ascii_only else chr(_BLANK + dots)) for dots in letters)
        lines.append(f"{labels.get(index, ''):>{margin}} {wall}{drawn}".rstrip(f" {chr(_BLANK)}"))
    lines.append(f"{'':>{margin}} {corner}{floor * width}")
    lines.append(f"{'':>{margin}}  {first}{last:>{max(1, width - len(str(first)))}}")
    return "\n".join(lines)


def _joined(means: Sequence[float | None]) -> list[float]:
    """Fills columns without a point by the straight line between their neighbours. The first and last column have one."""
    places = [index for index, value in enumerate(means) if value is not None]
    filled: list[float] = []
    for left, right in itertools.pairwise(places):
        start, end = means[left], means[right]
        assert start is not None and end is not None
        filled += [start + (end - start) * index / (right - left) for index in range(right - left)]
    final = means[places[-1]]
    assert final is not None
    return [*filled, final]

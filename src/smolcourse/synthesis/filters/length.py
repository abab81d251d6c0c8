"""Length: answers that are empty or cut short, and those that ramble (Rae et al. 2021, *Gopher*, arXiv:2112.11446, table A1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of

Unit = Literal["words", "characters"]


def length(text: str, unit: Unit = "words") -> int:
    """Words are what spaces part: in Vietnamese, syllables."""
    return len(text.split()) if unit == "words" else len(text.strip())


def within(
    row: Row, *, part: Part = "response", unit: Unit = "words", least: int = 1, most: int | None = None
) -> Iterator[Draft]:
    """Keeps texts of at least and at most so many words or characters."""
    count = length(part_of(row.data, part), unit)
    reason = "too short" if count < least else "too long" if most is not None and count > most else None
    scores: dict[str, float] = {unit: float(count)}
    yield drop(row, reason, scores) if reason else keep(row, scores)

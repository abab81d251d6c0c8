"""Column charts: how many bowls of what were sold today."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from smolcourse.data.milk_tea.drawing import pick, pick_several, shuffled
from smolcourse.data.pictures.painting import SIDE, Canvas
from smolcourse.data.pictures.words import LABELS
from smolcourse.language import Language

if TYPE_CHECKING:
    from PIL.Image import Image

_PALETTES = (
    ("#e4572e", "#17bebb", "#ffc914", "#76b041", "#5b4e9d"),
    ("#1d6996", "#edad08", "#73af48", "#94346e", "#cc503e"),
    ("#ef476f", "#ffd166", "#06d6a0", "#118ab2", "#073b4c"),
)
_MOST = 10
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, SIDE - 8, 40, 184


class Chart(NamedTuple):
    """Labels with their values (all different), then how it looks."""

    columns: tuple[tuple[str, int], ...]
    palette: tuple[str, ...]

    @property
    def content(self) -> tuple[tuple[str, int], ...]:
        """What decides whether two are the same to a reader."""
        return self.columns


def draw_spec(rng: Random, *, unseen: bool) -> Chart:
    """Three to five columns. With `unseen`, one or two labels are words that training never shows."""
    count = 3 + int(rng.random() * 3)
    new = pick_several(rng, LABELS.unseen, 1 + int(rng.random() * 2)) if unseen else []
    names = shuffled(rng, [*new, *pick_several(rng, LABELS.known, count - len(new))])
    values = pick_several(rng, range(1, _MOST + 1), count)
    return Chart(tuple(zip(names, values, strict=True)), tuple(shuffled(rng, pick(rng, _PALETTES))))


def paint(chart: Chart) -> Image:
    """224 x 224 pixels: a title, a grid with numbers, a column for each label."""
    canvas = Canvas(SIDE, SIDE, "#ffffff")
    canvas.text(SIDE / 2, 20, "Số bát bán hôm nay", 17, "#333333", "Bold", "mm")
    for value in range(0, _MOST + 1, 2):
        y = _height(value)
        canvas.line(_LEFT, y, _RIGHT, y, "#999999" if value == 0 else "#e2e2e2", 1)
        canvas.text(_LEFT - 6, y, str(value), 14, "#555555", "Medium", "rm")
    step = (_RIGHT - _LEFT) / len(chart.columns)
    for place, ((label, value), colour) in enumerate(zip(chart.columns, chart.palette, strict=False)):
        middle = _LEFT + step * (place + 0.5)
        canvas.box(middle - step * 0.32, _height(value), middle + step * 0.32, _height(0), colour)
        canvas.text(middle, _BOTTOM + 18, label, 15, "#333333", "SemiBold", "mm")
    return canvas.finished()


def _height(value: int) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * value / _MOST


def ask(chart: Chart, rng: Random, language: Language) -> list[tuple[str, str]]:
    """The tallest, the shortest, how many columns, and the value of each; in a random order."""
    columns = sorted(chart.columns, key=lambda entry: entry[1])
    vi = language == "vi"
    asked = [
        (f"Bán được mấy bát {label.lower()}?" if vi else f"How many bowls of {label} were sold?", str(n)) for label, n in columns
    ]
    asked.append(("Món nào bán nhiều nhất?" if vi else "Which sold most?", columns[-1][0]))
    asked.append(("Món nào bán ít nhất?" if vi else "Which sold least?", columns[0][0]))
    asked.append(("Có mấy cột?" if vi else "How many columns are there?", str(len(columns))))
    return shuffled(rng, asked)

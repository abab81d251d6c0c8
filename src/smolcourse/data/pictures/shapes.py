"""Coloured shapes that do not touch: to be counted, and to be described."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from smolcourse.data.milk_tea.drawing import pick, pick_several, shuffled
from smolcourse.data.pictures.painting import SIDE, Canvas, between
from smolcourse.data.pictures.words import COLOURS, SHAPES, UNSEEN_PAIRS
from smolcourse.language import Language

if TYPE_CHECKING:
    from PIL.Image import Image

_GROUNDS = ("#f7f3e9", "#eef4f7", "#f3eef7", "#eef7ee")
_GRID = 3
_MOST = 6
_KNOWN_PAIRS = tuple((shape, colour) for shape in SHAPES for colour in COLOURS if (shape, colour) not in UNSEEN_PAIRS)


class Thing(NamedTuple):
    """One shape: its field in a grid of nine, where in it, how large (pixels), and how it is turned (degrees)."""

    shape: str
    colour: str
    cell: int
    x: float
    y: float
    radius: float
    turn: float


class Shapes(NamedTuple):
    """All of a picture."""

    things: tuple[Thing, ...]
    ground: str

    @property
    def content(self) -> tuple[Thing, ...]:
        """What decides whether two are the same to a reader."""
        return self.things


def draw_spec(rng: Random, *, unseen: bool) -> Shapes:
    """One to six shapes of two kinds at most: there is something to count. With `unseen`, a kind that training never shows."""
    kinds = pick_several(rng, _KNOWN_PAIRS, 2)
    if unseen:
        kinds[0] = pick(rng, sorted(UNSEEN_PAIRS))
    count = 1 + int(rng.random() * _MOST)
    drawn = [kinds[0], *(pick(rng, kinds) for _ in range(count - 1))]
    cells = pick_several(rng, range(_GRID * _GRID), count)
    things = (
        Thing(*kind, cell, between(rng, -6, 6), between(rng, -6, 6), between(rng, 20, 28), between(rng, -20, 20))
        for kind, cell in zip(drawn, cells, strict=True)
    )
    return Shapes(tuple(things), pick(rng, _GROUNDS))


def paint(shapes: Shapes) -> Image:
    """224 x 224 pixels."""
    canvas = Canvas(SIDE, SIDE, shapes.ground)
    step = SIDE / _GRID
    for thing in shapes.things:
        x, y = step * (thing.cell % _GRID + 0.5) + thing.x, step * (thing.cell // _GRID + 0.5) + thing.y
        if thing.shape == "circle":
            canvas.circle(x, y, thing.radius, thing.colour)
        else:
            canvas.polygon(_corners(thing, x, y), thing.colour)
    return canvas.finished()


def _corners(thing: Thing, x: float, y: float) -> list[tuple[float, float]]:
    count = {"square": 4, "triangle": 3, "star": 10}[thing.shape]
    start = math.radians(thing.turn + (45 if thing.shape == "square" else -90))
    lengths = [thing.radius * (0.45 if thing.shape == "star" and place % 2 else 1) for place in range(count)]
    angles = [start + 2 * math.pi * place / count for place in range(count)]
    return [(x + length * math.cos(angle), y + length * math.sin(angle)) for length, angle in zip(lengths, angles, strict=True)]


def ask(shapes: Shapes, rng: Random, language: Language) -> list[tuple[str, str]]:
    """How many of a shape, of a colour, of both, and in all; in a random order. What is not there is asked for too."""
    things, vi = shapes.things, language == "vi"
    asked = [("Có tất cả mấy hình?" if vi else "How many shapes are there?", len(things))]
    for shape in pick_several(rng, sorted({thing.shape for thing in things} | {pick(rng, list(SHAPES))}), 1):
        name = SHAPES[shape][language]
        asked.append((f"Có mấy {name}?" if vi else f"How many {name}s?", sum(thing.shape == shape for thing in things)))
    for colour in pick_several(rng, sorted({thing.colour for thing in things} | {pick(rng, list(COLOURS))}), 1):
        name = COLOURS[colour][language]
        asked.append(
            (f"Có mấy hình màu {name}?" if vi else f"How many {name} shapes?", sum(one.colour == colour for one in things))
        )
    return shuffled(rng, [(question, str(count)) for question, count in asked])


def describe(shapes: Shapes, rng: Random, language: Language) -> list[tuple[str, str]]:
    """A caption: "2 hình tròn đỏ, 1 ngôi sao tím", the most frequent first."""
    counts = Counter((thing.shape, thing.colour) for thing in shapes.things)
    said = [
        f"{count} {SHAPES[shape]['vi']} {COLOURS[colour]['vi']}"
        if language == "vi"
        else f"{count} {COLOURS[colour]['en']} {SHAPES[shape]['en']}{'s' if count > 1 else ''}"
        for (shape, colour), count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    ]
    return [("Mô tả ảnh." if language == "vi" else "Describe the image.", ", ".join(said))]

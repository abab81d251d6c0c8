"""What all pictures share: drawn at twice their size and shrunk, so that letters and edges are smooth."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from smolcourse.data.pictures.fonts import Weight, font

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SCALE = 2
"""Pixels drawn a side for each pixel shown."""
SIDE = 224
"""Pixels of a picture's side: 16 x 16 patches of DINOv2, four tiles of 112."""


class Canvas:
    """A picture in the making. All sizes are in pixels of the finished picture."""

    def __init__(self, width: int, height: int, colour: str) -> None:
        from PIL import Image as pillow
        from PIL import ImageDraw as drawing

        self.image: Image = pillow.new("RGB", (width * SCALE, height * SCALE), colour)
        self.draw: ImageDraw = drawing.Draw(self.image)

    def text(self, x: float, y: float, words: str, size: int, colour: str, weight: Weight = "Medium", anchor: str = "lm") -> None:
        """Writes words; `anchor` as Pillow has it: l, m, r for left, middle, right, then m for the middle of a line."""
        self.draw.text((x * SCALE, y * SCALE), words, font=font(size * SCALE, weight), fill=colour, anchor=anchor)

    def box(self, left: float, top: float, right: float, bottom: float, colour: str, radius: float = 0) -> None:
        """Fills a rectangle, with round corners where a radius is given."""
        self.draw.rounded_rectangle([side * SCALE for side in (left, top, right, bottom)], radius * SCALE, fill=colour)

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> None:
        """A straight line."""
        self.draw.line([end * SCALE for end in (x1, y1, x2, y2)], fill=colour, width=round(width * SCALE))

    def dashes(self, x1: float, x2: float, y: float, colour: str, dash: float = 4) -> None:
        """A dashed line from left to right."""
        x = x1
        while x < x2:
            self.line(x, y, min(x + dash, x2), y, colour, 1.5)
            x += 2 * dash

    def polygon(self, points: list[tuple[float, float]], colour: str) -> None:
        """Fills the area inside these points."""
        self.draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def circle(self, x: float, y: float, radius: float, colour: str) -> None:
        """A disc."""
        self.draw.ellipse([edge * SCALE for edge in (x - radius, y - radius, x + radius, y + radius)], fill=colour)

    def finished(self) -> Image:
        """The picture at its size."""
        return self.image.reduce(SCALE)


def text_width(words: str, size: int, weight: Weight = "Medium") -> float:
    """How wide words are, in pixels of the finished picture."""
    return font(size * SCALE, weight).getlength(words) / SCALE


def fitting(words: str, size: int, weight: Weight, width: float) -> int:
    """The largest size up to `size` at which words fit a width."""
    while size > 8 and text_width(words, size, weight) > width:
        size -= 1
    return size


def between(rng: Random, low: float, high: float) -> float:
    """A number from a range, in thousandths, so that it is written alike everywhere."""
    return round(low + (high - low) * rng.random(), 3)

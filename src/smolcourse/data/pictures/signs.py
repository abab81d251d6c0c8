"""Signs over the stalls: a dish, and whose it is. What is to be read is all that stands there."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from smolcourse.data.milk_tea.drawing import chance, pick
from smolcourse.data.pictures.painting import SIDE, Canvas, between, fitting
from smolcourse.data.pictures.words import DISHES, PRICES, SHOPS
from smolcourse.language import Language

if TYPE_CHECKING:
    from PIL.Image import Image

_STYLES = (
    ("#c62828", "#ffeb3b", "#ffffff"),
    ("#00695c", "#ffffff", "#ffe082"),
    ("#f9a825", "#b71c1c", "#3e2723"),
    ("#1565c0", "#ffffff", "#fff176"),
    ("#fffde7", "#c62828", "#1b5e20"),
)
_WALL = ("#d7ccc8", "#cfd8dc", "#e6d5b8")
_QUESTION: dict[Language, str] = {"vi": "Biển hiệu ghi gì?", "en": "What does the sign say?"}


class Sign(NamedTuple):
    """A dish above, a shop and a price below, then how it looks."""

    dish: str
    shop: str
    price: int
    style: tuple[str, str, str]
    wall: str
    shift: float

    @property
    def content(self) -> tuple[str, str, int]:
        """What decides whether two are the same to a reader."""
        return (self.dish, self.shop, self.price)

    @property
    def below(self) -> str:
        """The lower line."""
        return f"{self.shop} {self.price}k"


def draw_spec(rng: Random, *, unseen: bool) -> Sign:
    """One sign. With `unseen`, its dish or its shop (often both) is one that training never shows."""
    new_dish = unseen and chance(rng, 0.75)
    new_shop = unseen and (not new_dish or chance(rng, 0.5))
    dish, shop = pick(rng, DISHES.of(new_dish)), pick(rng, SHOPS.of(new_shop))
    return Sign(dish, shop, pick(rng, PRICES), pick(rng, _STYLES), pick(rng, _WALL), between(rng, -4, 4))


def paint(sign: Sign) -> Image:
    """224 x 112 pixels: a board on a wall with an awning below."""
    ground, large, small = sign.style
    canvas = Canvas(SIDE, SIDE // 2, sign.wall)
    canvas.box(8, 6, SIDE - 8, 88, ground, radius=6)
    dish, below = sign.dish.upper(), sign.below
    canvas.text(SIDE / 2 + sign.shift, 34, dish, fitting(dish, 38, "ExtraBold", 190), large, "ExtraBold", "mm")
    canvas.text(SIDE / 2 + sign.shift, 70, below, fitting(below, 26, "Bold", 190), small, "Bold", "mm")
    for place in range(14):
        colour = ground if place % 2 else "#ffffff"
        canvas.box(place * 16, 96, place * 16 + 16, SIDE // 2, colour)
    return canvas.finished()


def ask(sign: Sign, rng: Random, language: Language) -> list[tuple[str, str]]:
    """One question; the answer is both lines, as they are written."""
    return [(_QUESTION[language], f"{sign.dish.upper()} {sign.below}")]

"""Menus on a chalkboard: what costs how much."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, NamedTuple

from smolcourse.data.milk_tea.drawing import pick, pick_several, shuffled
from smolcourse.data.pictures.painting import SIDE, Canvas, between, fitting, text_width
from smolcourse.data.pictures.words import DISHES, PRICES, SHOPS
from smolcourse.language import Language

if TYPE_CHECKING:
    from PIL.Image import Image

_BOARDS = (("#24342c", "#8a5a2b"), ("#22272e", "#a9743d"), ("#3a2a23", "#d0a35c"), ("#1f3a4a", "#7b4a2a"))
_CHALKS = ("#ffe08a", "#ffb3a7", "#a8e6cf", "#bfe3ff")


class Menu(NamedTuple):
    """The shop, its dishes with their prices (all different), then how the board looks."""

    shop: str
    dishes: tuple[tuple[str, int], ...]
    board: tuple[str, str]
    chalk: str
    shift: float

    @property
    def content(self) -> tuple[str | tuple[tuple[str, int], ...], ...]:
        """What decides whether two are the same to a reader."""
        return (self.shop, self.dishes)


def draw_spec(rng: Random, *, unseen: bool) -> Menu:
    """Three or four dishes. With `unseen`, one or two of them are dishes that training never shows."""
    count = 3 + int(rng.random() * 2)
    new = pick_several(rng, DISHES.unseen, 1 + int(rng.random() * 2)) if unseen else []
    names = shuffled(rng, [*new, *pick_several(rng, DISHES.known, count - len(new))])
    prices = pick_several(rng, PRICES, count)
    return Menu(
        shop=pick(rng, SHOPS.known),
        dishes=tuple(zip(names, prices, strict=True)),
        board=pick(rng, _BOARDS),
        chalk=pick(rng, _CHALKS),
        shift=between(rng, -3, 3),
    )


def paint(menu: Menu) -> Image:
    """224 x 224 pixels: a framed board, the shop above, a dish a line."""
    ground, frame = menu.board
    canvas = Canvas(SIDE, SIDE, frame)
    canvas.box(8, 8, SIDE - 8, SIDE - 8, ground, radius=4)
    title = menu.shop.upper()
    canvas.text(SIDE / 2, 32, title, fitting(title, 28, "ExtraBold", 180), menu.chalk, "ExtraBold", "mm")
    width = text_width(title, 28, "ExtraBold") / 2
    canvas.line(SIDE / 2 - width, 52, SIDE / 2 + width, 52, menu.chalk, 1.5)
    step = 150 / len(menu.dishes)
    for place, (dish, price) in enumerate(menu.dishes):
        y = 64 + step * (place + 0.5) + menu.shift
        size = fitting(dish, 24, "SemiBold", 130)
        canvas.text(20, y, dish, size, "#f7f4ea", "SemiBold")
        canvas.text(SIDE - 20, y, f"{price}k", 24, menu.chalk, "Bold", "rm")
        start, end = 26 + text_width(dish, size, "SemiBold"), SIDE - 26 - text_width(f"{price}k", 24, "Bold")
        for dot in range(int(max(0, end - start) // 8)):
            canvas.circle(start + 8 * dot + 4, y + 6, 0.9, "#f7f4ea")
    return canvas.finished()


def ask(menu: Menu, rng: Random, language: Language) -> list[tuple[str, str]]:
    """What each dish costs, what costs so much, and what is cheapest and dearest; in a random order."""
    prices = sorted(menu.dishes, key=lambda entry: entry[1])
    vi = language == "vi"
    asked = [(f"Món nào giá {price}k?" if vi else f"Which dish costs {price}k?", dish) for dish, price in menu.dishes]
    asked += [
        (f"{dish[0].upper()}{dish[1:]} giá bao nhiêu?" if vi else f"How much is {dish}?", f"{price}k") for dish, price in prices
    ]
    asked.append(("Món nào rẻ nhất?" if vi else "Which dish is cheapest?", prices[0][0]))
    asked.append(("Món nào đắt nhất?" if vi else "Which dish is dearest?", prices[-1][0]))
    return shuffled(rng, asked)

"""Receipts of street-food stalls, and what they say as JSON. Few words, large: an encoder sees them in patches of 14 pixels."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from smolcourse.data.milk_tea.drawing import chance, pick
from smolcourse.data.pictures.painting import SIDE, Canvas, between, fitting
from smolcourse.data.pictures.words import DISHES, PRICES, RECEIPT_KEYS, SHOPS
from smolcourse.language import Language

if TYPE_CHECKING:
    from PIL.Image import Image

_TABLES = ("#8a5a3b", "#5b6b73", "#3f7d6e", "#b0453a", "#c58b3f")
_PAPERS = ("#fffdf6", "#fff8e1", "#f4f7f8", "#fdf1ee")
_INKS = ("#1d1d1f", "#23314f", "#3b2b2b")
_QUESTION: dict[Language, str] = {"vi": "Đọc hóa đơn thành JSON.", "en": "Read the receipt as JSON."}


class Receipt(NamedTuple):
    """What stands on it, then how it looks."""

    shop: str
    table: int
    dish: str
    portions: int
    price: int
    colour: str
    paper: str
    ink: str
    left: float
    top: float

    @property
    def total(self) -> int:
        """Thousands of đồng."""
        return self.portions * self.price

    @property
    def content(self) -> tuple[str | int, ...]:
        """What decides whether two are the same to a reader."""
        return (self.shop, self.table, self.dish, self.portions, self.price)


def draw_spec(rng: Random, *, unseen: bool) -> Receipt:
    """One receipt. With `unseen`, its dish or its shop (often both) is one that training never shows."""
    new_dish = unseen and chance(rng, 0.75)
    new_shop = unseen and (not new_dish or chance(rng, 0.5))
    return Receipt(
        shop=pick(rng, SHOPS.of(new_shop)),
        table=1 + int(rng.random() * 12),
        dish=pick(rng, DISHES.of(new_dish)),
        portions=1 + int(rng.random() * 4),
        price=pick(rng, PRICES),
        colour=pick(rng, _TABLES),
        paper=pick(rng, _PAPERS),
        ink=pick(rng, _INKS),
        left=between(rng, 6, 12),
        top=between(rng, 3, 9),
    )


def paint(receipt: Receipt) -> Image:
    """224 x 224 pixels: a slip of paper, torn off below, on a table."""
    canvas = Canvas(SIDE, SIDE, receipt.colour)
    left, top, ink = receipt.left, receipt.top, receipt.ink
    right, bottom = left + 204, top + 208
    canvas.box(left + 3, top + 4, right + 3, bottom + 3, "#2b2420")
    teeth = [(right - place * 12, bottom + (6 if place % 2 else 0)) for place in range(18)]
    canvas.polygon([(left, top), (right, top), *teeth, (left, bottom)], receipt.paper)
    middle, inner = (left + right) / 2, (left + 14, right - 14)
    canvas.text(
        middle, top + 26, receipt.shop.upper(), fitting(receipt.shop.upper(), 32, "ExtraBold", 180), ink, "ExtraBold", "mm"
    )
    canvas.text(inner[0], top + 60, f"Bàn {receipt.table}", 22, ink, "SemiBold")
    canvas.text(inner[1], top + 60, "HÓA ĐƠN", 13, ink, "Medium", "rm")
    canvas.dashes(*inner, top + 78, ink)
    canvas.text(inner[0], top + 98, receipt.dish, 26, ink, "Bold")
    canvas.text(inner[0], top + 130, f"{receipt.portions} x {receipt.price}k", 24, ink, "SemiBold")
    canvas.dashes(*inner, top + 150, ink)
    canvas.text(inner[0], top + 172, "TỔNG", 22, ink, "Bold")
    canvas.text(inner[1], top + 172, f"{receipt.total}k", 30, ink, "ExtraBold", "rm")
    canvas.text(middle, top + 197, "Cảm ơn quý khách!", 11, ink, "Italic", "mm")
    return canvas.finished()


def ask(receipt: Receipt, rng: Random, language: Language) -> list[tuple[str, str]]:
    """One question; its answer is a JSON object of six fields."""
    values = (receipt.shop, receipt.table, receipt.dish, receipt.portions, receipt.price, receipt.total)
    fields = dict(zip(RECEIPT_KEYS[language], values, strict=True))
    return [(_QUESTION[language], json.dumps(fields, ensure_ascii=False, separators=(",", ":")))]


def describe(receipt: Receipt, rng: Random, language: Language) -> list[tuple[str, str]]:
    """A caption, from top to bottom: "Bà Năm bàn 11 bánh cuốn 3 x 40 = 120"."""
    vi = language == "vi"
    said = f"{receipt.shop} {'bàn' if vi else 'table'} {receipt.table} {receipt.dish}"
    return [("Đọc ảnh." if vi else "Read the image.", f"{said} {receipt.portions} x {receipt.price} = {receipt.total}")]

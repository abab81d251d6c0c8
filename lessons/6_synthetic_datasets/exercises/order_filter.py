# vi 🐕 order_filter: đơn nào đáng để học? Bộ lọc của bạn cho bài chạy cuối bài.
# vi Viết hàm fault rồi chạy: smol check order_filter
# vi Bài học: smol learn 6 filters      Gợi ý: smol hint order_filter
# en 🐕 order_filter: which orders are worth training on? Your filter for the run at the end of the lesson.
# en Write the function fault, then run: smol check order_filter
# en Lesson: smol learn 6 filters      Hint: smol hint order_filter

import json
from collections.abc import Iterator
from typing import Any

from smolcourse.data.milk_tea import MENU
from smolcourse.data.text import comparable
from smolcourse.synthesis.rows import Draft, Row, drop, keep

KEYS = {"ly", "món", "size", "đường", "đá", "topping"}


def fault(order: str, answer: str, menu: list[str], toppings: list[str]) -> str:
    """Why a row is not worth training on; "" for a good one. The first that holds of:

    "no JSON": the whole answer is not one JSON value: cut off, words or a code fence around it, a refusal.
    "shape": it is not a list of one or more objects with just the KEYS: ly an int from 1, món a text, size "S", "M" or "L",
        đường and đá ints from 0 to 100, topping a list of texts. True is no int.
    "not on the menu": a drink is not in `menu`, or a topping not in `toppings`.
    "not in the order": a drink or a topping of the answer is not `named` in the order.
    "left out": the order names a topping that the answer does not have.

    Args:
        order: what the customer says; never hastily typed here.
        answer: the JSON that somebody made of it.
        menu: names of drinks.
        toppings: names of toppings. One name may begin another: an order for "kem trứng muối" does not name "kem trứng".
    """
    # TODO
    raise NotImplementedError


def named(order: str, names: list[str]) -> set[str]:
    """Which of the names stand in an order as whole words, longer names first: what one has taken is not there for the next."""
    text, found = f" {comparable(order)} ", set[str]()
    for name in sorted(names, key=len, reverse=True):
        if f" {comparable(name)} " in text:
            found.add(name)
            text = text.replace(f" {comparable(name)} ", " | ")
    return found


def clean(row: Row) -> Iterator[Draft]:
    """The same as a step of a pipeline: `use: order_filter.py:clean`."""
    said: dict[str, Any] = {message["role"]: message["content"] for message in row.data["messages"]}
    reason = fault(said["user"], said["assistant"], list(MENU["vi"].drinks), list(MENU["vi"].toppings))
    yield drop(row, reason) if reason else keep(row)

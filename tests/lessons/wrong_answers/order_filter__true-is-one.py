import json
from collections.abc import Iterator
from typing import Any

from smolcourse.data.milk_tea import MENU
from smolcourse.data.text import comparable
from smolcourse.synthesis.rows import Draft, Row, drop, keep

KEYS = {"ly", "món", "size", "đường", "đá", "topping"}


def fault(order: str, answer: str, menu: list[str], toppings: list[str]) -> str:
    try:
        items = json.loads(answer)
    except ValueError:
        return "no JSON"
    if not isinstance(items, list) or not items or not all(map(is_item, items)):
        return "shape"
    drinks = {item["món"] for item in items}
    added = {topping for item in items for topping in item["topping"]}
    if not drinks <= set(menu) or not added <= set(toppings):
        return "not on the menu"
    said = named(order, menu + toppings)
    if not drinks | added <= said:
        return "not in the order"
    return "left out" if said & set(toppings) - added else ""


def is_item(item: Any) -> bool:
    def number(value: Any, least: int, most: float) -> bool:
        return isinstance(value, int) and least <= value <= most

    return (
        isinstance(item, dict)
        and set(item) == KEYS
        and number(item["ly"], 1, float("inf"))
        and isinstance(item["món"], str)
        and item["size"] in ("S", "M", "L")
        and number(item["đường"], 0, 100)
        and number(item["đá"], 0, 100)
        and isinstance(item["topping"], list)
        and all(isinstance(topping, str) for topping in item["topping"])
    )


def named(order: str, names: list[str]) -> set[str]:
    text, found = f" {comparable(order)} ", set[str]()
    for name in sorted(names, key=len, reverse=True):
        if f" {comparable(name)} " in text:
            found.add(name)
            text = text.replace(f" {comparable(name)} ", " | ")
    return found


def clean(row: Row) -> Iterator[Draft]:
    said: dict[str, Any] = {message["role"]: message["content"] for message in row.data["messages"]}
    reason = fault(said["user"], said["assistant"], list(MENU["vi"].drinks), list(MENU["vi"].toppings))
    yield drop(row, reason) if reason else keep(row)

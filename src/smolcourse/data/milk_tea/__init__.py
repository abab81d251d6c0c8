"""The built-in task: milk-tea orders to JSON, made by a seeded generator. Vietnamese, with an English twin."""

from smolcourse.data.milk_tea.generator import SPLITS, SYSTEM_PROMPT, Split, generate
from smolcourse.data.milk_tea.menu import FIELDS, KEYS, LEVELS, MENU, SIZES, Item, Menu, format_order, parse_order

__all__ = [
    "FIELDS",
    "KEYS",
    "LEVELS",
    "MENU",
    "SIZES",
    "SPLITS",
    "SYSTEM_PROMPT",
    "Item",
    "Menu",
    "Split",
    "format_order",
    "generate",
    "parse_order",
]

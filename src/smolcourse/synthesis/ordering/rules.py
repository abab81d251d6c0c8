"""The rules by which orders are read and written: a YAML file that anyone who speaks the language can check."""

from __future__ import annotations

import dataclasses
import typing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from smolcourse.config import read_yaml
from smolcourse.errors import SmolError
from smolcourse.settings import check_type


@dataclass(frozen=True)
class Rules:
    """The keys of the file, as they stand there. Levels of sugar and ice are in percent."""

    numbers: dict[int, list[str]]
    cups: list[str]
    size_words: list[str]
    sizes: dict[str, list[str]]
    sugar: list[str]
    ice: list[str]
    levels: dict[int, list[str]]
    both_normal: list[str]
    toppings: list[str]
    no_topping: list[str]
    last_topping: list[str]
    between_drinks: list[str]
    corrections: list[str]
    speakers: list[list[str]]
    verbs: list[str]
    greetings: list[str]
    asks: list[str]
    ends: list[str]
    remarks: list[str]
    fillers: dict[str, list[Any]]
    typed: dict[str, list[str]]


@lru_cache(maxsize=4)
def load_rules(path: Path) -> Rules:
    """Reads a file of rules.

    Raises:
        SmolError: a key is missing, unknown, or of another shape.
    """
    values = read_yaml(path)
    names = [one.name for one in dataclasses.fields(Rules)]
    for name in {*names, *values}:
        if name not in values or name not in names:
            said = ("thiếu khoá", "the key is missing") if name in names else ("khoá không có trong quy tắc", "unknown key")
            raise SmolError(*said, where=f"{path}: {name}", fix=f"{name}: ...")
    hints = typing.get_type_hints(Rules)
    for name in names:
        try:
            if typing.get_origin(hints[name]) is dict:
                check_type(name, list(values[name].values()) if isinstance(values[name], dict) else values[name], list[list[Any]])
            else:
                check_type(name, values[name], hints[name])
        except SmolError as error:
            error.where = f"{path}: {name}"
            raise
    return Rules(**values)

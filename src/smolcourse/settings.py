"""Values of settings, in recipes and pipelines: read as YAML writes them, checked against the annotation."""

import types
import typing
from typing import Any, Literal

from smolcourse.errors import SmolError


def coerce(value: Any, hint: Any) -> Any:
    """YAML reads `1e-4` as a string and `8` for a float as an int; both are meant as numbers."""
    if typing.get_origin(hint) is list and isinstance(value, list):
        (kind,) = typing.get_args(hint)
        return value if kind is str else [coerce(item, kind) for item in value]  # a number in a list of names is a mistake
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in options and not isinstance(value, bool):
        if isinstance(value, str) and str not in options:
            try:
                return float(value)
            except ValueError:
                return value
        if isinstance(value, int):
            return float(value)
    if (
        str in options
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
        and int not in options
        and float not in options
    ):
        return str(value)
    return value


def check_type(name: str, value: Any, hint: Any) -> None:
    """Raises `SmolError` for a value that is not of the annotated type."""
    if not _fits(value, hint):
        raise SmolError(
            f"{name} cần {type_name(hint)}, nhận được {value!r}",
            f"{name} takes {type_name(hint)}, got {value!r}",
            where=name,
            fix=f"{name}=...",
        )


def type_name(hint: Any) -> str:
    """An annotation as a person reads it: `int | None`, `sft | dpo`."""
    if typing.get_origin(hint) is Literal:
        return " | ".join(map(str, typing.get_args(hint)))
    return hint.__name__ if isinstance(hint, type) else str(hint)


def _fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):  # the second is what `bool | Literal[...]` makes
        return any(_fits(value, option) for option in typing.get_args(hint))
    if hint is Any:
        return True
    if origin is list:
        return isinstance(value, list) and all(_fits(item, typing.get_args(hint)[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(isinstance(key, str) for key in value)
    if hint in (int, float):
        return isinstance(value, hint) and not isinstance(value, bool)
    return isinstance(value, hint)

"""Answers of the shape that was asked for: JSON, a schema, a regular expression, rules a program can check.

Constraints that a program checks are what Zhou et al. 2023, *IFEval* (arXiv:2311.07911) grade with; here they decide what is
kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from json import loads
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.evaluation.rules import RULES
from smolcourse.evaluation.scorers import NoJSON, extract_json, same_json
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
_KNOWN = (
    *("type", "enum", "const", "properties", "required", "additionalProperties", "items", "minItems", "maxItems"),
    *("minimum", "maximum", "minLength", "maxLength", "pattern", "description", "title"),
)


def fault_of(value: Any, schema: Mapping[str, Any], where: str = "$") -> str | None:
    """Where a JSON value breaks a schema, as `$.items[0].size: enum`; None where it does not.

    The keywords are those of JSON Schema (draft 2020-12) that an answer of a small model needs.

    Raises:
        SmolError: the schema uses another keyword or type; it would otherwise be passed over in silence.
    """
    if strange := [key for key in schema if key not in _KNOWN]:
        raise SmolError(
            f"không hiểu khoá {strange[0]!r} của JSON Schema; hiểu: {', '.join(_KNOWN)}",
            f"the JSON Schema key {strange[0]!r} is not understood; these are: {', '.join(_KNOWN)}",
            where=f"schema {where}",
        )
    if broken := next((name for name in _own_faults(value, schema, where)), None):
        return f"{where}: {broken}"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        extra = schema.get("additionalProperties", True)
        for key, inner in value.items():
            inside = properties.get(key, extra if isinstance(extra, dict) else {})
            if fault := fault_of(inner, inside, f"{where}.{key}"):
                return fault
    if isinstance(value, list):
        for place, inner in enumerate(value):
            if fault := fault_of(inner, schema.get("items", {}), f"{where}[{place}]"):
                return fault
    return None


def _own_faults(value: Any, schema: Mapping[str, Any], where: str) -> Iterator[str]:
    """Keywords about the value itself that it breaks."""
    if not _is_type(value, schema.get("type"), where):
        yield "type"
    if "enum" in schema and not any(same_json(value, one) for one in schema["enum"]):
        yield "enum"
    if "const" in schema and not same_json(value, schema["const"]):
        yield "const"
    if isinstance(value, dict):
        if any(key not in value for key in schema.get("required", ())):
            yield "required"
        if schema.get("additionalProperties") is False and any(key not in schema.get("properties", {}) for key in value):
            yield "additionalProperties"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield from _outside(value, schema, "minimum", "maximum")
    if isinstance(value, list):
        yield from _outside(len(value), schema, "minItems", "maxItems")
    if isinstance(value, str):
        yield from _outside(len(value), schema, "minLength", "maxLength")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield "pattern"


def _outside(number: float, schema: Mapping[str, Any], low: str, high: str) -> Iterator[str]:
    if low in schema and number < schema[low]:
        yield low
    if high in schema and number > schema[high]:
        yield high


def _is_type(value: Any, wanted: Any, where: str) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, list):
        return any(_is_type(value, one, where) for one in wanted)
    if wanted not in _TYPES:
        raise SmolError(
            f"JSON Schema không có type {wanted!r}", f"JSON Schema has no type {wanted!r}", where=f"schema {where}.type"
        )
    if isinstance(value, bool):
        return bool(wanted == "boolean")
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])


def is_bare(text: str) -> bool:
    """Whether the whole text is one JSON value, as `extract_json` reads it, and nothing stands around it."""
    try:
        loads(text)
    except ValueError:
        return False
    return True


def json(row: Row, *, part: Part = "response", schema: dict[str, Any] = {}, bare: bool = True) -> Iterator[Draft]:  # noqa: B006
    """Keeps answers that are JSON, and of this schema.

    Args:
        schema: JSON Schema; empty for any JSON.
        bare: nothing may stand around the JSON, neither words nor a code fence.
    """
    text = part_of(row.data, part)
    try:
        value = extract_json(text)
    except NoJSON:
        yield drop(row, "no JSON")
        return
    if bare and not is_bare(text):
        yield drop(row, "words around the JSON")
    elif fault := fault_of(value, schema):
        yield drop(row, "breaks the schema", fault=fault)
    else:
        yield keep(row)


def matching(row: Row, *, pattern: str, part: Part = "response") -> Iterator[Draft]:
    """Keeps texts in which the regular expression is found; `^...$` for the whole text, `(?s)` to let `.` cross lines."""
    yield keep(row) if re.search(pattern, part_of(row.data, part)) else drop(row, "does not match")


def keeping(row: Row, *, rules: dict[str, Any], part: Part = "response") -> Iterator[Draft]:
    """Keeps texts that keep all rules of `evaluation.rules`: `{max_words: 60, include: "sức khoẻ"}`; `null` where a rule takes
    nothing.

    Raises:
        SmolError: there is no such rule.
    """
    if strange := [name for name in rules if name not in RULES]:
        raise SmolError(
            f"không có quy tắc {strange[0]!r}; có: {', '.join(RULES)}",
            f"there is no rule {strange[0]!r}; there are: {', '.join(RULES)}",
            where="rules",
        )
    text = part_of(row.data, part)
    broken = [name for name, argument in rules.items() if not RULES[name][0](text, argument)]
    yield drop(row, f"breaks {broken[0]}") if broken else keep(row)

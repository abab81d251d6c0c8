"""A request held against its JSON schema: the same schema that /openapi.json shows, so that the description is the behaviour."""

from __future__ import annotations

import json
import math
from typing import Any

from smolcourse.inference.serving.problems import Problem, wrong

_DEEPEST = 64  # levels of brackets in a request
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
}


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in a body.

    Raises:
        Problem: not UTF-8, not JSON, not an object, nested too deep, NaN, infinite or half a character in it.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise wrong(f"không phải UTF-8 (byte {error.start})", f"not UTF-8 (byte {error.start})", code="invalid_utf8") from error
    try:
        value = json.loads(text, parse_constant=_no_constant)
        too_deep = _depth(value) > _DEEPEST
    except RecursionError:
        too_deep, value = True, None
    except ValueError as error:
        where = f" ({error.lineno}:{error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise wrong(f"không phải JSON hợp lệ{where}", f"not valid JSON{where}", code="invalid_json") from error
    if too_deep:
        raise wrong(f"JSON lồng sâu quá {_DEEPEST} tầng", f"JSON nested deeper than {_DEEPEST} levels", code="too_deep")
    if not isinstance(value, dict):
        raise wrong("body phải là một object JSON", "the body must be a JSON object", code="invalid_json")
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except ValueError as error:  # a lone surrogate, or a number that is none
        raise wrong(
            "JSON có số vô hạn hoặc nửa ký tự (surrogate)",
            "the JSON holds an infinite number or half a character (surrogate)",
            code="invalid_json",
        ) from error
    return value


def check(value: Any, schema: dict[str, Any], where: str = "") -> None:
    """Raises `Problem` 400 with the key that is wrong. The words of JSON Schema that our schemas use, no others."""
    if problem := _fault(value, schema, where):
        raise problem


def _fault(value: Any, schema: dict[str, Any], where: str) -> Problem | None:
    if options := schema.get("anyOf"):
        faults = [_fault(value, option, where) for option in options]
        if None in faults:
            return None
        # The alternative that was meant: of the value's type, with the value's `role` or `type`; else whichever comes last.
        told = [(fault, option) for fault, option in zip(faults, options, strict=True) if option.get("type") != "null"]
        return next((fault for fault, option in told if _meant(value, option)), told[-1][0])
    if "enum" in schema:
        if any(value == option and type(value) is type(option) for option in schema["enum"]):
            return None
        names = ", ".join(json.dumps(option) for option in schema["enum"])
        return wrong(f"{_at(where)}phải là một trong {names}", f"{_at(where)}must be one of {names}", where or None)
    kind = schema.get("type")
    if kind and not _is(value, kind):
        return wrong(f"{_at(where)}phải có kiểu {kind}", f"{_at(where)}must be of type {kind}", where or None)
    if isinstance(value, dict):
        return _object_fault(value, schema, where)
    if isinstance(value, list):
        return _size_fault(len(value), schema, "Items", where) or next(
            (fault for index, item in enumerate(value) if (fault := _fault(item, schema.get("items", {}), f"{where}[{index}]"))),
            None,
        )
    if isinstance(value, str):
        return _size_fault(len(value), schema, "Length", where)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
        if not low <= value <= high:
            return wrong(f"{_at(where)}phải từ {low} đến {high}", f"{_at(where)}must be from {low} to {high}", where or None)
    return None


def _object_fault(value: dict[str, Any], schema: dict[str, Any], where: str) -> Problem | None:
    known, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    for key, item in value.items():
        inside = _join(where, key)
        if key in known:
            fault = _fault(item, known[key], inside)
        elif others is False:
            fault = wrong(f"không có tham số {inside}", f"there is no parameter {inside}", inside, "unknown_parameter")
        else:
            fault = _fault(item, others if isinstance(others, dict) else {}, inside)
        if fault:
            return fault
    for key in schema.get("required", ()):
        if key not in value:
            inside = _join(where, key)
            return wrong(f"thiếu {inside}", f"{inside} is missing", inside, "missing_parameter")
    return _size_fault(len(value), schema, "Properties", where)


def _meant(value: Any, option: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return "type" in option and _is(value, option["type"])
    words = [(key, told["enum"]) for key, told in option.get("properties", {}).items() if "enum" in told]
    return option.get("type") == "object" and all(value.get(key) in enum for key, enum in words)


def _size_fault(size: int, schema: dict[str, Any], word: str, where: str) -> Problem | None:
    low, high = schema.get(f"min{word}", 0), schema.get(f"max{word}", math.inf)
    if low <= size <= high:
        return None
    return wrong(
        f"{_at(where)}phải có từ {low} đến {high} phần tử hoặc ký tự, không phải {size}",
        f"{_at(where)}must have {low} to {high} items or characters, not {size}",
        where or None,
    )


def _is(value: Any, kind: str) -> bool:
    if kind == "integer":  # 3.0 is one, to JSON Schema
        return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    return isinstance(value, _TYPES[kind]) and (kind not in ("number",) or not isinstance(value, bool))


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _depth(value: Any) -> int:
    """Levels of brackets, counted without recursion."""
    deepest, left = 0, [(value, 1)]
    while left:
        item, level = left.pop()
        if isinstance(item, dict | list):
            deepest = max(deepest, level)
            left += [(inner, level + 1) for inner in (item.values() if isinstance(item, dict) else item)]
    return deepest


def _join(where: str, key: str) -> str:
    shown = key if len(key) <= 60 else key[:60] + "…"
    return f"{where}.{shown}" if where else shown


def _at(where: str) -> str:
    return f"{where}: " if where else ""

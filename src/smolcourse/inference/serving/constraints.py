"""Schemas and grammars that llama.cpp would hang or abort on, refused before it sees them.

Found by trying: a repetition of five to two, a class of z to a, a token named by its number, hundreds of optional keys. What is
only slow (a grammar that can be read in very many ways) is not found here; the worker's keeper ends what hangs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from smolcourse.inference.serving.problems import Problem, wrong

_LONGEST = 20_000  # characters of one schema or grammar
_MOST_KEYS = 64  # of one object; the rules grow with their square
_MOST_PARTS = 400  # keys and enum values of a whole schema
_MOST_REPEATS = 1000
_DEEPEST = 50  # brackets in a grammar

_LEXEME = re.compile(
    r'"(?:\\.|[^"\\\n])*"|#[^\n]*|(?P<set>\[(?:\\.|[^\]\\\n])*\])|\{\s*(?P<low>\d*)\s*(?P<comma>,?)\s*(?P<high>\d*)\s*\}|(?P<other>.)',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\.", re.DOTALL)


def check_grammar(grammar: str) -> None:
    """Raises `Problem` 400 for a GBNF grammar that could take the process down."""
    deepest = depth = 0
    for found in _LEXEME.finditer(grammar):
        if found["set"]:
            _check_set(found["set"])
        elif found["low"] is not None:
            _check_repeat(found["low"], found["comma"], found["high"], "grammar")
        elif found["other"] == "<":
            # A token by its number may be one that ends the answer, and those no grammar can ask for.
            raise _bad(
                "grammar",
                "không nhận token theo số hay tên (<[1]>, <|x|>)",
                "tokens by number or name (<[1]>, <|x|>) are not taken",
            )
        elif found["other"] in ("(", ")"):
            depth += 1 if found["other"] == "(" else -1
            deepest = max(deepest, depth)
    if deepest > _DEEPEST:
        raise _bad("grammar", f"ngoặc lồng quá {_DEEPEST} tầng", f"brackets nested deeper than {_DEEPEST}")


def check_schema(schema: dict[str, Any]) -> None:
    """Raises `Problem` 400 for a JSON schema that could take the process down, or would take for ever."""
    where = "response_format.json_schema.schema"
    if len(json.dumps(schema, ensure_ascii=False)) > _LONGEST:
        raise _bad(where, f"dài quá {_LONGEST} ký tự", f"longer than {_LONGEST} characters")
    parts = 0
    for node in _nodes(schema):
        keys = node.get("properties")
        parts += sum(len(value) for value in (keys, node.get("enum")) if isinstance(value, dict | list))
        if parts > _MOST_PARTS or (isinstance(keys, dict) and len(keys) > _MOST_KEYS):
            raise _bad(
                where,
                f"quá {_MOST_KEYS} khoá trong một object, hoặc quá {_MOST_PARTS} khoá và giá trị enum",
                f"more than {_MOST_KEYS} keys in an object, or {_MOST_PARTS} keys and enum values",
            )
        for low, high in (("minItems", "maxItems"), ("minLength", "maxLength"), ("minProperties", "maxProperties")):
            _check_repeat(str(node.get(low, 0)), ",", str(node.get(high, "")), where)
        if isinstance(node.get("pattern"), str):
            _check_pattern(node["pattern"], where)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON value, whatever it means there."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            yield item
            left += item.values()
        elif isinstance(item, list):
            left += item


def _check_repeat(low: str, comma: str, high: str, where: str) -> None:
    least = int(low) if low.isdecimal() and len(low) < 6 else 0 if not low else -1
    most = (int(high) if high.isdecimal() and len(high) < 6 else -1) if high else (_MOST_REPEATS if comma else least)
    if not 0 <= least <= most <= _MOST_REPEATS:
        raise _bad(
            where,
            f"số lần lặp phải tăng dần, từ 0 đến {_MOST_REPEATS}",
            f"numbers of repetitions must rise, from 0 to {_MOST_REPEATS}",
        )


def _check_set(text: str) -> None:
    letters = [_code(part) for part in re.findall(rf"{_ESCAPE.pattern}|.", text[1:-1].removeprefix("^"), re.DOTALL)]
    for place in range(1, len(letters) - 1):
        if letters[place] == ord("-") and letters[place - 1] > letters[place + 1]:
            raise _bad("grammar", f"khoảng ký tự ngược: {text[:20]}", f"a range of characters runs backwards: {text[:20]}")


def _code(part: str) -> int:
    if len(part) > 2:
        return int(part[2:], 16)
    return ord({"\\n": "\n", "\\r": "\r", "\\t": "\t"}.get(part, part[-1]))


def _check_pattern(pattern: str, where: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise _bad(where, f"pattern sai: {pattern[:40]}", f"a wrong pattern: {pattern[:40]}") from error
    for low, comma, high in re.findall(r"\{(\d*)(,?)(\d*)\}", pattern):
        _check_repeat(low, comma, high, where)


def _bad(where: str, vi: str, en: str) -> Problem:
    return wrong(f"{where}: {vi}", f"{where}: {en}", where)

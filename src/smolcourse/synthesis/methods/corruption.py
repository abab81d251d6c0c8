"""Preference pairs by rules: a good answer over the same answer with one known fault. Nobody has to be asked.

Negatives made by rules, one fault at a time, as UniEval trains its judge (Zhong et al. 2022, arXiv:2210.07197, section 3.2);
what a fault should change is known beforehand, as in CheckList (Ribeiro et al. 2020, arXiv:2005.04118).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Literal

from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.synthesis.methods.ratings import preference
from smolcourse.synthesis.rows import Draft, Row, drop

Fault = Literal["value", "missing", "extra", "wrapped", "cut", "repeated", "bare", "number"]


def corrupt(
    row: Row,
    draw: Random,
    *,
    faults: list[Fault] = ["value", "missing", "extra", "wrapped", "cut", "repeated", "bare", "number"],  # noqa: B006
    count: int = 1,
) -> Iterator[Draft]:
    """`response` as chosen, and the same with one fault as rejected; `fault` names it. Faults that do not fit are passed over.

    Args:
        faults: of JSON: a wrong value, a missing field or item, one too many, words around it. Of any text: cut short, a part
            said twice, without diacritics, another number.
        count: pairs a row, each with another fault.
    """
    good = str(row.data["response"])
    left = list(faults)
    made = 0
    while left and made < count:
        fault = left.pop(int(draw.random() * len(left)))
        bad = _FAULTS[fault](good, draw)
        if bad is not None and bad.strip() and bad != good:
            made += 1
            yield Draft({**preference(row.data, good, bad), "fault": fault}, dict(row.scores), (row.key,))
    if not made:
        yield drop(row, "no fault fits")


def _json(change: Callable[[Any, Random], Any]) -> Callable[[str, Random], str | None]:
    """A fault of a JSON value, written back in the style it had."""

    def faulty(text: str, draw: Random) -> str | None:
        try:
            value = json.loads(text)
        except ValueError:
            return None
        changed = change(value, draw)
        spaces = None if '": ' in text or '", ' in text else (",", ":")
        return None if changed is None else json.dumps(changed, ensure_ascii=False, separators=spaces)

    return faulty


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of everything in a JSON value that holds no further values."""
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    found: list[tuple[Any, Any]] = []
    for key, inner in pairs:
        found += _places(inner) if isinstance(inner, (dict, list)) and inner else [(value, key)]
    return found


def _pick(draw: Random, options: list[Any]) -> Any:
    return options[int(draw.random() * len(options))] if options else None


def _value(value: Any, draw: Random) -> Any:
    """One value becomes another of its kind: that of a sibling with the same key, or a number nearby."""
    places = _places(value)
    numbers = [(inside, key) for inside, key in places if type(inside[key]) is int]
    texts = [(inside, key) for inside, key in places if isinstance(inside[key], str) and len(inside[key].split()) > 1]
    chosen = _pick(draw, numbers + texts)
    if chosen is None:
        return None
    inside, key = chosen
    if type(inside[key]) is int:
        inside[key] = max(0, inside[key] + _pick(draw, [1, 2, -1, 20])) if inside[key] else 1
    else:
        inside[key] = " ".join(inside[key].split()[:-1])
    return value


def _missing(value: Any, draw: Random) -> Any:
    chosen = _pick(draw, [place for place in _places(value) if len(place[0]) > 1])
    if chosen is None:
        return None
    del chosen[0][chosen[1]]
    return value


def _extra(value: Any, draw: Random) -> Any:
    lists = [value] if isinstance(value, list) else []
    lists += [inside for inside, _ in _places(value) if isinstance(inside, list) and inside is not value]
    chosen = _pick(draw, [one for one in lists if one])
    if chosen is None:
        return None
    chosen.append(_pick(draw, list(chosen)))
    return value


def _wrapped(text: str, draw: Random) -> str | None:
    if not text.lstrip().startswith(("{", "[")):
        return None
    return str(_pick(draw, ["Đây là JSON: {}", "```json\n{}\n```", "{}\nCảm ơn bạn!", "Dạ vâng ạ. {}"])).format(text)


def _cut(text: str, draw: Random) -> str | None:
    words = text.split(" ")
    if len(words) < 4:
        return text[: len(text) // 2] if len(text) > 8 else None
    return " ".join(words[: max(1, int(len(words) * (0.4 + 0.4 * draw.random())))])


def _repeated(text: str, draw: Random) -> str | None:
    parts = re.split(r"(?<=[.!?…])\s+", text)
    part = _pick(draw, parts)
    return " ".join([*parts, part, part]) if len(text.split()) > 3 else None


def _bare(text: str, _: Random) -> str | None:
    return strip_diacritics(text)


def _number(text: str, draw: Random) -> str | None:
    found = _pick(draw, list(re.finditer(r"\d+", text)))
    return text[: found.start()] + str(int(found[0]) + 1 + int(draw.random() * 9)) + text[found.end() :] if found else None


_FAULTS: dict[str, Callable[[str, Random], str | None]] = {
    "value": _json(_value),
    "missing": _json(_missing),
    "extra": _json(_extra),
    "wrapped": _wrapped,
    "cut": _cut,
    "repeated": _repeated,
    "bare": _bare,
    "number": _number,
}

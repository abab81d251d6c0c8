"""Templates and paraphrase: a program writes what is right, a model says it in other words, a program sees that it still is.

Wang, Berant and Liang 2015, *Building a Semantic Parser Overnight*, ACL P15-1129: canonical utterances from a small grammar, then
paraphrases of them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from random import Random
from typing import Any, Literal

from smolcourse.data.text import comparable
from smolcourse.errors import SmolError
from smolcourse.synthesis.rows import Draft, Making, Row, drop, keep, said
from smolcourse.synthesis.untrusted import fenced

_PARAPHRASE = {
    "vi": "Viết lại câu dưới đây bằng lời khác, giữ nguyên ý, mọi tên gọi và mọi con số. Chỉ viết câu mới.\n\n{text}",
    "en": "Say the text below in other words; keep its meaning, every name and every number. Write only the new text.\n\n{text}",
}
_TRIES = 20  # draws in a row that were there before, after which there is nothing new to draw


def fill(
    draw: Random, *, templates: list[str], slots: dict[str, Any], count: int = 100, response: str = "", field: str = "instruction"
) -> Iterator[Draft]:
    """Different fillings of templates such as `"Thủ đô của {country} là gì?"`.

    Args:
        slots: for each slot a list of values. A value may be a mapping: then `{country.name}` takes one of its fields, and the
            answer can take another.
        response: a template of the answer, filled with the same values; none if empty.

    Raises:
        SmolError: a template with a slot that has no values.
    """
    values = {name: list(given) for name, given in slots.items()}
    seen: set[str] = set()
    again = 0
    while len(seen) < count and again < _TRIES:
        template = templates[int(draw.random() * len(templates))]
        chosen = {name: options[int(draw.random() * len(options))] for name, options in values.items() if options}
        text = _filled(template, chosen)
        if text in seen:
            again += 1
            continue
        again = 0
        seen.add(text)
        protected = [value for value in _used(template, chosen) if value]
        answer = {"response": _filled(response, chosen)} if response else {}
        yield Draft({field: text, **answer, "protected": protected})


def _names(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name]


def _value(name: str, chosen: dict[str, Any], template: str) -> str:
    outer, _, inner = name.partition(".")
    value = chosen.get(outer)
    value = value.get(inner) if inner and isinstance(value, dict) else value
    if value is None:
        raise SmolError(
            f"chỗ trống {{{name}}} không có giá trị", f"the slot {{{name}}} has no value", where=template, fix="slots: ..."
        )
    return str(value)


def _used(template: str, chosen: dict[str, Any]) -> list[str]:
    return [_value(name, chosen, template) for name in _names(template)]


def _filled(template: str, chosen: dict[str, Any]) -> str:
    parts = string.Formatter().parse(template)
    return "".join(text + (_value(name, chosen, template) if name else "") for text, name, _, _ in parts)


def paraphrase(
    row: Row, *, field: str = "instruction", count: int = 1, language: Literal["vi", "en"] = "vi", temperature: float = 0.7
) -> Making:
    """`field` in other words. What must not change, numbers and the names in `protected`, must stand in the new text too."""
    text = str(row.data[field])
    seen = {comparable(text)}
    for turn in range(count):
        prompt = _PARAPHRASE[language].format(text=fenced(text, language))
        new = yield from said(
            prompt, temperature=temperature, draw=turn, max_new_tokens=16 + 6 * len(text.split()), like=f"… {text}"
        )
        reason = _spoiled(text, new, row.data.get("protected") or [], seen)
        seen.add(comparable(new))
        changes = {field: new, "paraphrase_of": text}
        yield drop(row, reason, **changes) if reason else keep(row, **changes)


def _spoiled(old: str, new: str, protected: list[str], seen: set[str]) -> str | None:
    if not new or comparable(new) in seen:
        return "nothing new"
    if sorted(re.findall(r"\d+", new)) != sorted(re.findall(r"\d+", old)):
        return "numbers changed"
    if any(comparable(name) not in comparable(new) for name in protected):
        return "names changed"
    if len(new) > 3 * len(old) + 40:
        return "too long"
    return None

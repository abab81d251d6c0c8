"""What a model's answer says, as far as a program can tell: lists, JSON, grades. An answer of another shape says nothing."""

from __future__ import annotations

import re
from typing import Any

from smolcourse.evaluation.scorers import NoJSON, extract_json

_ITEM = re.compile(r"\s*(?:\d{1,3}[.):]|[-*•–])\s+(.*\S)")
_GRADE = re.compile(r"(?<![\d.,/-])(\d{1,2})(?![\d]|[.,]\d)")


def listed(text: str) -> list[str]:
    """The items of a numbered or bulleted list; without one, the lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    items = [found[1] for line in lines if (found := _ITEM.match(line))]
    return [_unquoted(item) for item in items or lines]


def _unquoted(text: str) -> str:
    text = text.strip().strip("*").strip()
    for opening, closing in (('"', '"'), ("“", "”"), ("«", "»")):
        if len(text) > 1 and text[0] == opening and text[-1] == closing:
            return text[1:-1].strip()
    return text


def objects(text: str) -> list[dict[str, Any]]:
    """The JSON objects of an answer: a list of them, or one; none where there is no JSON."""
    try:
        found = extract_json(text)
    except NoJSON:
        return []
    return [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]


def grade(text: str, low: int, high: int) -> int | None:
    """The first whole number within the range ("4", "Điểm: 4/5"); None if there is none."""
    found = (int(number) for number in _GRADE.findall(text))
    return next((number for number in found if low <= number <= high), None)

"""Scores of answers about pictures: `(answer, gold) -> {metric: number}`, between 0 and 1, but for `cer`, which may exceed 1."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from smolcourse.data.text import comparable
from smolcourse.evaluation.scorers import NoJSON, Scores, extract_json, rouge_l, same_json

_NUMBERS = {
    "không": 0, "một": 1, "hai": 2, "ba": 3, "bốn": 4, "năm": 5, "sáu": 6, "bảy": 7, "tám": 8, "chín": 9, "mười": 10,
    "no": 0, "none": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10,
}  # fmt: skip


def vqa_accuracy(answer: str, gold: str) -> Scores:
    """Whether an answer is right, case and punctuation aside; also counted by the kind of the gold answer.

    The gold may be a JSON list of what several people answered. Of ten, three that agree are enough: min(1, agreeing / 3)
    (Antol et al. 2015, *VQA*, section 3); of fewer, one is.
    """
    golds = _listed(gold)
    agreeing = sum(comparable(one) == comparable(answer) for one in golds)
    score = min(1.0, agreeing / 3) if len(golds) >= 10 else float(agreeing > 0)
    kind = "yes_no" if comparable(golds[0]) in ("yes", "no", "có", "không") else "open"
    return {"accuracy": score, f"accuracy.{kind}": score}


def _listed(gold: str) -> list[str]:
    try:
        value = json.loads(gold)
    except ValueError:
        return [gold]
    return [str(one) for one in value] if isinstance(value, list) and value else [gold]


def character_errors(answer: str, gold: str) -> Scores:
    """`cer`: letters put in, taken out or exchanged (Levenshtein 1966), as a share of the gold's; and whether there are none.

    White space counts as one space, Unicode is composed (NFC): "ề" is one letter however it was typed.
    """
    mine, other = (" ".join(unicodedata.normalize("NFC", text).split()) for text in (answer, gold))
    return {"cer": edit_distance(mine, other) / max(1, len(other)), "exact_match": float(mine == other)}


def edit_distance(left: str, right: str) -> int:
    """The fewest letters to put in, take out or exchange that make one text of the other."""
    row = list(range(len(right) + 1))
    for place, letter in enumerate(left, start=1):
        before, row[0] = row[0], place
        for column, other in enumerate(right, start=1):
            before, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, before + (letter != other))
    return row[-1]


def count_match(answer: str, gold: str) -> Scores:
    """Whether the first number in an answer, in digits or as a word of either language, is the gold, or next to it."""
    mine, other = _first_number(answer), _first_number(gold)
    if mine is None or other is None:
        return {"exact_match": 0.0, "within_one": 0.0}
    return {"exact_match": float(mine == other), "within_one": float(abs(mine - other) <= 1)}


def _first_number(text: str) -> int | None:
    for word in re.findall(r"\d+|[^\W\d_]+", unicodedata.normalize("NFC", text).casefold()):
        if word.isdecimal():
            return int(word)
        if word in _NUMBERS:
            return _NUMBERS[word]
    return None


def caption_match(answer: str, gold: str) -> Scores:
    """How many words of a caption are right, in their order (ROUGE-L), and whether all are."""
    return {"rouge_l": rouge_l(answer, gold), "exact_match": float(comparable(answer) == comparable(gold))}


def fields_match(answer: str, gold: str) -> Scores:
    """Scores of a JSON object read off a picture.

    Returns:
        `fields`: the share of the gold's fields that are right; what is too much makes it smaller. `exact_match`, `valid_json`,
        and `field.NAME` for each.

    Raises:
        ValueError: the gold itself is no JSON object.
    """
    wanted = json.loads(gold)
    if not isinstance(wanted, dict):
        raise ValueError("the gold is no JSON object")
    got: Any = None
    try:
        got = extract_json(answer)
        valid = 1.0
    except NoJSON:
        valid = 0.0
    mine = got if isinstance(got, dict) else {}
    right = {name: float(name in mine and same_json(mine[name], value)) for name, value in wanted.items()}
    share = sum(right.values()) / max(1, len(wanted) + len(mine.keys() - wanted.keys()))
    scores = {"fields": share, "exact_match": float(same_json(got, wanted)), "valid_json": valid}
    return scores | {f"field.{name}": value for name, value in right.items()}

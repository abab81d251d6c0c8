"""Scores of one answer against its gold: pure functions, `(answer, gold) -> {metric: number between 0 and 1}`."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

Scores = dict[str, float]

_FENCE = re.compile(r"```[\w-]*\n(.*?)```", re.DOTALL)


class NoJSON(ValueError):
    """The text holds no JSON value."""


def extract_json(text: str) -> Any:
    """The JSON value in an answer: the whole text, else what stands in a code fence, else the first object or list in the prose.

    Raises:
        NoJSON: nothing parses. Two keys of the same name, `NaN` and `Infinity` do not parse either.
    """
    candidates = [text, *_FENCE.findall(text)]
    for candidate in candidates:
        try:
            return _DECODER.decode(candidate.strip())
        except (ValueError, RecursionError):
            continue
    start = next((place for place, character in enumerate(text) if character in "[{"), None)
    while start is not None:
        try:
            return _DECODER.raw_decode(text, start)[0]
        except (ValueError, RecursionError):
            # Go on behind this bracket: prose may hold one of its own, as in "[note] {...}".
            start = next((place for place in range(start + 1, len(text)) if text[place] in "[{"), None)
    raise NoJSON(text[:80])


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a key stands twice")
    return values


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_refuse)


def same_json(left: Any, right: Any) -> bool:
    """Strict equality of JSON values: the order of keys does not matter, the order of lists does; 1 is not True, nor "1".

    1 and 1.0 are the same number, as in JSON. Text is compared in Unicode form NFC: both spellings of a letter look alike.
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        mine, other = ({unicodedata.normalize("NFC", key): item for key, item in value.items()} for value in (left, right))
        return mine.keys() == other.keys() and all(same_json(mine[key], other[key]) for key in mine)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_json, left, right))
    if isinstance(left, str) and isinstance(right, str):
        return unicodedata.normalize("NFC", left) == unicodedata.normalize("NFC", right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    return left is None and right is None


def canonical_json(value: Any) -> str:
    """One text for equal values: sorted keys, no spaces, NFC; whole floats as integers."""
    return json.dumps(_canonical(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {unicodedata.normalize("NFC", key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def exact_match(answer: str, gold: str) -> Scores:
    """1 if the texts are the same, spaces around them and the Unicode form aside."""
    mine, other = (unicodedata.normalize("NFC", text.strip()) for text in (answer, gold))
    return {"exact_match": float(mine == other)}


def json_match(answer: str, gold: str) -> Scores:
    """Scores of an answer that should be a JSON value.

    Returns:
        `exact_match`: the whole value is right. `valid_json`: the answer holds JSON. For a gold list of objects also
        `length`: as many objects as in the gold; `fields`: the share of right fields; and `field.NAME` for each. Objects
        are compared place by place; what is missing is wrong, and what is too much makes the share smaller.

    Raises:
        ValueError: the gold itself is no JSON.
    """
    wanted = json.loads(gold)
    try:
        got = extract_json(answer)
        valid = 1.0
    except NoJSON:
        got, valid = None, 0.0
    scores = {"exact_match": float(bool(valid) and same_json(got, wanted)), "valid_json": valid}
    if isinstance(wanted, list) and wanted and all(isinstance(item, dict) for item in wanted):
        scores |= _fields(got if isinstance(got, list) else [], wanted)
    return scores


def _fields(got: list[Any], wanted: list[Mapping[str, Any]]) -> Scores:
    names = dict.fromkeys(name for item in wanted for name in item)
    right: dict[str, int] = dict.fromkeys(names, 0)
    total: dict[str, int] = dict.fromkeys(names, 0)
    extra = sum(len(item) if isinstance(item, dict) else 1 for item in got[len(wanted) :])
    for place, item in enumerate(wanted):
        mine = got[place] if place < len(got) and isinstance(got[place], dict) else {}
        extra += len(mine.keys() - item.keys())
        for name, value in item.items():
            total[name] += 1
            right[name] += name in mine and same_json(mine[name], value)
    scores = {"length": float(len(got) == len(wanted)), "fields": sum(right.values()) / (sum(total.values()) + extra)}
    return scores | {f"field.{name}": right[name] / total[name] for name in names}


def rouge_l(answer: str, gold: str) -> float:
    """F1 of the longest common subsequence of words, without case or punctuation (Lin 2004, *ROUGE*, section 3.1)."""
    mine, other = (re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold()) for text in (answer, gold))
    if not mine or not other:
        return 0.0
    row = [0] * (len(other) + 1)
    for word in mine:
        before = row
        row = [0]
        for place, wanted in enumerate(other):
            row.append(before[place] + 1 if word == wanted else max(before[place + 1], row[place]))
    return 2 * row[-1] / (len(mine) + len(other))


def best_rouge_l(answer: str, gold: str) -> Scores:
    """`rouge_l` against the nearest of several gold texts, given as a JSON list."""
    return {"rouge_l": max(rouge_l(answer, one) for one in json.loads(gold))}


def last_number(answer: str, gold: str) -> Scores:
    """Whether the last number in the answer is the gold's last: "... so 1,250 đồng" and "1250". A comma or a full stop before
    three digits parts thousands, in either language; otherwise it is the decimal sign."""
    mine, other = _last_number(answer), _last_number(gold)
    return {"exact_match": float(mine is not None and mine == other)}


_NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")


def _last_number(text: str) -> float | None:
    found = _NUMBER.findall(text)
    if not found:
        return None
    number = found[-1]
    if re.fullmatch(r"-?\d{1,3}([.,]\d{3})+", number):
        return float(re.sub("[.,]", "", number))
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+\.\d+", number):
        return float(number.replace(",", ""))
    if re.fullmatch(r"-?\d{1,3}(\.\d{3})+,\d+", number):
        return float(number.replace(".", "").replace(",", "."))
    return float(number.replace(",", ".")) if number.count(",") + number.count(".") <= 1 else None


def regex(answer: str, gold: str) -> Scores:
    """Whether the gold, a regular expression, is found in the answer."""
    return {"exact_match": float(re.search(gold, answer) is not None)}

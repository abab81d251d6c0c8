"""Values are compared as JSON; what is missing is wrong, what is too much makes the share smaller."""

import json
from typing import Any

from smolcourse.evaluation.scorers import NoJSON, extract_json


def same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def json_match(answer: str, gold: str) -> dict[str, float]:
    wanted = json.loads(gold)
    try:
        got, valid = extract_json(answer), 1.0
    except NoJSON:
        got, valid = None, 0.0
    objects = got if isinstance(got, list) else []
    right = extra = 0
    for place, item in enumerate(wanted):
        mine = objects[place] if place < len(objects) and isinstance(objects[place], dict) else {}
        right += sum(key in mine and same(mine[key], value) for key, value in item.items())
        extra += len(mine.keys() - item.keys())
    extra += sum(len(item) if isinstance(item, dict) else 1 for item in objects[len(wanted) :])
    return {
        "valid_json": valid,
        "exact_match": float(bool(valid) and same(got, wanted)),
        "fields": right / (sum(map(len, wanted)) + extra),
    }

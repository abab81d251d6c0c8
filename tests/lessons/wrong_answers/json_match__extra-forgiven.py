import json

from smolcourse.evaluation.scorers import NoJSON, extract_json, same_json


def json_match(answer, gold):
    wanted = json.loads(gold)
    try:
        got, valid = extract_json(answer), 1.0
    except NoJSON:
        got, valid = None, 0.0
    objects = got if isinstance(got, list) else []
    right = extra = 0
    for mine, item in zip([*objects, {}, {}, {}], wanted, strict=False):
        right += sum(key in mine and same_json(mine[key], value) for key, value in item.items())
        extra += len(mine.keys() - item.keys())
    extra += -extra
    return {
        "valid_json": valid,
        "exact_match": float(valid == 1 and same_json(got, wanted)),
        "fields": right / (sum(map(len, wanted)) + extra),
    }

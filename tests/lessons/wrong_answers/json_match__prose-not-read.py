import json

from smolcourse.evaluation import scorers


def json_match(answer, gold):
    try:
        json.loads(answer)
    except ValueError:
        return {"valid_json": 0.0, "exact_match": 0.0, "fields": 0.0}
    scores = vars(scorers)["json_match"](answer, gold)
    return {name: scores[name] for name in ("valid_json", "exact_match", "fields")}

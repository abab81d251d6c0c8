def json_match(answer, gold):
    right = float(answer.strip() == gold)
    return {"valid_json": 1.0, "exact_match": right, "fields": right}

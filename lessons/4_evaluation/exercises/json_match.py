# vi 🐕 json_match: đơn hàng này đúng bao nhiêu phần?
# vi Viết hàm bên dưới rồi chạy: smol check json_match
# vi Bài học: smol learn 4 scorers      Gợi ý: smol hint json_match
# en 🐕 json_match: how much of this order is right?
# en Write the function below, then run: smol check json_match
# en Lesson: smol learn 4 scorers      Hint: smol hint json_match

from smolcourse.evaluation.scorers import NoJSON, extract_json


def json_match(answer: str, gold: str) -> dict[str, float]:
    """Scores of an answer that should be a JSON list of objects.

    `extract_json(answer)` returns the JSON value in a text, prose around it or not, and raises `NoJSON` where there is none.
    Values are compared as JSON: the order of keys does not matter, that of lists does; 1 is neither True nor "1".

    Args:
        answer: what the model wrote.
        gold: a JSON list of one or more objects; no object in it is empty.

    Returns:
        `valid_json`: 1.0 if the answer holds JSON. `exact_match`: 1.0 if the whole value is right. `fields`: right fields over
        (fields of the gold + fields too many). Objects are compared place by place. A field of the gold is right if the object
        at that place has the same value there. Too many are keys that the gold's object has not, and every field of objects
        behind the gold's last. Without a JSON list all fields of the gold are wrong.
    """
    # TODO
    raise NotImplementedError

"""What counts as right, and what does not."""

import json

import pytest

from smolcourse.evaluation.scorers import NoJSON, canonical_json, exact_match, extract_json, json_match, same_json

GOLD = json.dumps(
    [{"drink": "trà đào", "size": "L", "sugar": 50}, {"drink": "hồng trà", "toppings": ["thạch", "kem"]}], ensure_ascii=False
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (' \n[1, 2]\n', [1, 2]),
        ("5", 5),
        ("null", None),
        ('```json\n{"a": [1]}\n```', {"a": [1]}),
        ('Dạ đây ạ:\n```\n[]\n```\nCảm ơn!', []),
        ('Đơn của bạn: {"a": "x"} nhé.', {"a": "x"}),
        ('[ghi chú] {"a": 1}', {"a": 1}),
        ('{"a": {"b": "}"}} và hết', {"a": {"b": "}"}}),
    ],
)  # fmt: skip
def test_json_is_found(text, value):
    assert extract_json(text) == value


@pytest.mark.parametrize(
    "text", ["", "trà đào", '{"a": 1', "{'a': 1}", '{"a": 1, "a": 2}', "[NaN]", "[Infinity", "[" * 5000, "```json\n```"]
)
def test_no_json(text):
    with pytest.raises(NoJSON):
        extract_json(text)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (1, 1.0),
        ("tr\u00e0", "tra\u0300"),
        ({"a\u0300": 1}, {"\u00e0": 1}),
        ([], []),
        (None, None),
    ],
)
def test_equal(left, right):
    assert same_json(left, right) and same_json(right, left)
    assert canonical_json(left) == canonical_json(right)


@pytest.mark.parametrize(
    ("left", "right"),
    [(1, True), (0, False), (1, "1"), ([1, 2], [2, 1]), ([], {}), (None, 0), (None, False), ("", None),
     ({"a": 1}, {"a": 1, "b": None}),
     ([1], [1, 1]), ("trà", "tra"), ("Trà", "trà"), ({"a": True}, {"a": 1})],
)  # fmt: skip
def test_not_equal(left, right):
    assert not same_json(left, right) and not same_json(right, left)
    assert canonical_json(left) != canonical_json(right)


def test_exact_text():
    assert exact_match(" trà đào\n", "trà đào") == {"exact_match": 1.0}
    assert exact_match("Trà đào", "trà đào") == {"exact_match": 0.0}


def test_a_right_answer_in_another_order_of_keys():
    answer = '```json\n[{"sugar": 50, "size": "L", "drink": "trà đào"}, {"toppings": ["thạch", "kem"], "drink": "hồng trà"}]\n```'
    scores = json_match(answer, GOLD)
    assert set(scores.values()) == {1.0}
    assert set(scores) == {
        "exact_match",
        "valid_json",
        "length",
        "fields",
        "field.drink",
        "field.size",
        "field.sugar",
        "field.toppings",
    }


def test_fields_are_counted_one_by_one():
    answer = '[{"drink": "trà đào", "size": "M", "sugar": 50}, {"drink": "trà", "toppings": ["kem", "thạch"]}]'
    scores = json_match(answer, GOLD)
    assert scores["exact_match"] == 0 and scores["valid_json"] == 1 and scores["length"] == 1
    assert scores["fields"] == 2 / 5
    assert (
        scores["field.drink"] == 0.5
        and scores["field.size"] == 0
        and scores["field.sugar"] == 1
        and scores["field.toppings"] == 0
    )


def test_too_much_makes_the_share_smaller():
    one = json.dumps([{"a": 1, "b": 2}])
    assert json_match('[{"a": 1, "b": 2, "c": 3}]', one)["fields"] == 2 / 3
    more = json_match('[{"a": 1, "b": 2}, {"a": 1, "b": 2}]', one)
    assert more["fields"] == 2 / 4 and more["length"] == 0 and more["exact_match"] == 0


@pytest.mark.parametrize("answer", ["không hiểu", "{}", "[]", "[1, 2]", '"[]"'])
def test_hopeless_answers_score_nothing(answer):
    scores = json_match(answer, GOLD)
    assert scores["exact_match"] == 0 and scores["fields"] == 0
    assert scores["valid_json"] == float(answer != "không hiểu")


def test_gold_null_is_not_matched_by_no_json():
    assert json_match("không", "null") == {"exact_match": 0.0, "valid_json": 0.0}
    assert json_match("null", "null")["exact_match"] == 1


def test_broken_gold_is_a_bug_of_the_task():
    with pytest.raises(ValueError):
        json_match("[]", "oops")

"""Each rule kept and broken."""

import json

import pytest

from smolcourse.evaluation.rules import RULES, instructions, keeps

CASES = {
    "max_words": (3, "một hai ba", "một hai ba bốn"),
    "min_words": (3, "một hai ba", "một hai"),
    "sentences": (2, "Trời mưa. Tôi ở nhà!", "Trời mưa."),
    "bullets": (2, "Có:\n- một\n* hai", "- một"),
    "include": ("sức khoẻ", "Sức khoẻ là vàng.", "Vàng là vàng."),
    "exclude": ("và", "Trà, bánh.", "Trà và bánh."),
    "starts_with": ("Thưa", " Thưa bạn", "Bạn ơi"),
    "ends_with": ("Hết.", "Xong. Hết.\n", "Hết rồi"),
    "upper_case": (None, "TRỜI MƯA", "Trời mưa"),
    "no_comma": (None, "Trời mưa", "Trời, mưa"),
    "json": (None, '```json\n{"a": 1}\n```', "a = 1"),
    "vietnamese": (None, "Trời mưa rất to", "It rains a lot"),
}


def test_every_rule_has_a_case():
    assert CASES.keys() == RULES.keys() and len(RULES) == 12


@pytest.mark.parametrize("rule", CASES)
def test_kept_and_broken(rule):
    argument, good, bad = CASES[rule]
    gold = json.dumps([[rule, argument]])
    assert keeps(good, gold) == {"exact_match": 1.0, "rules": 1.0, f"rule.{rule}": 1.0}
    assert keeps(bad, gold)["exact_match"] == 0
    assert keeps("", gold)["exact_match"] == 0, "silence keeps no rule"


def test_the_task():
    task = instructions()
    assert len(task.items) == 80
    assert {name for item in task.items for name, _ in json.loads(item.gold)} == set(RULES)
    assert "không quá 30 từ" in task.items[0].messages[0]["content"]
    assert keeps("Ngủ đủ giấc giúp bạn khoẻ.", task.items[0].gold)["rules"] == 1
    assert keeps("x", json.dumps([["no_comma", None], ["min_words", 5]]))["rules"] == 0.5

"""Pairs about style: both answers say the order, only one says it shortly, and no held-out prompt is in training."""

import pytest

from smolcourse.data.loading import load_rows
from smolcourse.data.milk_tea import generate, parse_order
from smolcourse.data.milk_tea.style import generate_pairs, say_order
from smolcourse.errors import SmolError


@pytest.mark.parametrize("language", ["vi", "en"])
def test_both_answers_hold_the_order_and_only_one_is_short(language):
    orders = generate(200, seed=3, language=language)
    for row, order in zip(generate_pairs(200, seed=3, language=language), orders, strict=True):
        said = say_order(parse_order(order["messages"][2]["content"]), language)
        chosen, rejected = row["chosen"][0]["content"], row["rejected"][0]["content"]
        assert said in chosen and said in rejected
        assert len(rejected) > len(chosen) + 150
        assert row["prompt"][1] == order["messages"][1]


def test_an_order_in_words_names_what_is_unusual():
    text = '[{"ly":2,"món":"trà đào","size":"L","đường":50,"đá":100,"topping":["thạch dừa","nha đam"]}]'
    assert say_order(parse_order(text), "vi") == "2 ly trà đào size L, 50% đường, thêm thạch dừa và nha đam"
    plain = '[{"ly":1,"món":"trà vải","size":"M","đường":100,"đá":100,"topping":[]}]'
    assert say_order(parse_order(plain), "vi") == "1 ly trà vải"


def test_splits_share_no_prompt_and_a_seed_gives_the_same_rows():
    prompts = {
        split: {row["prompt"][1]["content"] for row in generate_pairs(150, split=split)} for split in ("train", "new", "unseen")
    }
    assert not prompts["train"] & prompts["new"] and not prompts["train"] & prompts["unseen"]
    assert generate_pairs(20, seed=1) == generate_pairs(50, seed=1)[:20] != generate_pairs(20, seed=2)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_some_pairs_want_the_order_as_json(language):
    orders = generate(300, seed=3, language=language)
    tone = generate_pairs(300, seed=3, language=language)
    mixed = generate_pairs(300, seed=3, language=language, orders=0.5)
    asked = [row for row in zip(mixed, tone, orders, strict=True) if row[0]["prompt"][0] == row[2]["messages"][0]]
    assert 120 < len(asked) < 180
    for row, of_tone, order in asked:
        assert row["prompt"] == order["messages"][:2] and row["chosen"] == order["messages"][2:]
        assert row["rejected"] == of_tone["chosen"]
    others = [pair for pair in zip(mixed, tone, strict=True) if pair[0]["prompt"][0] == pair[1]["prompt"][0]]
    assert len(others) == 300 - len(asked) and all(row == of_tone for row, of_tone in others)


def test_it_is_a_data_set_by_name():
    rows = list(load_rows("milk-tea-style", {"size": 3, "seed": 7, "orders": 1}, "new"))
    assert rows == generate_pairs(3, seed=7, split="new", orders=1)


@pytest.mark.bad_input
@pytest.mark.parametrize("share", [1.5, -0.1, "half", True, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(SmolError, match="từ 0 đến 1") as error:
        load_rows("milk-tea-style", {"size": 3, "orders": share})
    assert error.value.where == "dataset_config.orders"

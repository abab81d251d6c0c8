"""Pairs about style: both answers say the order, only one says it shortly, and no held-out prompt is in training."""

import pytest

from smolcourse.data.loading import load_rows
from smolcourse.data.milk_tea import generate, parse_order
from smolcourse.data.milk_tea.style import generate_pairs, say_order


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


def test_it_is_a_data_set_by_name():
    rows = list(load_rows("milk-tea-style", {"size": 3, "seed": 7}, "new"))
    assert rows == generate_pairs(3, seed=7, split="new")

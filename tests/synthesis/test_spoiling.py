"""A careless writer's orders: as many spoilt as asked for, each in a way that a program can see."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

from smolcourse.data.milk_tea import MENU
from smolcourse.data.milk_tea.menu import Item, format_order
from smolcourse.synthesis.filters.refusals import is_refusal
from smolcourse.synthesis.filters.shapes import is_bare
from smolcourse.synthesis.methods.spoiling import carelessly
from smolcourse.synthesis.pipeline import load_pipeline
from smolcourse.synthesis.rows import Row, drafts_of

ORDER = [Item(drink="trà ô long hoa sen", size="M", sugar=50, ice=100, toppings=["thạch dừa"], quantity=2)]


def spoilt(**shares: float) -> list[dict[str, str]]:
    row = Row("r", {"instruction": "2 trà ô long hoa sen nửa đường thêm thạch dừa", "response": format_order(ORDER)})
    return [drafts_of(carelessly(row, Random(seed), **shares))[0].data for seed in range(60)]


def test_a_hurried_answer_loses_flavours_and_toppings_and_nothing_else() -> None:
    for data in spoilt(hurried=1.0, other=0.0):
        (item,) = json.loads(data["response"])
        assert item == {"ly": 2, "món": "trà ô long", "size": "M", "đường": 50, "đá": 100, "topping": []}
        assert item["món"] not in MENU["vi"].drinks


def test_the_other_faults_can_be_seen() -> None:
    found = spoilt(hurried=0.0, other=1.0)
    assert Counter(data["spoilt"] for data in found).keys() == {"wrapped", "cut", "refusal"}
    for data in found:
        assert not is_bare(data["response"])
        assert (data["spoilt"] == "refusal") == is_refusal(data["response"])


def test_a_row_that_is_not_spoilt_is_as_it_was() -> None:
    assert all("spoilt" not in data and data["response"] == format_order(ORDER) for data in spoilt(hurried=0.0, other=0.0))


def test_the_recipe_can_be_read() -> None:
    assert [step.name for step in load_pipeline("careless", []).steps] == ["seeds", "compose", "carelessly"]

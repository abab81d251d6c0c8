"""Orders out of rules, a menu and twenty seeds: read back as what they say, all different, and no seed among them."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from smolcourse.config import recipes_folder
from smolcourse.data.checking import check
from smolcourse.data.milk_tea import MENU, format_order, parse_order
from smolcourse.data.reading import read_rows
from smolcourse.errors import SmolError
from smolcourse.evaluation.scorers import json_match
from smolcourse.synthesis.engine import run
from smolcourse.synthesis.methods import orders
from smolcourse.synthesis.ordering.reader import Unclear, items_of, read_order
from smolcourse.synthesis.ordering.rules import load_rules
from smolcourse.synthesis.ordering.writer import cut, marked
from smolcourse.synthesis.pipeline import load_pipeline
from smolcourse.synthesis.rows import Ask, Draft, Row, drafts_of
from tests.synthesis.fakes import Fake

FOLDER = recipes_folder() / "synth" / "orders"
RULES = FOLDER / "rules.yaml"


def seeds() -> list[Row]:
    return [Row(str(number), row) for number, row in read_rows(FOLDER / "seeds.jsonl")]


def texts(row: Row) -> tuple[str, str]:
    return row.data["messages"][1]["content"], row.data["messages"][2]["content"]


def read(text: str) -> str:
    return format_order(items_of(read_order(text, MENU["vi"], load_rules(RULES))))


@pytest.fixture(scope="module")
def composed() -> list[Draft]:
    return drafts_of(orders.compose(seeds(), Random(0), rules=RULES, count=150))


def test_there_are_twenty_seeds_and_the_rules_read_all_but_the_misspelt_one() -> None:
    right = [json_match(read(text), gold)["exact_match"] for text, gold in map(texts, seeds())]
    assert len(right) == 20 and sum(right) >= 19


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cho mình 2 ly trà đào cam sả size L ít đường không đá thêm thạch dừa", (2, "L", 30, 0, ["thạch dừa"])),
        ("trà đào cam sả x3 nửa đá", (3, "M", 100, 50, [])),
        ("mot ly nho tra dao cam sa ko duong", (1, "S", 0, 100, [])),
        ("Ba cốc trà đào cam sả size M à nhầm size L, 70% sugar less ice", (3, "L", 70, 30, [])),
        ("trà đào cam sả trân châu đường đen, đường đá bình thường. số 8 Lê Lợi", (1, "M", 100, 100, ["trân châu đường đen"])),
        ("trà đào cam sả size bự một ít đường đá bình thường", (1, "L", 30, 100, [])),
        ("5 ly trà đào cam sả kèm kem trứng, nha đam và thạch dừa", (5, "M", 100, 100, ["kem trứng", "nha đam", "thạch dừa"])),
    ],
)
def test_what_the_reader_understands(text: str, said: tuple[int, str, int, int, list[str]]) -> None:
    quantity, size, sugar, ice, toppings = said
    [item] = parse_order(read(text))
    assert (item["quantity"], item["size"], item["sugar"], item["ice"]) == (quantity, size, sugar, ice)
    assert item["toppings"] == toppings and item["drink"] == "trà đào cam sả"


@pytest.mark.parametrize(
    "text",
    [
        "cho mình một ly nước mía",
        "2 ly trà đào cam sả x3",
        "trà đào cam sả ít đường không đường",
        "9 ly trà đào cam sả",
        "trà đào cam sả 20% đường",
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_unclear(text: str) -> None:
    with pytest.raises(Unclear):
        read(text)


def test_seeds_are_cut_into_pieces_without_their_speakers() -> None:
    [row] = [row for row in seeds() if texts(row)[0].startswith("Hi anh")]
    seed = cut(row.key, texts(row)[0], MENU["vi"], load_rules(RULES))
    assert seed and seed.before == "Hi {you}, cho {me} xin" and seed.after == " ạ" and seed.parts == ("sugar", "ice", "toppings")
    assert marked("", " nha shop. mình uống tại quán", load_rules(RULES))[1] == " nha {you}. {me} uống tại quán"


def test_composed_orders_are_new_and_varied_and_nearly_all_say_what_their_json_says(composed: list[Draft]) -> None:
    given = {texts(row)[0] for row in seeds()}
    keys = {row.key for row in seeds()}
    verified = [drafts_of(orders.verify(Row("v", draft.data), rules=RULES))[0].dropped for draft in composed]
    assert verified.count(None) >= 130 and set(verified) <= {None, "says another order"}
    for draft in composed:
        assert draft.data["instruction"] not in given and set(draft.parents) <= keys and draft.parents
        assert "{" not in draft.data["instruction"] and draft.data["system"] == seeds()[0].data["messages"][0]["content"]
    assert len({draft.data["instruction"] for draft in composed}) == 150
    said = [item for draft in composed for item in parse_order(draft.data["response"])]
    assert {item["size"] for item in said} == {"S", "M", "L"} and {item["sugar"] for item in said} == {0, 30, 50, 70, 100}
    assert len({item["drink"] for item in said}) > 50 and len(said) > len(composed)


def test_verifying_drops_what_says_another_order(composed: list[Draft]) -> None:
    clear = [draft for draft in composed if read(draft.data["instruction"]) == draft.data["response"]]
    for place, draft in enumerate(clear[:40]):
        row = Row(str(place), draft.data)
        assert drafts_of(orders.verify(row, rules=RULES))[0].dropped is None
        other = Row("o", {**draft.data, "response": clear[place + 1].data["response"]})
        assert drafts_of(orders.verify(other, rules=RULES))[0].dropped == "says another order"
    assert drafts_of(orders.verify(Row("n", {**composed[0].data, "response": "[{"}), rules=RULES))[0].dropped == "no JSON"
    lost = Row("l", {**composed[0].data, "instruction": "cho mình một ly nước mía"})
    assert drafts_of(orders.verify(lost, rules=RULES))[0].dropped == "no drink of the menu"
    babble = Row("b", {**clear[0].data, "instruction": clear[0].data["instruction"] + " thời nhỏn các thức thống thể xối" * 3})
    assert drafts_of(orders.verify(babble, rules=RULES))[0].dropped == "strange words"


def test_hasty_typing_changes_the_text_and_not_the_meaning(composed: list[Draft]) -> None:
    rows = [Row(str(place), draft.data) for place, draft in enumerate(composed)]
    made = [drafts_of(orders.typed(row, Random(place), rules=RULES, share=0.5))[0] for place, row in enumerate(rows)]
    hasty = [(row, draft) for row, draft in zip(rows, made, strict=True) if draft.data.get("hasty")]
    assert 40 < len(hasty) < 110
    assert all(draft.data["response"] == row.data["response"] for row, draft in zip(rows, made, strict=True))
    assert sum(draft.data["instruction"] != row.data["instruction"] for row, draft in hasty) > 0.7 * len(hasty)


def test_the_whole_recipe_with_a_model_that_garbles(tmp_path: Path) -> None:
    def garbles(ask: Ask) -> str:
        text = str(ask.messages[-1]["content"])
        return text.replace("trà", "rượu") if len(text) % 2 else f"{text} nha bạn"

    source = Fake(garbles)
    pipeline = load_pipeline("orders", ["compose.count=60", "reword.every=5", "decontaminate.tests=[milk-tea:new]"])
    outcome = run(pipeline, tmp_path, sources={"writer": source})
    by_name = {step.name: step for step in outcome.steps}
    assert by_name["compose"].kept == 60 and source.asked.total() == 12
    assert 0 < by_name["verify"].dropped["no drink of the menu"] < 12
    assert outcome.rows == by_name["deduplicate"].kept >= 50 and check(tmp_path / "data.jsonl").trainable
    rows = [json.loads(line) for line in (tmp_path / "data.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all([message["role"] for message in row["messages"]] == ["system", "user", "assistant"] for row in rows)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("cups", "cups: [ly, cốc, li]", "cups: ly"),
        ("both_norm", "both_normal:", "both_norml:"),
        ("numbers", "{1: [một]", "{1: một"),
    ],
)
def test_broken_rules_are_told_with_file_and_key(name: str, right: str, wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    with pytest.raises(SmolError) as caught:
        load_rules(file)
    assert f"{file}: {name}" in str(caught.value)

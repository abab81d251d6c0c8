"""Each method by hand, with answers from a table or a function: what it asks, what it keeps, why it drops."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from smolcourse.data.formats import to_native
from smolcourse.errors import SmolError
from smolcourse.synthesis.functions import all_functions
from smolcourse.synthesis.methods import (
    answering,
    backtranslation,
    corruption,
    documents,
    evol,
    magpie,
    ratings,
    self_instruct,
    templates,
    topics,
    verified,
)
from smolcourse.synthesis.pipeline import Step
from smolcourse.synthesis.rows import Ask, Draft, Row, drafts_of


def row(**data: Any) -> Row:
    return Row("k", data, {"before": 1.0})


def always(text: str) -> Callable[[Ask], str]:
    return lambda ask: text


def kept(drafts: list[Draft]) -> list[Draft]:
    return [draft for draft in drafts if draft.dropped is None]


def question_of(ask: Ask) -> str:
    return str(ask.messages[-1]["content"])


def test_every_method_names_its_paper_and_what_it_takes() -> None:
    for name, function in all_functions():
        page = inspect.getdoc(inspect.getmodule(function)) or ""
        own = re.search(r"arXiv:\d{4}\.\d{5}|ACL P\d\d-\d{4}", page + (function.__doc__ or ""))
        assert own or name.split(".")[0] in ("starts", "answering", "orders"), f"{name} names no paper"
        assert Step(function).takes in ("row", "rows", "nothing") and function.__doc__, name


def test_topics_are_the_leaves_and_personas_take_turns() -> None:
    tree = {"Ăn": {"Món chay": None, "Món bắc": ["phở", "bún"]}, "Đi": ["xe buýt"]}
    made = [draft.data for draft in drafts_of(topics.leaves(tree=tree, personas=["A", "B"], per_topic=1))]
    assert [one["topic"] for one in made] == ["Ăn > Món chay", "Ăn > Món bắc > phở", "Ăn > Món bắc > bún", "Đi > xe buýt"]
    assert [one["persona"] for one in made] == ["A", "B", "A", "B"]


def test_topics_branch_and_become_requests() -> None:
    parts = drafts_of(topics.branch(row(topic="Ăn"), count=2), always("1. Sáng\n2. Trưa\n3. Tối"))
    assert [draft.data["topic"] for draft in parts] == ["Ăn > Sáng", "Ăn > Trưa"]
    asked: list[str] = []

    def answer(ask: Ask) -> str:
        asked.append(question_of(ask))
        return '- "Nấu phở thế nào?"\n- Nấu phở thế nào?\n- Bún là gì vậy?'

    made = drafts_of(topics.requests(row(topic="Ăn", persona="một đầu bếp")), answer)
    assert [draft.data["instruction"] for draft in made] == ["Nấu phở thế nào?", "Bún là gì vậy?"]
    assert "một đầu bếp" in asked[0] and made[0].parents == ("k",)
    assert [draft.dropped for draft in drafts_of(topics.requests(row(topic="Ăn")), always(""))] == ["no requests"]


def test_self_instruct_grows_until_nothing_new_comes() -> None:
    seeds = [Row(f"s{place}", {"instruction": f"việc số {place} cần làm ngay"}) for place in range(10)]
    turn = [0]

    def answer(ask: Ask) -> str:
        turn[0] += 1
        shown = re.findall(r"^- (.*)$", question_of(ask), re.MULTILINE)
        assert len(shown) in (6, 8)  # two made ones, once there are any
        return f"- {shown[0]}\n- chuyện {turn[0]} a{turn[0]} b{turn[0]} c{turn[0]}\n- x"

    made = drafts_of(self_instruct.grow(seeds, Random(0), count=6, together=2), answer)
    assert len(kept(made)) == 6 and turn[0] == 6
    assert {draft.dropped for draft in made} == {None, "too alike", "too short"}
    assert all(len(draft.parents) == 6 and set(draft.parents) <= {seed.key for seed in seeds} for draft in made)
    stuck = drafts_of(self_instruct.grow(seeds, Random(0), count=6, together=2), always("- việc số 3 cần làm ngay"))
    assert kept(stuck) == [] and len(stuck) == 2  # one round, and no more


def test_evol_makes_harder_round_by_round_until_a_round_fails() -> None:
    texts = iter(["Kể một câu chuyện về mèo ở Huế", "Kể một câu chuyện về mèo ở Huế."])
    made = drafts_of(evol.deepen(row(instruction="Kể chuyện mèo"), Random(0), rounds=3), lambda ask: next(texts))
    assert [(draft.data["round"], draft.dropped) for draft in made] == [(1, None), (2, "nothing new")]
    assert made[0].data["instruction"] == "Kể một câu chuyện về mèo ở Huế" and made[0].scores == {"before": 1.0}


@pytest.mark.parametrize(
    ("said", "reason"),
    [("", "nothing new"), ("Đây là yêu cầu mới: ...", "speaks of the rewriting"), ("a " * 200, "too long")],
)
def test_a_failed_rewriting_is_told(said: str, reason: str) -> None:
    for step in (evol.broaden(row(instruction="Kể chuyện")), evol.deepen(row(instruction="Kể chuyện"), Random(0))):
        assert [draft.dropped for draft in drafts_of(step, always(said))] == [reason]


def test_evol_breadth_and_quality() -> None:
    [wide] = drafts_of(evol.broaden(row(instruction="Kể chuyện")), always("- Tả một con rùa"))
    assert wide.data["instruction"] == "Tả một con rùa" and wide.data["evolved"] == "breadth"
    [better] = drafts_of(evol.quality(row(instruction="Kể", response="Ngắn."), Random(0)), always("Dài hơn nhiều."))
    assert better.data["responses"] == ["Ngắn.", "Dài hơn nhiều."]


def test_magpie_opens_the_users_turn() -> None:
    asks: list[Ask] = []

    def answer(ask: Ask) -> str:
        asks.append(ask)
        return ["Làm sao nấu phở?", "", "làm sao nấu phở"][ask.draw]

    made = drafts_of(magpie.instructions(count=3, system="Bạn giúp nấu ăn."), answer)
    assert [draft.dropped for draft in made] == [None, "empty", "said before"]
    assert {ask.opens for ask in asks} == {"user"} and [ask.draw for ask in asks] == [0, 1, 2]
    assert [message["role"] for message in asks[0].messages] == ["system"]


PASSAGE = "Quán mở cửa lúc 7 giờ sáng. Chủ quán là bà Lan, người Huế. Mỗi ngày quán bán 200 ly trà đào."


def qa(**changes: str) -> str:
    good = {"question": "Ai là chủ quán?", "answer": "bà Lan", "evidence": "Chủ quán là bà Lan, người Huế."}
    return json.dumps([good | changes], ensure_ascii=False)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (qa(), None),
        (qa(evidence="Chủ quán là ông Nam, người Huế."), "evidence not in the text"),
        (qa(answer="ông Nam"), "evidence does not hold the answer"),
        (
            qa(question="Bán bao nhiêu ly?", answer="300 ly trà đào", evidence="Mỗi ngày quán bán 200 ly trà đào."),
            "evidence does not hold the answer",
        ),
        (qa(question="Theo đoạn văn, ai là chủ quán?"), "points to the passage"),
        (qa(question=""), "empty"),
        ("Tôi không biết.", "no JSON"),
    ],
)
def test_questions_stay_if_the_text_proves_their_answers(said: str, reason: str | None) -> None:
    def answer(ask: Ask) -> str:
        return "Đó là bà Lan." if "Câu hỏi:" in question_of(ask) else said

    [made] = drafts_of(documents.questions(row(text=PASSAGE, where="a.txt:1")), answer)
    assert made.dropped == reason
    if not reason:
        assert made.data["where"] == "a.txt:1" and to_native(made.data)["messages"][1]["content"] == "bà Lan"


def test_a_question_that_the_passage_does_not_answer_again_goes() -> None:
    answer = lambda ask: "KHÔNG RÕ" if "Câu hỏi:" in question_of(ask) else qa()  # noqa: E731
    assert [draft.dropped for draft in drafts_of(documents.questions(row(text=PASSAGE)), answer)] == ["not found again"]
    assert [draft.dropped for draft in drafts_of(documents.questions(row(text=PASSAGE), check=False), answer)] == [None]


def test_back_translation_writes_the_request_and_grades_the_pair() -> None:
    [made] = drafts_of(backtranslation.instruct(row(text=PASSAGE)), always("Giới thiệu quán của bà Lan."))
    assert made.data["instruction"] == "Giới thiệu quán của bà Lan." and made.data["response"] == PASSAGE
    for said, reason in (("5", None), ("Điểm: 4/5", None), ("2", "low grade"), ("không biết", "no grade"), ("0.5", "no grade")):
        [graded] = drafts_of(backtranslation.curate(row(**made.data)), always(said))
        assert graded.dropped == reason, said


def test_templates_are_filled_differently_and_paraphrases_keep_what_counts() -> None:
    slots = {"n": [2, 3], "drink": [{"vi": "trà đào", "en": "peach tea"}, {"vi": "trà vải", "en": "lychee tea"}]}
    made = drafts_of(
        templates.fill(Random(0), templates=["cho {n} ly {drink.vi}"], slots=slots, count=10, response="{n} x {drink.en}")
    )
    texts = {draft.data["instruction"]: draft.data["response"] for draft in made}
    assert len(texts) == len(made) == 4 and texts["cho 2 ly trà đào"] == "2 x peach tea"
    with pytest.raises(SmolError, match="size"):
        drafts_of(templates.fill(Random(0), templates=["{size}"], slots=slots))
    first = next(draft for draft in made if draft.data["instruction"] == "cho 2 ly trà đào")
    for said, reason in (
        ("lấy 2 ly trà đào nhé", None),
        ("lấy 3 ly trà đào nhé", "numbers changed"),
        ("lấy 2 ly trà vải", "names changed"),
        ("cho 2 ly trà đào.", "nothing new"),
    ):
        [new] = drafts_of(templates.paraphrase(row(**first.data)), always(said))
        assert new.dropped == reason, said


def test_ratings_make_a_pair_of_the_best_and_the_worst() -> None:
    def judge(ask: Ask) -> str:
        return "4" if "tuyệt" in question_of(ask) else "không rõ" if "lạ" in question_of(ask) else "Điểm: 2"

    [rated] = drafts_of(ratings.rate(row(instruction="Kể", responses=["tuyệt", "dở", "lạ"])), judge)
    assert rated.data["responses"] == ["tuyệt", "dở"] and rated.scores["unread_grades"] == 4
    assert set(rated.data["ratings"][0]) == {"instruction", "truth", "honesty", "helpfulness"}
    [pair] = drafts_of(ratings.best_and_worst(Row("r", rated.data)))
    assert pair.data["chosen"][0]["content"] == "tuyệt" and pair.data["rejected"][0]["content"] == "dở"
    assert to_native(pair.data)["prompt"][0]["content"] == "Kể" and pair.scores == {"best": 4.0, "worst": 2.0}
    assert [one.dropped for one in drafts_of(ratings.best_and_worst(Row("r", rated.data), margin=3))] == ["too close"]
    [lone] = drafts_of(ratings.rate(row(instruction="Kể", responses=["tuyệt", "lạ"])), judge)
    assert lone.dropped == "fewer than two graded"


def test_sampling_asks_with_different_draws() -> None:
    [made] = drafts_of(answering.sample(row(instruction="Kể"), count=3), lambda ask: f"chuyện {ask.draw // 2}")
    assert made.data["responses"] == ["chuyện 0", "chuyện 1"]
    assert drafts_of(answering.sample(row(instruction="Kể")), always("như nhau"))[0].dropped == "no two different answers"
    assert drafts_of(answering.respond(row(instruction="Kể")), always(" "))[0].dropped == "empty answer"


def test_right_answers_stand_over_wrong_ones() -> None:
    asked = row(instruction="1 trà đào", response='[{"ly":1}]', responses=['[{"ly": 1}]', '[{"ly":2}]', "không"])
    made = drafts_of(verified.right_over_wrong(asked))
    assert [(one.data["chosen"][0]["content"], one.data["rejected"][0]["content"]) for one in made] == [
        ('[{"ly": 1}]', '[{"ly":2}]'),
        ('[{"ly": 1}]', "không"),
    ]
    never = row(instruction="1 trà đào", response='[{"ly":1}]', responses=["không"])
    assert drafts_of(verified.right_over_wrong(never))[0].data["chosen"][0]["content"] == '[{"ly":1}]'
    assert drafts_of(verified.right_over_wrong(never, gold_if_none=False))[0].dropped == "none right"


GOLD = '[{"ly":2,"món":"trà đào cam sả","size":"M","đường":50,"đá":0,"topping":["thạch dừa"]}]'


@pytest.mark.parametrize("fault", ["value", "missing", "extra", "wrapped", "cut", "repeated", "bare", "number"])
def test_a_corrupted_answer_has_one_known_fault(fault: str) -> None:
    for seed in range(20):
        text = "Câu một có ba chữ. Câu hai dài hơn một chút." if fault == "repeated" else GOLD
        [made] = drafts_of(corruption.corrupt(row(instruction="?", response=text), Random(seed), faults=[fault]))  # type: ignore[list-item]
        bad = made.data["rejected"][0]["content"]
        assert made.data["fault"] == fault and made.data["chosen"][0]["content"] == text and bad != text
        if fault in ("value", "missing", "extra"):
            assert json.loads(bad) != json.loads(GOLD) and ": " not in bad


def test_faults_that_do_not_fit_are_left_out() -> None:
    [made] = drafts_of(corruption.corrupt(row(instruction="?", response="ok"), Random(0), faults=["value", "number"]))
    assert made.dropped == "no fault fits"
    several = drafts_of(corruption.corrupt(row(instruction="?", response=GOLD), Random(0), count=4))
    assert len({draft.data["fault"] for draft in several}) == 4

"""Choosing, writing and reading, scored by hand."""

import math

import pytest

from smolcourse.evaluation.compare import examine
from smolcourse.evaluation.examinee import Examinee
from smolcourse.evaluation.solvers import choice_scores, choose, read
from smolcourse.evaluation.tasks import Item, Task, ask, narrow

ITEM = Item(ask("Q: the sky?\nA:"), "light blue", ("red", "light blue", "é"))


def never(*_):
    raise AssertionError("not asked for")


@pytest.mark.parametrize(
    ("logs", "tokens", "wanted"),
    [
        ((-1, -9, -9), (1, 1, 1), (0, 1, 1, 0)),  # -1/3 < -9/10 ... by length the long one gains
        ((-9, -1, -9), (1, 2, 1), (1, 1, 1, 1)),
        ((-5, -6, -1), (1, 1, 1), (0, 1, 0, 0)),  # é: one character, two bytes
        ((-2, -2, -2), (1, 1, 1), (0, 1, 1, 0)),  # of equals the first
    ],
)
def test_choice_scores(logs, tokens, wanted):
    scores = choice_scores(list(zip(logs, tokens, strict=True)), ITEM)
    by_hand = []
    for sizes in ((1, 1, 1), (3, 10, 1), (3, 10, 2), tokens):
        rates = [log / size for log, size in zip(logs, sizes, strict=True)]
        by_hand.append(float(rates.index(max(rates)) == 1))
    assert list(scores) == ["acc", "acc_norm", "acc_bytes", "acc_token"]
    assert list(scores.values()) == by_hand
    assert wanted[0] == scores["acc"]


def test_the_least_likely_choice_is_not_the_answer():
    """Upstream's course took the argmin."""
    assert choice_scores([(-30.0, 1), (-1.0, 1), (-40.0, 1)], ITEM)["acc"] == 1
    assert choice_scores([(-1.0, 1), (-30.0, 1), (-2.0, 1)], ITEM)["acc"] == 0


def test_a_likelihood_that_is_not_a_number_is_no_answer():
    with pytest.raises(ValueError, match="finite"):
        choice_scores([(math.nan, 1), (-1.0, 1), (-2.0, 1)], ITEM)


@pytest.mark.parametrize(("chat", "space"), [(False, " "), (True, "")])
def test_what_a_model_is_asked(chat, space):
    seen = []

    def weigh(requests):
        seen.extend(requests)
        return [[(-1.0, 1)] * 3 for _ in requests]

    examine(Task("t", [ITEM], solver=choose, chat=chat, metric="acc"), Examinee("m", "m", never, weigh))
    assert seen == [(ask("Q: the sky?\nA:") if chat else "Q: the sky?\nA:", [space + choice for choice in ITEM.choices])]


def test_examples_come_first_and_are_not_asked():
    items = [Item(ask(f"{n}+{n}="), str(2 * n), (str(2 * n), "x")) for n in range(10)]
    task = Task("sums", items, solver=choose, chat=False)
    found = narrow(task, size=5, shots=2, seed=3)
    prompt = found.items[0].messages[0]["content"]
    parts = prompt.split("\n\n")
    assert len(found.items) == 5 and len(parts) == 3
    for solved in parts[:2]:
        question, answer = solved.split("= ")
        assert int(answer) == 2 * int(question.split("+")[0])
        assert all(item.messages[0]["content"].split("\n\n")[-1] != question + "=" for item in found.items)
    assert narrow(task, size=5, shots=2, seed=3) == found != narrow(task, size=5, shots=2, seed=4)
    chatting = narrow(Task("sums", items, solver=choose), size=5, shots=2, seed=3).items[0].messages
    assert [message["role"] for message in chatting] == ["user", "assistant", "user", "assistant", "user"]


def test_reading():
    texts = ["một hai ba", "bốn"]
    examinee = Examinee("m", "m", never, never, lambda texts: [(-2.0 * len(text.split()), 9) for text in texts])
    result = examine(
        Task("t", [Item(ask(text), "") for text in texts], solver=read, chat=False, metric="bits_per_byte"), examinee
    )
    assert result.metrics() == ["word_perplexity", "byte_perplexity", "bits_per_byte"]
    assert result.interval("word_perplexity").value == pytest.approx(math.exp(2))
    size = sum(len(text.encode()) for text in texts)
    assert result.interval().value == pytest.approx(8 / size / math.log(2))
    assert result.interval("byte_perplexity").value == pytest.approx(math.exp(8 / size))


def test_what_stands_behind_a_stop_is_cut():
    task = Task("t", [Item(ask("?"), "4")], stop=("\n", "###"))
    result = examine(task, Examinee("m", "m", lambda prompts, _: ["4\n5"]))
    assert result.items[0].answer == "4" and result.values() == [1.0]

"""A judge that knows, one that only looks at places, one that mumbles."""

import pytest

from smolcourse.evaluation.judging import agreement_with_people, grades, win_rate

QUESTIONS = [f"{n}?" for n in range(10)]
FIRST = ["tệ" if n < 8 else "hay" for n in range(10)]
SECOND = ["hay" if n < 8 else "tệ" for n in range(10)]


def shown(prompt):
    text = prompt[0]["content"]
    return text.split("[Câu trả lời A]\n")[1].split("\n")[0], text.split("[Câu trả lời B]\n")[1].split("\n")[0]


def test_a_judge_that_knows():
    found = win_rate(
        lambda prompts, _: ["Tốt hơn: A" if shown(p)[0] == "hay" else "B." for p in prompts], QUESTIONS, FIRST, SECOND
    )
    assert found.wins == [1.0] * 8 + [0.0] * 2 and found.rate.value == 0.8
    assert (found.consistent, found.first_place, found.unread) == (1, 0.5, 0)


def test_a_judge_that_takes_the_first_place_decides_nothing():
    found = win_rate(lambda prompts, _: ["A"] * len(prompts), QUESTIONS, FIRST, SECOND)
    assert found.rate.value == 0.5 and found.consistent == 0 and found.first_place == 1


def test_a_judge_that_mumbles():
    found = win_rate(lambda prompts, _: ["hmm"] * len(prompts), QUESTIONS, FIRST, SECOND)
    assert found.wins == [0.5] * 10 and found.unread == 20 and found.consistent == 0
    with pytest.raises(ValueError):
        win_rate(lambda prompts, _: [], [], [], [])


def test_grades_and_their_agreement():
    found = grades(lambda prompts, _: ["Điểm: 5", "2/5", "không biết", "10"], "đúng", QUESTIONS[:4], FIRST[:4])
    assert found == [5, 2, None, None]
    assert agreement_with_people(found, [5, 2, 1, 1]) == (1.0, 2)
    assert agreement_with_people([1, 2, 1, 2], [1, 2, 2, 1]) == (0.0, 4)

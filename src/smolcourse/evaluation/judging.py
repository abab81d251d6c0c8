"""A model as the judge: which of two answers is better, or how good one is. Never believed without a check on itself.

Judges favour a place: each pair is shown twice, the second time the other way round, and only a verdict that survives counts
(as in Zheng et al. 2023, *Judging LLM-as-a-Judge*, section 3.4). A rubric's grades come with their agreement with people's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from smolcourse.evaluation.examinee import Prompt
from smolcourse.evaluation.labelling import kappa
from smolcourse.evaluation.statistics import Interval, interval

Judge = Callable[[Sequence[Prompt], int], Sequence[str]]
"""Prompts and the most new tokens of each -> answers."""

_PAIR = """Hai trợ lý trả lời cùng một câu hỏi. Câu trả lời nào đúng và hữu ích hơn? Độ dài và thứ tự không quan trọng.
Chỉ viết một chữ: A, B, hoặc C nếu ngang nhau.

Câu hỏi: {question}

[Câu trả lời A]
{first}

[Câu trả lời B]
{second}

Tốt hơn:"""

_GRADE = """Chấm câu trả lời theo tiêu chí, từ 1 (rất kém) đến 5 (rất tốt). Chỉ viết một con số.

Tiêu chí: {rubric}

Câu hỏi: {question}

Câu trả lời: {answer}

Điểm:"""


@dataclass(frozen=True)
class WinRate:
    """How often the second model's answers beat the first's.

    Attributes:
        wins: for each item 1 (the second is better), 0 (the first), 0.5 (equal, or the judge contradicted itself).
        rate: their mean with its interval.
        consistent: the share of items with the same verdict both ways round.
        first_place: the share of all verdicts for one answer that went to the one shown first; 0.5 for a fair judge.
        unread: replies in which no verdict was found.
    """

    wins: list[float]
    rate: Interval
    consistent: float
    first_place: float
    unread: int


def win_rate(judge: Judge, questions: Sequence[str], first: Sequence[str], second: Sequence[str]) -> WinRate:
    """Shows every pair both ways round.

    Raises:
        ValueError: no items, or lists of different lengths.
    """
    if not questions:
        raise ValueError("needs at least one item")
    ways = [(first, second), (second, first)]
    prompts = [
        [{"role": "user", "content": _PAIR.format(question=question, first=a, second=b)}]
        for shown in ways
        for question, a, b in zip(questions, *shown, strict=True)
    ]
    said = [_verdict(text) for text in judge(prompts, 8)]
    count = len(questions)
    wins = []
    for one, other in zip(said[:count], said[count:], strict=True):
        # The same answer named both times stands in other places: B then A is the second's win.
        wins.append(1.0 if (one, other) == ("B", "A") else 0.0 if (one, other) == ("A", "B") else 0.5)
    mirrored = {"A": "B", "B": "A", "C": "C"}
    same = sum(
        one is not None and other is not None and mirrored[one] == other
        for one, other in zip(said[:count], said[count:], strict=True)
    )
    taken = [verdict for verdict in said if verdict in ("A", "B")]
    return WinRate(wins, interval(wins), same / count, taken.count("A") / len(taken) if taken else 0.5, said.count(None))


def _verdict(text: str) -> str | None:
    """The first lone A, B or C."""
    found = re.search(r"\b([ABC])\b", text)
    return found[1] if found else None


def grades(judge: Judge, rubric: str, questions: Sequence[str], answers: Sequence[str]) -> list[int | None]:
    """A grade from 1 to 5 for each answer; None where the judge gave none."""
    prompts = [
        [{"role": "user", "content": _GRADE.format(rubric=rubric, question=question, answer=answer)}]
        for question, answer in zip(questions, answers, strict=True)
    ]
    found = [re.search(r"\b([1-5])\b", text) for text in judge(prompts, 8)]
    return [int(match[1]) if match else None for match in found]


def agreement_with_people(given: Sequence[int | None], labels: Sequence[int | None]) -> tuple[float, int]:
    """Cohen's kappa of a judge's grades and people's, and on how many answers both have one.

    Raises:
        ValueError: none.
    """
    both = [(str(one), str(other)) for one, other in zip(given, labels, strict=True) if one is not None and other is not None]
    return kappa([one for one, _ in both], [other for _, other in both]), len(both)

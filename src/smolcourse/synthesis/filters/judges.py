"""A model grades rows, and is itself graded first: on rows that people have graded.

The grades of a judge are on no scale of ours (Zheng et al. 2023, *Judging LLM-as-a-Judge*, arXiv:2306.05685; for small judges it
is worse: Thakur et al. 2024, arXiv:2406.12624). So each of its grades is replaced by the mean grade that people gave to what it
graded so, made monotone (isotonic regression: Zadrozny and Elkan 2002). A judge that does not agree with people better than
chance drops nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from smolcourse.data.reading import read_rows
from smolcourse.evaluation.judging import agreement_with_people
from smolcourse.synthesis.reading import grade
from smolcourse.synthesis.rows import Ask, Data, Making, Row, ask, drop, keep, said_all
from smolcourse.synthesis.texts import part_of
from smolcourse.synthesis.untrusted import fenced

_GRADE = {
    "vi": "Chấm câu trả lời theo tiêu chí, từ 1 (rất kém) đến 5 (rất tốt). Chỉ viết một con số.\n\nTiêu chí: {rubric}\n\n"
    "Yêu cầu:\n{instruction}\n\nCâu trả lời:\n{response}\n\nĐiểm:",
    "en": "Grade the answer by the criterion, from 1 (very poor) to 5 (very good). Write only the number.\n\n"
    "Criterion: {rubric}\n\nRequest:\n{instruction}\n\nAnswer:\n{response}\n\nGrade:",
}
_TOGETHER = 192  # questions between two writings of rows


def calibration(given: Sequence[int | None], labels: Sequence[int]) -> dict[int, float]:
    """For every grade from 1 to 5 what people mean by it: the mean of their grades where the judge gave this one, never falling
    as the judge's grade rises (pool adjacent violators), and drawn on to grades that the judge did not give.

    Empty where the judge gave none.
    """
    blocks: list[tuple[float, int, list[int]]] = []  # sum of people's grades, how many, the judge's grades
    for value in range(1, 6):
        mine = [label for one, label in zip(given, labels, strict=True) if one == value]
        if not mine:
            continue
        blocks.append((float(sum(mine)), len(mine), [value]))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            last, before = blocks.pop(), blocks.pop()
            blocks.append((before[0] + last[0], before[1] + last[1], before[2] + last[2]))
    known = {value: total / count for total, count, values in blocks for value in values}
    if not known:
        return {}
    return {value: known[min(known, key=lambda one: (abs(one - value), one))] for value in range(1, 6)}


def graded(
    rows: Sequence[Row],
    *,
    rubric: str,
    least: float = 3.0,
    labels: Path | None = None,
    agreement: float = 0.2,
    language: Literal["vi", "en"] = "vi",
) -> Making:
    """Keeps rows that the judge grades `least` or better, and notes the grade with all of them.

    Args:
        rubric: what a good answer is, in a sentence or two.
        labels: rows with a `grade` from 1 to 5 that people gave. The judge grades them first: its grades are then calibrated,
            and `judge_kappa` says how far it agrees (Cohen's kappa).
        agreement: kappa below which the judge is not believed and nothing is dropped for its grade.
    """
    scale: dict[int, float] = {}
    trust: dict[str, float] = {}
    if labels is not None:
        known = [row for _, row in read_rows(labels) if row.get("grade") in range(1, 6)]
        texts = yield from said_all([_question(row, rubric, language) for row in known])
        given = [grade(text, 1, 5) for text in texts]
        people = [int(row["grade"]) for row in known]
        scale = calibration(given, people)
        read = any(one is not None for one in given)
        trust = {"judge_kappa": round(agreement_with_people(given, people)[0], 4) if read else 0.0}
    believed = not trust or trust["judge_kappa"] >= agreement
    for start in range(0, len(rows), _TOGETHER):
        some = list(rows[start : start + _TOGETHER])
        texts = yield from said_all([_question(row.data, rubric, language) for row in some])
        for row, text in zip(some, texts, strict=True):
            found = grade(text, 1, 5)
            if found is None:
                yield drop(row, "no grade", trust) if believed else keep(row, trust)
                continue
            scores = {"judge": float(found), **trust}
            if scale:
                scores["judge_calibrated"] = round(scale[found], 4)
            low = scores.get("judge_calibrated", float(found)) < least
            yield drop(row, "low grade", scores) if low and believed else keep(row, scores)


def _question(data: Data, rubric: str, language: str) -> Ask:
    prompt = _GRADE[language].format(
        rubric=rubric,
        instruction=fenced(part_of(data, "instruction"), language),
        response=fenced(part_of(data, "response"), language),
    )
    return ask(prompt, max_new_tokens=8, like="3")

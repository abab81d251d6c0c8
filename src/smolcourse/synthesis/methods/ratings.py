"""Several responses, graded aspect by aspect, and the pair of the best and the worst.

Cui et al. 2023, *UltraFeedback*, arXiv:2310.01377: the four aspects, each graded on its own from 1 to 5. The prompts are our
own. A judge sees one response at a time, so that its place among others cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from smolcourse.synthesis.reading import grade
from smolcourse.synthesis.rows import Ask, Draft, Making, Row, ask, drop, keep, said_all
from smolcourse.synthesis.untrusted import fenced

Aspect = Literal["instruction", "truth", "honesty", "helpfulness"]

_ASPECTS = {
    "vi": {
        "instruction": "làm đúng và đủ những gì yêu cầu đòi hỏi",
        "truth": "đúng sự thật, không bịa",
        "honesty": "nói rõ chỗ không chắc, không tỏ ra chắc chắn khi không biết",
        "helpfulness": "hữu ích, dễ hiểu, không thừa",
    },
    "en": {
        "instruction": "does what the request asks, all of it",
        "truth": "true, nothing made up",
        "honesty": "says where it is not sure, and does not sound sure of what it does not know",
        "helpfulness": "helpful, clear, nothing superfluous",
    },
}
_GRADE = {
    "vi": "Chấm câu trả lời theo đúng một tiêu chí: {aspect}. Từ 1 (rất kém) đến 5 (rất tốt). Chỉ viết một con số.\n\n"
    "Yêu cầu:\n{instruction}\n\nCâu trả lời:\n{response}\n\nĐiểm:",
    "en": "Grade the answer by one criterion only: {aspect}. From 1 (very poor) to 5 (very good). Write only the number.\n\n"
    "Request:\n{instruction}\n\nAnswer:\n{response}\n\nGrade:",
}


def rate(
    row: Row,
    *,
    aspects: list[Aspect] = ["instruction", "truth", "honesty", "helpfulness"],  # noqa: B006
    language: Literal["vi", "en"] = "vi",
) -> Making:
    """Grades `responses`: adds `ratings`, a mapping of aspects to 1..5 for each; what is not graded in full is left out."""
    responses: list[str] = row.data["responses"]
    asks = [_question(row.data["instruction"], response, aspect, language) for response in responses for aspect in aspects]
    texts = yield from said_all(asks)
    given = [grade(text, 1, 5) for text in texts]
    graded = [
        (response, dict(zip(aspects, grades, strict=True)))
        for place, response in enumerate(responses)
        if None not in (grades := given[place * len(aspects) : (place + 1) * len(aspects)])
    ]
    changes = {"responses": [response for response, _ in graded], "ratings": [grades for _, grades in graded]}
    unread = {"unread_grades": float(given.count(None))}
    yield keep(row, unread, **changes) if len(graded) > 1 else drop(row, "fewer than two graded", unread, **changes)


def _question(instruction: str, response: str, aspect: str, language: str) -> Ask:
    prompt = _GRADE[language].format(
        aspect=_ASPECTS[language][aspect], instruction=fenced(instruction, language), response=fenced(response, language)
    )
    return ask(prompt, max_new_tokens=8, like="3")


def best_and_worst(row: Row, *, margin: float = 1.0) -> Iterator[Draft]:
    """The response with the highest mean grade over the one with the lowest: `prompt`, `chosen`, `rejected`.

    Args:
        margin: of the two means; pairs that are closer say more about the judge than about the answers.
    """
    means = [sum(grades.values()) / len(grades) for grades in row.data["ratings"]]
    best, worst = max(range(len(means)), key=means.__getitem__), min(range(len(means)), key=means.__getitem__)
    scores = {"best": means[best], "worst": means[worst]}
    if means[best] - means[worst] < margin:
        yield drop(row, "too close", scores)
    else:
        pair = preference(row.data, row.data["responses"][best], row.data["responses"][worst])
        yield Draft(pair, {**row.scores, **scores}, (row.key,))


def preference(data: dict[str, object], chosen: str, rejected: str) -> dict[str, object]:
    """A pair as trainers take it: messages before, and an answer on each side."""
    system = [{"role": "system", "content": data["system"]}] if data.get("system") else []
    answers = {name: [{"role": "assistant", "content": text}] for name, text in (("chosen", chosen), ("rejected", rejected))}
    return {"prompt": [*system, {"role": "user", "content": data["instruction"]}], **answers}

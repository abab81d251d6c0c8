"""Self-Instruct: from a few seeds, a model writes new instructions; what is too much like one that is there is left out.

Wang et al. 2022, *Self-Instruct*, arXiv:2212.10560, section 2.2: six seeds and two made ones as examples, ROUGE-L below 0.7
with all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Literal

from smolcourse.data.text import comparable
from smolcourse.evaluation.scorers import rouge_l
from smolcourse.synthesis.reading import listed
from smolcourse.synthesis.rows import Ask, Draft, Making, Row, ask, said_all
from smolcourse.synthesis.untrusted import harmless

_PROMPT = {
    "vi": "Dưới đây là các yêu cầu mà người ta gửi cho một trợ lý:\n{shown}\n\nViết tiếp {count} yêu cầu mới, đa dạng, không "
    "giống các yêu cầu trên. "
    "Chỉ viết danh sách, mỗi dòng một yêu cầu.",
    "en": "These are requests that people send to an assistant:\n{shown}\n\nWrite {count} more, new and diverse, unlike "
    "those above. "
    "Write only the list, one request a line.",
}


def grow(
    rows: Sequence[Row],
    draw: Random,
    *,
    count: int = 100,
    per_question: int = 8,
    together: int = 16,
    seeds_shown: int = 6,
    made_shown: int = 2,
    most_alike: float = 0.7,
    language: Literal["vi", "en"] = "vi",
    temperature: float = 0.8,
) -> Making:
    """New instructions until there are `count`, or until a whole round brings none.

    Args:
        per_question: instructions that one question asks for.
        together: questions of one round, which know nothing of each other.
        most_alike: ROUGE-L with any other from which an instruction is dropped.
    """
    seeds = [(row.key, str(row.data["instruction"])) for row in rows]
    pool = [_Counted(text) for _, text in seeds]
    made: list[str] = []
    while len(made) < count:
        asks, parents = _round(seeds, made, draw, seeds_shown, made_shown, per_question, together, language, temperature)
        texts = yield from said_all(asks)
        before = len(made)
        for text, shown in zip(texts, parents, strict=True):
            for instruction in listed(text)[:per_question]:
                counted = _Counted(instruction)
                reason = _refused(counted, pool, most_alike)
                if not reason:
                    pool.append(counted)
                    made.append(instruction)
                yield Draft({"instruction": instruction}, parents=shown, dropped=reason)
        if len(made) == before:
            return


def _round(
    seeds: Sequence[tuple[str, str]],
    made: Sequence[str],
    draw: Random,
    seeds_shown: int,
    made_shown: int,
    per_question: int,
    together: int,
    language: str,
    temperature: float,
) -> tuple[list[Ask], list[tuple[str, ...]]]:
    """Questions, and the keys of the seeds that each shows."""
    asks, parents = [], []
    for turn in range(together):
        first = draw.sample(seeds, min(seeds_shown, len(seeds)))
        others = draw.sample(made, min(made_shown, len(made)))
        shown = [text for _, text in first] + list(others)
        draw.shuffle(shown)
        asks.append(
            ask(
                _PROMPT[language].format(shown="\n".join(f"- {harmless(one)}" for one in shown), count=per_question),
                temperature=temperature,
                max_new_tokens=64 * per_question,
                draw=turn,
                like="\n".join(f"- {place} {turn} {len(made)}" for place in range(per_question)),
            )
        )
        parents.append(tuple(key for key, _ in first))
    return asks, parents


class _Counted:
    """An instruction with its words counted: two that share few words cannot be alike, and need no closer look."""

    def __init__(self, text: str) -> None:
        self.text, self.words = text, Counter(comparable(text).split())
        self.size = self.words.total()

    def may_be_like(self, other: _Counted, most: float) -> bool:
        """Whether ROUGE-L could reach so much: a common subsequence has no more words than both texts share."""
        return 2 * (self.words & other.words).total() >= most * (self.size + other.size)


def _refused(one: _Counted, pool: Sequence[_Counted], most_alike: float) -> str | None:
    if one.size < 2:
        return "too short"
    if any(one.may_be_like(other, most_alike) and rouge_l(one.text, other.text) >= most_alike for other in pool):
        return "too alike"
    return None

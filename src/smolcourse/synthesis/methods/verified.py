"""Preference pairs on policy, by a scorer that a program can run: right answers over wrong ones to the same question.

The chosen answer is the model's own, so nothing has to be imitated (Pang et al. 2024, *Iterative Reasoning Preference
Optimization*, arXiv:2404.19733, section 2). `smol data pairs` does the same with a finished run.
"""

from __future__ import annotations

from collections.abc import Iterator

from smolcourse.evaluation.scorers import exact_match, json_match, last_number
from smolcourse.synthesis.methods.ratings import preference
from smolcourse.synthesis.rows import Draft, Row, drop

_SCORERS = {"json": json_match, "number": last_number, "text": exact_match}


def right_over_wrong(row: Row, *, scorer: str = "json", gold_if_none: bool = True) -> Iterator[Draft]:
    """From `responses` and the right answer, `response`: one pair for each different wrong one; the right ones take turns.

    Args:
        scorer: "json", "number" (the last one) or "text".
        gold_if_none: where no answer is right, `response` itself is chosen; else the row is dropped.
    """
    gold = row.data["response"]
    verdicts = {text: _SCORERS[scorer](text, gold)["exact_match"] == 1 for text in row.data["responses"]}
    right = [text for text, verdict in verdicts.items() if verdict] or ([gold] if gold_if_none else [])
    wrong = [text for text, verdict in verdicts.items() if not verdict and text.strip()]
    scores = {"right": sum(verdicts.values()) / max(1, len(verdicts))}
    if not right or not wrong:
        yield drop(row, "none right" if wrong else "none wrong", scores)
    for place, text in enumerate(wrong if right else []):
        yield Draft(preference(row.data, right[place % len(right)], text), {**row.scores, **scores}, (row.key,))

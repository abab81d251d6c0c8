"""Filter, then draw without replacement; places are dealt out evenly and shuffled."""

import random
from collections.abc import Sequence
from typing import Any

from smolcourse.data.text import comparable
from smolcourse.evaluation.building import Draft


def make_exam(drafts: Sequence[Draft], *, seed: int = 0) -> list[dict[str, Any]]:
    kept: dict[str, Draft] = {}
    for draft in drafts:
        if comparable(draft.answer) in comparable(draft.passage.text):
            kept.setdefault(comparable(draft.question), draft)
    answers = {comparable(draft.answer): draft.answer for draft in kept.values()}
    rng = random.Random(seed)
    places = [place % 4 for place in range(len(kept))]
    rng.shuffle(places)
    rows = []
    for draft in kept.values():
        text = comparable(draft.passage.text)
        fitting = [answer for key, answer in answers.items() if key not in text]
        if len(fitting) < 3:
            continue
        wrong, place = rng.sample(fitting, 3), places[len(rows)]
        rows.append({"question": draft.question, "choices": [*wrong[:place], draft.answer, *wrong[place:]], "answer": place})
    return rows

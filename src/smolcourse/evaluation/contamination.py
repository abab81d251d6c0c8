"""Whether test items stood in the training data: n-grams of words that both have (as GPT-3's authors looked: Brown et al. 2020,
appendix C, with shorter n-grams, because our questions are short)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from smolcourse.data.fingerprints import fingerprint
from smolcourse.data.image_rows import identities
from smolcourse.data.images import identity
from smolcourse.data.text import comparable
from smolcourse.evaluation.picture_tasks import shown
from smolcourse.evaluation.tasks import Item, Task

WORDS = 8
"""Words of an n-gram."""
SHARE = 0.7
"""An item of which so large a share of its n-grams stands in one training row counts as leaked."""


SHORTEST = 4
"""Words below which a question is too common to be told from chance."""


@dataclass(frozen=True)
class Overlap:
    """Places of leaked items, and how many training rows were looked at."""

    items: list[int]
    rows: int


def overlap(task: Task, rows: Iterable[dict[str, Any]]) -> Overlap:
    """Looks for a task's questions in training rows, which are streamed once.

    The words that all questions begin or end with ("Question: ... Answer:"), few-shot examples and system prompts are left out:
    they say nothing about leaking. So are questions of fewer than `SHORTEST` words. Of a task about pictures, the pictures
    are looked for instead.
    """
    pictures = [set(map(identity, shown(item.messages))) for item in task.items]
    look = _picture_finder(pictures, task.name) if any(pictures) else finder([task])
    leaked: set[int] = set()
    seen = 0
    for row in rows:
        seen += 1
        leaked |= {place for _, place in look(row)}
    return Overlap(sorted(leaked), seen)


def _picture_finder(pictures: Sequence[set[str]], name: str) -> Callable[[Any], set[tuple[str, int]]]:
    """As `finder`, for items about pictures: many are asked the same, but not about the same picture."""
    places: dict[str, list[int]] = {}
    for place, own in enumerate(pictures):
        for picture in own:
            places.setdefault(picture, []).append(place)
    return lambda row: {(name, place) for picture in identities(row) for place in places.get(picture, ())}


def finder(tasks: Sequence[Task]) -> Callable[[Any], set[tuple[str, int]]]:
    """A function that says which items of which tasks, by name and place, stand in a row or a text, as `overlap` sees it."""
    names: list[tuple[str, int]] = []
    needed: list[float] = []
    owners: dict[int, list[int]] = {}
    sizes: set[int] = set()
    for task in tasks:
        questions = _without_frame([comparable(_question(item)).split() for item in task.items])
        for place, words in enumerate(questions):
            if len(words) >= SHORTEST:
                own = set(_grams(words, size := min(WORDS, len(words))))
                sizes.add(size)
                for gram in own:
                    owners.setdefault(gram, []).append(len(names))
                names.append((task.name, place))
                needed.append(SHARE * len(own))

    def look(row: Any) -> set[tuple[str, int]]:
        words = comparable(_texts(row)).split()
        hits: dict[int, int] = {}
        for gram in {gram for size in sizes for gram in _grams(words, size)}:
            for one in owners.get(gram, ()):
                hits[one] = hits.get(one, 0) + 1
        return {names[one] for one, count in hits.items() if count >= needed[one]}

    return look


def _question(item: Item) -> str:
    """What is asked last, behind the few-shot examples; not the gold, which may be one letter."""
    text = str(item.messages[-1]["content"])
    return text.rpartition("\n\n")[2] if len(item.messages) == 1 else text


def _without_frame(questions: list[list[str]]) -> list[list[str]]:
    """Without the words that all of them begin and end with."""
    if len(questions) < 2:
        return questions
    start = _shared(questions)
    end = _shared([words[start:][::-1] for words in questions])
    return [words[start : len(words) - end] for words in questions]


def _shared(lists: list[list[str]]) -> int:
    """How many words all lists begin with; the first and the last in sorting order part first."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(min(lists), max(lists), strict=False)))


def _texts(row: Any) -> str:
    if isinstance(row, str):
        return row
    if isinstance(row, dict):
        return "\n".join(_texts(value) for key, value in row.items() if key != "role")
    if isinstance(row, list):
        return "\n".join(_texts(value) for value in row)
    return "" if row is None else json.dumps(row)


def _grams(words: list[str], size: int) -> Iterator[int]:
    """Fingerprints of all runs of so many words."""
    return (fingerprint(" ".join(words[at : at + size])) for at in range(len(words) - size + 1))

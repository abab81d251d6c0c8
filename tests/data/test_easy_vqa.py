"""easy-VQA: rows, captions, and what both promise."""

from __future__ import annotations

from collections import Counter

import pytest

from smolcourse.data import easy_vqa
from smolcourse.data.easy_vqa import caption
from smolcourse.data.image_rows import content_text
from smolcourse.data.images import open_image
from smolcourse.data.loading import load_rows
from smolcourse.data.validating import validate
from smolcourse.errors import SmolError

RGB = {
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "brown": (165, 42, 42),
    "gray": (128, 128, 128),
    "green": (0, 255, 0),
    "red": (255, 0, 0),
    "teal": (0, 128, 128),
    "yellow": (255, 255, 0),
}


def turns(row: dict) -> list[str]:
    return [content_text(message["content"]) for message in row["messages"]]


def test_all_questions_stand_in_the_rows() -> None:
    rows = list(load_rows("easy-vqa", {}, "test"))
    assert len(rows) == 1000
    assert sum(len(row["messages"]) // 2 for row in rows) == 9673
    for row in rows[:50]:
        validate(row)
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"] * (len(row["messages"]) // 2)
        assert turns(row)[0].startswith("<image>")
        assert not any(words.startswith("<image>") for words in turns(row)[1:])


def test_turns_of_one_question_ask_every_question_once() -> None:
    rows = list(load_rows("easy-vqa", {"turns": 1}, "test"))
    asked = Counter((row["images"][0], turns(row)[0]) for row in rows)
    assert len(rows) == len(asked) == 9673
    # Each picture comes once before any comes twice.
    assert len({row["images"][0] for row in rows[:1000]}) == 1000


def test_captions_say_what_is_there() -> None:
    rows = list(load_rows("easy-vqa-captions", {"size": 60}, "train"))
    shown = set()
    for row in rows:
        colour, shape = turns(row)[1].split()
        image = open_image(row["images"][0])
        counts = Counter(image.get_flattened_data())
        assert len(counts) >= 2
        nearest = [pixel for pixel, _ in counts.most_common(2)]
        assert any(sum(abs(a - b) for a, b in zip(pixel, RGB[colour], strict=True)) < 60 for pixel in nearest), (colour, nearest)
        shown.add(shape)
    assert shown == easy_vqa.SHAPES


def test_captions_follow_from_the_questions() -> None:
    assert caption([("what color is the shape?", "red"), ("is there not a circle?", "no")]) == "red circle"
    assert caption([("what is the blue shape?", "triangle")]) == "blue triangle"
    assert caption([("what color is the circle?", "teal")]) == "teal circle"
    shapes = [(f"is a {shape} present?", "no") for shape in ("circle", "triangle")]
    assert caption([*shapes, ("is there a red shape?", "yes")]) == "red rectangle"
    assert caption([("is there a red shape?", "no"), ("what shape is present?", "circle")]) is None


def test_the_seed_draws_the_order() -> None:
    first, again, other = (list(load_rows("easy-vqa", {"size": 20, "seed": seed}, "train")) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("config", "split"), [({}, "validation"), ({"language": "vi"}, "train"), ({"turns": 0}, "train"), ({"size": "all"}, "train")]
)
def test_what_it_cannot_be_told(config: dict, split: str) -> None:
    with pytest.raises(SmolError):
        list(load_rows("easy-vqa", config, split))

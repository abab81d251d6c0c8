"""The pictures of our own: what stands on them is what the answers say, and no split shows what another does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from smolcourse.data.image_rows import content_text
from smolcourse.data.images import open_image
from smolcourse.data.loading import load_rows
from smolcourse.data.pictures import SPLITS, TASKS, charts, menus, painting, receipts, shapes, signs
from smolcourse.data.pictures.fonts import font
from smolcourse.data.pictures.generator import _held_out
from smolcourse.data.pictures.words import DISHES, LABELS, RECEIPT_KEYS, SHOPS, UNSEEN_PAIRS
from smolcourse.data.validating import validate
from smolcourse.errors import SmolError

VIETNAMESE = "aàáảãạăằắẳẵặâầấẩẫậbcdđeèéẻẽẹêềếểễệghiìíỉĩịklmnoòóỏõọôồốổỗộơờớởỡợpqrstuùúủũụưừứửữựvxyỳýỷỹỵ"
KINDS = {"receipts": receipts, "menus": menus, "signs": signs, "charts": charts, "shapes": shapes}


@pytest.fixture(autouse=True, scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Pictures are drawn anew for this file, and the typeface comes out of the real cache."""
    font(20)
    folder = tmp_path_factory.mktemp("drawn")
    from smolcourse.assets import cache

    real = cache.home
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "home", lambda: folder if sys._getframe(1).f_code.co_name == "_kept" else real())
        yield folder


def drawn(name: str, size: int, split: str = "train", **config: Any) -> list[dict[str, Any]]:
    return list(load_rows(name, {"size": size, **config}, split))


def said(row: dict[str, Any]) -> list[str]:
    return [content_text(message["content"], mark="") for message in row["messages"]]


def test_the_typeface_has_every_vietnamese_letter() -> None:
    missing = bytes(font(40).getmask("\uffff"))
    shown = {letter: bytes(font(40).getmask(letter)) for letter in VIETNAMESE + VIETNAMESE.upper()}
    assert missing not in shown.values()
    assert len(set(shown.values())) == len(shown)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_fit_to_train_on(name: str, split: str) -> None:
    for row in drawn(name, 8, split, turns=3):
        validate(row)
        image = open_image(row["images"][0])
        assert max(image.size) == painting.SIDE
        assert len({tuple(pixel) for pixel in np.asarray(image).reshape(-1, 3)[::37]}) > 1


@pytest.mark.parametrize("name", TASKS)
def test_the_same_seed_draws_the_same_rows_and_fewer_are_their_beginning(name: str) -> None:
    rows = drawn(name, 12, seed=3)
    assert drawn(name, 12, seed=3) == rows
    assert drawn(name, 5, seed=3) == rows[:5]
    assert drawn(name, 12, seed=4) != rows


def test_a_picture_is_the_same_in_another_process(tmp_path: Path) -> None:
    (row,) = drawn("receipts", 1, seed=7)
    code = (
        "import sys; from smolcourse.data.pictures import receipts as r; from random import Random;"
        "from smolcourse.data.pictures.generator import _held_out, Random as R\n"
        "rng = R('pictures receipts train 7')\n"
        "while _held_out(spec := r.draw_spec(rng, unseen=False)): r.ask(spec, rng, 'vi')\n"
        "sys.stdout.buffer.write(r.paint(spec).tobytes())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment).stdout
    assert other == open_image(row["images"][0]).tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_out_depends_on_what_is_shown_alone(kind: str) -> None:
    module: Any = KINDS[kind]
    specs = [module.draw_spec(Random(seed), unseen=False) for seed in range(2000)]
    assert 0.05 < sum(map(_held_out, specs)) / len(specs) < 0.16
    by_content: dict[Any, set[bool]] = {}
    for spec in specs:
        by_content.setdefault(spec.content, set()).add(_held_out(spec))
    assert all(len(sides) == 1 for sides in by_content.values())


@pytest.mark.parametrize("kind", KINDS)
def test_every_unseen_picture_shows_what_training_never_does(kind: str) -> None:
    module: Any = KINDS[kind]

    def new(spec: Any) -> set[Any]:
        if kind == "shapes":
            return {(thing.shape, thing.colour) for thing in spec.things} & UNSEEN_PAIRS
        if kind == "charts":
            return {label for label, _ in spec.columns} & set(LABELS.unseen)
        names = {dish for dish, _ in spec.dishes} if kind == "menus" else {spec.dish, spec.shop}
        return names & {*DISHES.unseen, *SHOPS.unseen}

    for seed in range(300):
        assert new(module.draw_spec(Random(seed), unseen=True))
        assert not new(module.draw_spec(Random(seed), unseen=False))


def test_unseen_names_are_made_of_syllables_that_training_shows() -> None:
    for names in (DISHES, SHOPS):
        syllables = {word for name in names.known for word in name.split()}
        assert {word for name in names.unseen for word in name.split()} <= syllables
        assert not set(names.known) & set(names.unseen)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_receipt_adds_up(language: Any) -> None:
    for row in drawn("receipts", 30, language=language):
        fields = json.loads(said(row)[1])
        assert tuple(fields) == RECEIPT_KEYS[language]
        shop, table, dish, portions, price, total = fields.values()
        assert total == portions * price
        assert shop in SHOPS.known
        assert dish in DISHES.known
        assert 1 <= table <= 12


def test_a_menus_questions_have_one_answer_each() -> None:
    for seed in range(60):
        menu = menus.draw_spec(Random(seed), unseen=False)
        prices = dict(menu.dishes)
        assert len(set(prices.values())) == len(prices) == len(menu.dishes)
        for question, answer in menus.ask(menu, Random(0), "vi"):
            if found := re.fullmatch(r"Món nào giá (\d+)k\?", question):
                assert prices[answer] == int(found[1])
            elif found := re.fullmatch(r"(.+) giá bao nhiêu\?", question):
                dish = next(dish for dish in prices if dish.casefold() == found[1].casefold())
                assert answer == f"{prices[dish]}k"
            else:
                wanted = min if "rẻ" in question else max
                assert prices[answer] == wanted(prices.values())


def test_a_chart_is_as_high_as_it_says() -> None:
    for seed in range(12):
        chart = charts.draw_spec(Random(seed), unseen=False)
        image = np.asarray(charts.paint(chart)).astype(int)
        step = (charts._RIGHT - charts._LEFT) / len(chart.columns)
        for place, (_, value) in enumerate(chart.columns):
            column = image[charts._TOP : charts._BOTTOM, int(charts._LEFT + step * (place + 0.5))]
            colour = np.array([int(chart.palette[place][start : start + 2], 16) for start in (1, 3, 5)])
            rows = (np.abs(column - colour).sum(1) < 12).sum()
            assert abs(rows - (charts._BOTTOM - charts._TOP) * value / 10) < 3
        answers = dict(charts.ask(chart, Random(0), "vi"))
        assert dict(chart.columns)[answers["Món nào bán nhiều nhất?"]] == max(value for _, value in chart.columns)
        assert answers["Có mấy cột?"] == str(len(chart.columns))


def test_shapes_do_not_touch_and_are_counted_right() -> None:
    for seed in range(12):
        picture = shapes.draw_spec(Random(seed), unseen=False)
        image = np.asarray(shapes.paint(picture)).astype(int)
        for colour in {thing.colour for thing in picture.things}:
            rgb = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)])
            mask = np.abs(image - rgb).sum(2) < 30
            assert blobs(mask) == sum(thing.colour == colour for thing in picture.things)
        counts = {question: int(answer) for question, answer in shapes.ask(picture, Random(0), "vi")}
        assert counts["Có tất cả mấy hình?"] == len(picture.things)
        assert 1 <= len(picture.things) <= 6


def blobs(mask: np.ndarray) -> int:
    """Connected areas of more than a few pixels."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    count = 0
    while left:
        waiting, size = [left.pop()], 0
        while waiting:
            y, x = waiting.pop()
            size += 1
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            waiting += near
        count += size > 30
    return count


@pytest.mark.parametrize(
    ("language", "pattern"), [("vi", r"[1-6] (hình|ngôi) [^,]+"), ("en", r"[1-6] \w+ (circle|square|triangle|star)s?")]
)
def test_a_caption_names_every_shape(language: Any, pattern: str) -> None:
    for seed in range(40):
        picture = shapes.draw_spec(Random(seed), unseen=False)
        ((_, caption),) = shapes.describe(picture, Random(0), language)
        parts = caption.split(", ")
        assert all(re.fullmatch(pattern, part) for part in parts)
        assert sum(int(part[0]) for part in parts) == len(picture.things)


def test_a_sign_fits_its_board() -> None:
    for seed in range(60):
        sign = signs.draw_spec(Random(seed), unseen=bool(seed % 2))
        size = painting.fitting(sign.dish.upper(), 38, "ExtraBold", 190)
        assert size >= 24  # large enough to be read in patches of 14 pixels
        assert painting.text_width(sign.dish.upper(), size, "ExtraBold") <= 190
        assert painting.text_width(sign.below, painting.fitting(sign.below, 26, "Bold", 190), "Bold") <= 190


def test_a_picture_is_drawn_once(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = drawn("signs", 1, seed=99)
    assert Path(row["images"][0]).is_relative_to(own_folder)
    monkeypatch.setattr(painting.Canvas, "finished", lambda self: pytest.fail("drawn again"))
    assert drawn("signs", 1, seed=99) == [row]
    assert not list(own_folder.rglob("*.partial"))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("config", "split"), [({}, "noisy"), ({"language": "fr"}, "train"), ({"turns": 0}, "train"), ({"x": 1}, "new")]
)
def test_what_it_cannot_be_told(config: dict[str, Any], split: str) -> None:
    with pytest.raises(SmolError):
        list(load_rows("receipts", config, split))

"""Seeded pictures with questions and answers, as rows; each picture is a file in the cache, drawn when it is first asked for.

receipts  a receipt, read as JSON                    receipt-captions  the same, as it stands there
shapes    how many of which                          shape-captions    what there is
menus     what costs how much                        charts            how many of what were sold
signs     all that stands on a sign

train     names that are known
new       pictures like those of train, none of them in train
unseen    a dish, a shop, a word or a pair of shape and colour in every picture that train never shows

A hash of what a picture shows decides whether it may be in train or in a test split, so they stay apart for all seeds and sizes.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from smolcourse.data.json_files import Row
from smolcourse.data.pictures import charts, menus, receipts, shapes, signs
from smolcourse.errors import SmolError
from smolcourse.language import Language

if TYPE_CHECKING:
    from PIL.Image import Image

Split = Literal["train", "new", "unseen"]
SPLITS: tuple[Split, ...] = get_args(Split)
VERSION = 1
"""Raised when the same picture would be drawn otherwise: files of older versions are then not taken for it."""


class PictureTask(NamedTuple):
    """How a kind of picture is drawn and asked about."""

    draw_spec: Callable[..., Any]
    paint: Callable[[Any], Image]
    ask: Callable[[Any, Random, Language], list[tuple[str, str]]]


TASKS = {
    "receipts": PictureTask(receipts.draw_spec, receipts.paint, receipts.ask),
    "receipt-captions": PictureTask(receipts.draw_spec, receipts.paint, receipts.describe),
    "menus": PictureTask(menus.draw_spec, menus.paint, menus.ask),
    "signs": PictureTask(signs.draw_spec, signs.paint, signs.ask),
    "charts": PictureTask(charts.draw_spec, charts.paint, charts.ask),
    "shapes": PictureTask(shapes.draw_spec, shapes.paint, shapes.ask),
    "shape-captions": PictureTask(shapes.draw_spec, shapes.paint, shapes.describe),
}


def generate(
    name: str, size: int, *, seed: int = 0, split: str = "train", language: Language = "vi", turns: int = 1
) -> Iterator[Row]:
    """Makes `size` rows, each about another picture: messages with the picture first, and the file in `images`.

    The same arguments give the same rows, and with one version of Pillow the same pixels; fewer rows are the beginning of more.

    Args:
        name: one of `TASKS`.
        turns: questions about a picture at most.

    Raises:
        SmolError: no such split.
    """
    if split not in SPLITS:
        listed = ", ".join(SPLITS)
        vi, en = f"{name} không có phần {split!r}; có: {listed}", f"{name} has no split {split!r}; there are: {listed}"
        raise SmolError(vi, en, fix="--split train")
    return _rows(TASKS[name], name, size, seed, split, language, turns)


def _rows(task: PictureTask, name: str, size: int, seed: int, split: str, language: Language, turns: int) -> Iterator[Row]:
    rng = Random(f"pictures {name} {split} {seed}")
    seen: set[Any] = set()
    while len(seen) < size:
        spec = task.draw_spec(rng, unseen=split == "unseen")
        questions = task.ask(spec, rng, language)[:turns]
        if spec in seen or _held_out(spec) != (split != "train"):
            continue
        seen.add(spec)
        path = str(_kept(task.paint, spec))
        messages = []
        for place, (question, answer) in enumerate(questions):
            picture = [{"type": "image"}] if place == 0 else []
            messages.append({"role": "user", "content": [*picture, {"type": "text", "text": question}]})
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        yield {"messages": messages, "images": [path]}


def _held_out(spec: Any) -> bool:
    """Whether a picture belongs to the test splits: one in ten does, whatever its colours."""
    return zlib.crc32(repr(spec.content).encode()) % 10 == 0


def _kept(paint: Callable[[Any], Image], spec: Any) -> Path:
    """The file of a picture; drawn only if it is not there yet."""
    from smolcourse.assets.cache import home, plain_disk_errors

    name = blake2b(f"{VERSION} {spec!r}".encode(), digest_size=12).hexdigest()
    path = home() / "pictures" / type(spec).__name__.lower() / f"{name}.png"
    if path.is_file():
        return path
    with plain_disk_errors():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{name}.{os.getpid()}.partial")
        paint(spec).save(partial, "PNG")
        os.replace(partial, path)
    return path

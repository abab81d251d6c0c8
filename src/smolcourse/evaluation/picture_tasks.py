"""Tasks about pictures, and what shows whether a model looks at them.

Each is asked three times: as it is; blind, without its picture; and shuffled, with the picture of another item. A model that
scores blind what it scores seeing has learned which answers are common, and nothing about pictures.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from smolcourse.data import easy_vqa, pictures
from smolcourse.data.image_rows import content_text, identities
from smolcourse.data.json_files import Row
from smolcourse.errors import SmolError
from smolcourse.evaluation.examinee import Examinee
from smolcourse.evaluation.picture_scorers import caption_match, character_errors, count_match, fields_match, vqa_accuracy
from smolcourse.evaluation.scorers import Scores
from smolcourse.evaluation.solvers import Outcome, generate
from smolcourse.evaluation.tasks import Item, Message, Task
from smolcourse.language import Language, tr

BLIND, SHUFFLED = "blind", "shuffled"
BASELINES = (BLIND, SHUFFLED)


@dataclass(frozen=True)
class PictureTask:
    """One task: its test parts, the first one where none is named; how its answers are scored."""

    splits: tuple[str, ...]
    license: str
    vi: str
    en: str
    scorer: Callable[[str, str], Scores]
    metric: str
    max_new_tokens: int

    @property
    def about(self) -> str:
        """What it asks, in the language in use."""
        return tr(self.vi, self.en)


_OWN = ("new", "unseen")
PICTURE_TASKS: dict[str, PictureTask] = {
    "charts": PictureTask(
        _OWN, "Apache-2.0", "đọc biểu đồ cột: new, unseen", "read column charts: new, unseen", vqa_accuracy, "accuracy", 12
    ),
    "easy-vqa": PictureTask(
        ("test",), "MIT", "hỏi về hình khối và màu, tiếng Anh", "shapes and colours, in English", vqa_accuracy, "accuracy", 8
    ),
    "easy-vqa-captions": PictureTask(
        ("test",), "MIT", "hình gì, màu gì: mô tả ảnh, tiếng Anh", "shape and colour: captions", caption_match, "rouge_l", 12
    ),
    "menus": PictureTask(
        _OWN, "Apache-2.0", "tra giá trên thực đơn: new, unseen", "prices on a menu: new, unseen", vqa_accuracy, "accuracy", 16
    ),
    "receipt-captions": PictureTask(
        _OWN, "Apache-2.0", "chép lại hóa đơn: new, unseen", "receipts word for word: new, unseen", caption_match, "rouge_l", 48
    ),
    "receipts": PictureTask(
        _OWN, "Apache-2.0", "hóa đơn thành JSON: new, unseen", "receipts to JSON: new, unseen", fields_match, "fields", 96
    ),
    "shape-captions": PictureTask(
        _OWN, "Apache-2.0", "mô tả các hình: new, unseen", "describe the shapes: new, unseen", caption_match, "rouge_l", 48
    ),
    "shapes": PictureTask(
        _OWN, "Apache-2.0", "đếm hình: new, unseen", "count shapes: new, unseen", count_match, "exact_match", 8
    ),
    "signs": PictureTask(
        _OWN, "Apache-2.0", "đọc biển hiệu (lỗi từng ký tự): new, unseen", "read signs (character errors): new, unseen",
        character_errors, "cer", 32,
    ),
}  # fmt: skip
"""By name, in alphabetical order."""


def load_picture_task(name: str, size: int | None, seed: int, language: Language) -> Task:
    """A task by name, `receipts` or `receipts:unseen`; `size` items, all of easy-VQA where it is None.

    Raises:
        SmolError: no such part; or the pictures' wheel cannot be had.
    """
    base, _, split = name.partition(":")
    task = PICTURE_TASKS[base]
    split = split or task.splits[0]
    if split not in task.splits:
        listed = ", ".join(task.splits)
        vi, en = (
            f"{base} không có phần kiểm tra {split!r}; có: {listed}",
            f"{base} has no test split {split!r}; there are: {listed}",
        )
        raise SmolError(vi, en, fix=f"--tasks {base}:{task.splits[0]}")
    if base in pictures.TASKS:
        rows = pictures.generate(base, size or 500, seed=seed, split=split, language=language)
    else:
        rows = islice(easy_vqa.rows(base, split=split, seed=seed, turns=1), size)
    solver = transcribe if task.metric == "cer" else generate
    items = [item_of(row) for row in rows]
    how = Task(f"{base}:{split}", items, task.scorer, task.metric, solver)
    return replace(how, max_new_tokens=task.max_new_tokens, license=task.license)


def item_of(row: Row) -> Item:
    """A messages row with pictures as a test item: each part brings its picture along, the last turn is the gold.

    Items about one picture are of one group.
    """
    images = iter(row["images"])
    messages = [_filled(message, images) for message in row["messages"]]
    return Item(messages[:-1], content_text(messages[-1]["content"], mark=""), group=" ".join(identities(row)))


def _filled(message: Message, images: Any) -> Message:
    if not isinstance(message.get("content"), list):
        return message
    parts = [{"type": "image", "image": next(images)} if part["type"] == "image" else part for part in message["content"]]
    return {**message, "content": parts}


def transcribe(task: Task, items: Sequence[Item], examinee: Examinee) -> list[Outcome]:
    """As `generate`; a long text weighs as much in the mean as its letters: all errors, over all letters."""
    outcomes = generate(task, items, examinee)
    return [replace(one, weights={"cer": float(max(1, len(item.gold)))}) for one, item in zip(outcomes, items, strict=True)]


def shown(messages: Sequence[Message]) -> list[Any]:
    """The pictures in a conversation, in their order."""
    contents = (message.get("content") for message in messages)
    return [
        part["image"] for content in contents if isinstance(content, list) for part in content if part.get("image") is not None
    ]


def with_baselines(tasks: Sequence[Task]) -> list[Task]:
    """Each task about pictures is followed by itself, blind and shuffled."""
    return [one for task in tasks for one in ((task, blind(task), shuffled(task)) if _has_pictures(task) else (task,))]


def _has_pictures(task: Task) -> bool:
    return any(shown(item.messages) for item in task.items)


def blind(task: Task) -> Task:
    """The same questions without pictures: what can be guessed."""
    items = [replace(item, messages=[_words(message) for message in item.messages]) for item in task.items]
    return replace(task, name=f"{task.name}:{BLIND}", items=items, baseline_of=task.name)


def _words(message: Message) -> Message:
    return {**message, "content": content_text(message.get("content"), mark="").strip()}


def shuffled(task: Task, seed: int = 0) -> Task:
    """The same questions about other items' pictures: how far a model says what it sees, whatever is asked.

    Pictures go round in a circle of random order, so that no item keeps its own.
    """
    by_picture: dict[str, list[int]] = {}
    for place, item in enumerate(task.items):
        by_picture.setdefault(" ".join(map(str, shown(item.messages))), []).append(place)
    order = list(by_picture)
    random.Random(seed).shuffle(order)
    other = {mine: task.items[by_picture[next_one][0]] for mine, next_one in zip(order, order[1:] + order[:1], strict=True)}
    items = list(task.items)
    for mine, places in by_picture.items():
        borrowed = shown(other[mine].messages)
        for place in places:
            if len(borrowed) == len(shown(items[place].messages)):  # an item of two pictures borrows from one of two
                images = iter(borrowed)
                items[place] = replace(items[place], messages=[_exchanged(message, images) for message in items[place].messages])
    return replace(task, name=f"{task.name}:{SHUFFLED}", items=items, baseline_of=task.name)


def _exchanged(message: Message, images: Any) -> Message:
    if not isinstance(message.get("content"), list):
        return message
    return {**message, "content": [{**part, "image": next(images)} if "image" in part else part for part in message["content"]]}

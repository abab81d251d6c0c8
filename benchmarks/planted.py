"""Mistakes planted in an evaluation, and whether they are caught: `python benchmarks/accept.py 4`.

1. The least likely choice is taken for the answer (an upstream course did).
2. The gold answers of a whole set are swapped; and of a single question of an exam made from documents.
3. Wrong choices are drawn with replacement.
4. Test questions stand in the training data.

Each is looked for twice, with and without the mistake: a check that always cries is no check.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from smolcourse.data import milk_tea
from smolcourse.errors import SmolError
from smolcourse.evaluation import solvers
from smolcourse.evaluation.building import Draft, make_exam
from smolcourse.evaluation.contamination import overlap
from smolcourse.evaluation.documents import Passage
from smolcourse.evaluation.files import choice_item
from smolcourse.evaluation.report import make_report, notes
from smolcourse.evaluation.tasks import Item, Task, load_task
from smolcourse.inference.examinee import sit

MODEL = "smollm2-135m-instruct"
ITEMS = 200
LEAKED = 20


def figures() -> dict[str, float]:
    """1 for each mistake that is caught; `false_alarms` counts the warnings without a mistake."""
    with tempfile.TemporaryDirectory() as folder:
        warned = scores_below_chance(load_task("piqa", size=ITEMS), Path(folder))
    return {
        "argmin_caught": float(warned["argmin"]),
        "swapped_labels_caught": float(warned["swapped"]),
        "swapped_label_caught": float(refused(swap_one_label)),
        "repeated_distractors_caught": float(refused(lambda: exam(with_replacement))),
        **leaks(),
        "false_alarms": float(warned["right"] + refused(lambda: exam(nothing)) + bool(clean_leaks())),
    }


def scores_below_chance(task: Task, answers: Path) -> dict[str, bool]:
    """Whether the report warns, for the task as it is, with swapped answers, and with the smallest likelihood taken."""

    def warns(asked: Task) -> bool:
        report = make_report([asked], sit([MODEL], [asked], answers=answers))
        return any("ĐOÁN MÒ" in note or "CHANCE" in note for note in notes(report))

    swapped = replace(task, items=[swap(item) for item in task.items])
    found = {"right": warns(task), "swapped": warns(swapped)}
    with argmin():
        found["argmin"] = warns(task)
    return found


def swap(item: Item) -> Item:
    """The other choice as the gold one."""
    return replace(item, gold=next(choice for choice in item.choices if choice != item.gold))


@contextmanager
def argmin() -> Iterator[None]:
    """The place of the smallest value where the largest is wanted."""
    right = solvers._largest
    solvers._largest = lambda values: right([-value for value in values])
    try:
        yield
    finally:
        solvers._largest = right


@contextmanager
def with_replacement() -> Iterator[None]:
    """`random.sample` that may draw the same twice."""
    right = random.Random.sample
    random.Random.sample = lambda self, population, k: self.choices(population, k=k)  # type: ignore[assignment,method-assign,misc]
    try:
        yield
    finally:
        random.Random.sample = right  # type: ignore[method-assign]


@contextmanager
def nothing() -> Iterator[None]:
    """No mistake."""
    yield


def exam(mistake: Callable[[], Any]) -> list[dict[str, Any]]:
    """An exam of thirty questions about a small town, made with a mistake."""
    names = [
        f"{first} {last}" for first in ("An", "Bình", "Chi", "Dũng", "Hoa") for last in ("Trần", "Lê", "Vũ", "Đỗ", "Ngô", "Bùi")
    ]
    passages = [Passage(f"Nhà số {number} là của {name}.", f"town.md:{number}") for number, name in enumerate(names, 1)]
    drafts = [Draft(f"Ai ở nhà số {number}?", name, passages[number - 1]) for number, name in enumerate(names, 1)]
    with mistake():
        return make_exam(drafts).rows


def swap_one_label() -> None:
    """Reads an exam in which somebody moved one gold answer."""
    rows = exam(nothing)
    rows[7]["answer"] = (rows[7]["answer"] + 1) % 4
    for row in rows:
        choice_item(row)


def refused(work: Callable[[], Any]) -> bool:
    """Whether it ends in a clear error."""
    try:
        work()
    except SmolError:
        return True
    return False


def leaks() -> dict[str, float]:
    """The share of leaked test orders that is found among training orders."""
    task = load_task("milk-tea:new", size=ITEMS)
    train = milk_tea.generate(1000, seed=0)
    leaked = [{"messages": [*item.messages, {"role": "assistant", "content": item.gold}]} for item in task.items[:LEAKED]]
    found = overlap(task, [*train, *leaked]).items
    return {"leak_caught": len(set(found) & set(range(LEAKED))) / LEAKED}


def clean_leaks() -> list[int]:
    """Orders said to be leaked where none is."""
    return overlap(load_task("milk-tea:new", size=ITEMS), milk_tea.generate(1000, seed=0)).items

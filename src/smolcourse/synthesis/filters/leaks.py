"""Rows that hold questions of a test: a model trained on them is examined on what it has read.

The same search as `smol eval` does in a finished run's training data (`evaluation.contamination`, after Brown et al. 2020,
arXiv:2005.14165, appendix C), here before anything is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from smolcourse.evaluation.contamination import finder
from smolcourse.evaluation.tasks import MILK_TEA, MILK_TEA_SPLITS, Task, load_task, task_names
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import part_of

_DRAWN = 1000  # test orders, where a seed draws as many as one likes: no exam here asks more


def every_task() -> list[str]:
    """The names of all test sets that the course knows."""
    splits = [f"{MILK_TEA}:{split}" for split in MILK_TEA_SPLITS]
    return [*splits, *(name for name in task_names() if name != MILK_TEA)]


def load_tests(names: Sequence[str]) -> list[Task]:
    """All items of these test sets; of those that are drawn by a seed, more than any exam asks.

    Raises:
        SmolError: there is no such set, or it cannot be downloaded.
    """
    return [
        load_task(name, size=_DRAWN if name.partition(":")[0] == MILK_TEA else None, run_code=True)  # nothing is run here
        for name in names
    ]


def without(rows: Sequence[Row], *, tests: list[str] = [], language: Literal["vi", "en"] = "vi") -> Iterator[Draft]:  # noqa: B006
    """Leaves out rows in which a question of a test set stands, or most of one.

    Args:
        tests: names as `smol eval --tasks` takes them, files too; empty for every set that the course knows.
        language: of the milk-tea orders.
    """
    found = finder(load_tests(tests or every_task()))
    for row in rows:
        leaked = found(part_of(row.data))
        yield drop(row, f"leaked: {min(leaked)[0]}", leaked=sorted(leaked)[:3]) if leaked else keep(row)

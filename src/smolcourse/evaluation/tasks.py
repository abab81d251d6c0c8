"""A task: conversations, the answers they should get, and the scorer that compares. Small enough to write down in a notebook."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.evaluation.scorers import Scores, json_match

Message = dict[str, Any]
Scorer = Callable[[str, str], Scores]
"""(answer, gold) -> scores between 0 and 1, one of them named `exact_match`."""

TASKS: tuple[str, ...] = ("milk-tea",)
MILK_TEA_SPLITS: tuple[str, ...] = ("new", "unseen", "noisy")
TEST_SEED = 20_260_101
"""Test orders are drawn with a seed that training does not use. (The splits share no text for any seed: see data.milk_tea.)"""


@dataclass(frozen=True)
class Item:
    """One conversation that ends before the answer, and the gold answer."""

    messages: list[Message]
    gold: str


@dataclass(frozen=True)
class Task:
    """`name` says which data: `milk-tea:new`."""

    name: str
    items: list[Item]
    scorer: Scorer


def load_task(name: str, *, size: int = 200, seed: int = TEST_SEED, language: str = "vi") -> Task:
    """A built-in task by name: `milk-tea:new`, `milk-tea:unseen`, `milk-tea:noisy`.

    Args:
        size: number of items.

    Raises:
        SmolError: unknown task or split, or a size below one.
    """
    task, _, split = name.partition(":")
    if task not in TASKS:
        near = [*get_close_matches(task, TASKS, 1, 0.5), *TASKS]
        names = ", ".join(TASKS)
        raise SmolError(
            f"không có bài kiểm tra {task!r}; có: {names}", f"no task {task!r}; there are: {names}", fix=f"--task {near[0]}"
        )
    split = split or "new"
    if split not in MILK_TEA_SPLITS:
        near = [*get_close_matches(split, MILK_TEA_SPLITS, 1, 0.5), *MILK_TEA_SPLITS]
        names = ", ".join(MILK_TEA_SPLITS)
        raise SmolError(
            f"{task} không có phần kiểm tra {split!r}; có: {names}",
            f"{task} has no test split {split!r}; there are: {names}",
            fix=f"--split {near[0]}",
        )
    if size < 1:
        raise SmolError("cần ít nhất một mục", "at least one item is needed", where=f"size={size}", fix="--limit 200")
    from smolcourse.data import milk_tea

    rows = milk_tea.generate(size, seed=seed, split=split, language=language)  # type: ignore[arg-type]
    return Task(f"{task}:{split}", [from_messages(row) for row in rows], json_match)


def from_messages(row: dict[str, Any]) -> Item:
    """A messages row as a test item: the last turn, which must be the assistant's, is the gold."""
    messages = row["messages"]
    if messages[-1]["role"] != "assistant":
        raise SmolError(
            "lượt cuối phải là của assistant: đó là đáp án",
            "the last turn must be the assistant's: it is the gold answer",
            where="messages[-1].role",
        )
    return Item(messages[:-1], messages[-1]["content"])

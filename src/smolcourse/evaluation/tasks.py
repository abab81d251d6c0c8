"""A task: items, how a model is asked, and how its answers are scored. Small enough to write down in a notebook.

Task("sums", [Item(ask("1 + 1 = ?"), "2")])                                       the model writes, `exact_match` compares
Task("capitals", [Item(ask("Thủ đô?"), "Hà Nội", ("Huế", "Hà Nội"))], solver=choose)   the likeliest choice is its answer
Task("poems", [Item(ask(text), "")], solver=read)                                 how well it foresees a text
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Any

from smolcourse.data.image_rows import by_content
from smolcourse.errors import SmolError
from smolcourse.evaluation.scorers import Scores, exact_match, json_match
from smolcourse.evaluation.solvers import Solver, generate

Message = dict[str, Any]
Scorer = Callable[[str, str], Scores]
"""(answer, gold) -> scores between 0 and 1."""

MILK_TEA = "milk-tea"
INSTRUCTIONS = "instructions"
MILK_TEA_SPLITS: tuple[str, ...] = ("new", "unseen", "noisy")
TEST_SEED = 20_260_101
"""Test orders are drawn with a seed that training does not use. (The splits share no text for any seed: see data.milk_tea.)"""


@dataclass(frozen=True)
class Item:
    """One conversation that ends before the answer, and the gold answer.

    `choices` are the answers to choose from, the gold one among them. Items of one `group` share a passage, so that their
    errors are not independent.
    """

    messages: list[Message]
    gold: str
    choices: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Task:
    """Items and how they are asked.

    Attributes:
        name: says which data: `milk-tea:new`.
        scorer: compares what the model wrote with the gold; of no use to the other solvers, which score by likelihood.
        metric: the score that stands for the task.
        solver: `generate`, `choose` or `read`.
        chat: whether messages go through the model's chat template; if not, their text is read as it stands.
        max_new_tokens: the longest answer; what stands behind one of `stop` is cut off.
        license: of the data.
        left_out: rows of the source that could not be used (no gold, the same choice twice).
    """

    name: str
    items: Sequence[Item]
    scorer: Scorer = exact_match
    metric: str = "exact_match"
    solver: Solver = generate
    chat: bool = True
    max_new_tokens: int = 256
    stop: tuple[str, ...] = ()
    license: str = ""
    left_out: int = field(default=0, compare=False)
    baseline_of: str = ""
    """The name of the task about pictures that this one is without them, or with others."""

    @property
    def version(self) -> str:
        """Changes when a question, a choice or a gold answer does: scores of two versions are not to be compared."""
        said = json.dumps([(by_content(item.messages), item.gold, item.choices) for item in self.items], ensure_ascii=False)
        return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def ask(text: str) -> list[Message]:
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


def task_names() -> list[str]:
    """Every task that comes with the course."""
    from smolcourse.evaluation.benchmarks import BENCHMARKS
    from smolcourse.evaluation.picture_tasks import PICTURE_TASKS

    return sorted([MILK_TEA, INSTRUCTIONS, *BENCHMARKS, *PICTURE_TASKS])


def load_task(
    name: str,
    *,
    size: int | None = 200,
    seed: int = TEST_SEED,
    language: str = "vi",
    shots: int = 0,
    chat: bool | None = None,
    run_code: bool = False,
) -> Task:
    """A task by name (`milk-tea:unseen`, `boolq`), or a file of one's own (`exam.jsonl`, `hf:org/name`).

    Args:
        size: number of items, drawn by the seed where there are more; None for all.
        language: of the milk-tea orders, and of questions about our own pictures.
        shots: solved examples put before each question; they are not asked themselves.
        chat: overrides the task's own choice.
        run_code: allows a task that runs what the model wrote.

    Raises:
        SmolError: unknown task or split, a file that holds no task, or too few items.
    """
    if size is not None and size < 1:
        raise SmolError("cần ít nhất một mục", "at least one item is needed", where=f"size={size}", fix="--limit 200")
    from smolcourse.evaluation.benchmarks import BENCHMARKS, load_benchmark
    from smolcourse.evaluation.files import is_source, load_file
    from smolcourse.evaluation.picture_tasks import PICTURE_TASKS, load_picture_task

    base, _, split = name.partition(":")
    if name == "humaneval" and not run_code:
        raise SmolError(
            "humaneval chạy mã do mô hình viết ra; phải được cho phép rõ ràng",
            "humaneval runs code that a model wrote; that has to be allowed",
            fix="smol eval MODEL --tasks humaneval --run-code",
        )
    if base in BENCHMARKS and not split:
        task = load_benchmark(base)
    elif base in PICTURE_TASKS:
        task = load_picture_task(name, size + shots if size else None, seed, "en" if language == "en" else "vi")
    elif is_source(name):
        task = load_file(name)
    elif name == INSTRUCTIONS:
        from smolcourse.evaluation.rules import instructions

        task = instructions()
    elif base == MILK_TEA:
        task = _milk_tea(split or "new", (size or 200) + shots, seed, language)
    else:
        raise _unknown(name)
    return narrow(task if chat is None else replace(task, chat=chat), size=size, shots=shots, seed=seed)


def narrow(task: Task, *, size: int | None = None, shots: int = 0, seed: int = TEST_SEED) -> Task:
    """The same task with fewer items, in their order, and solved examples before each; both drawn by the seed.

    Raises:
        SmolError: no item is left to ask.
    """
    places = list(range(len(task.items)))
    random.Random(seed).shuffle(places)
    examples, asked = places[:shots], sorted(places[shots:][:size])
    if len(examples) < shots or not asked:
        raise SmolError(
            f"chỉ có {len(task.items)} mục, không đủ cho {shots} ví dụ mẫu",
            f"there are only {len(task.items)} items, too few for {shots} examples",
            where=task.name,
            fix="--shots 0",
        )
    solved = [task.items[place] for place in examples]
    items = [task.items[place] for place in asked]
    return replace(task, items=[_with_examples(item, solved, task.chat) for item in items] if solved else items)


def _with_examples(item: Item, examples: list[Item], chat: bool) -> Item:
    """Examples as earlier turns of a chat, or as text with a blank line between them (lm-eval's way)."""
    if chat:
        system = [message for message in item.messages if message["role"] == "system"]
        own = item.messages[len(system) :]
        turns = [turn for one in examples for turn in (*_without_system(one), {"role": "assistant", "content": one.gold})]
        return replace(item, messages=[*system, *turns, *own])
    before = "".join(f"{_text(one)} {one.gold}\n\n" for one in examples)
    return replace(item, messages=ask(before + _text(item)))


def _without_system(item: Item) -> list[Message]:
    return [message for message in item.messages if message["role"] != "system"]


def _text(item: Item) -> str:
    return "".join(str(message["content"]) for message in item.messages)


def _milk_tea(split: str, size: int, seed: int, language: str) -> Task:
    if split not in MILK_TEA_SPLITS:
        near = [*get_close_matches(split, MILK_TEA_SPLITS, 1, 0.5), *MILK_TEA_SPLITS]
        names = ", ".join(MILK_TEA_SPLITS)
        raise SmolError(
            f"{MILK_TEA} không có phần kiểm tra {split!r}; có: {names}",
            f"{MILK_TEA} has no test split {split!r}; there are: {names}",
            fix=f"--split {near[0]}",
        )
    from smolcourse.data import milk_tea

    rows = milk_tea.generate(size, seed=seed, split=split, language=language)  # type: ignore[arg-type]
    return Task(f"{MILK_TEA}:{split}", [from_messages(row) for row in rows], json_match)


def _unknown(name: str) -> SmolError:
    names = task_names()
    near = [*get_close_matches(name.partition(":")[0], names, 1, 0.5), MILK_TEA]
    listed = ", ".join(names)
    fix = f"--task {near[0]}"
    if Path(name).suffix:
        return SmolError("không có tệp này", "no such file", where=name, fix=fix)
    return SmolError(
        f"không có bài kiểm tra {name!r}; có: {listed}, hoặc một tệp .jsonl",
        f"no task {name!r}; there are: {listed}, or a .jsonl file",
        fix=fix,
    )


def from_messages(row: dict[str, Any]) -> Item:
    """A messages row as a test item: the last turn, which must be the assistant's, is the gold."""
    messages = row["messages"]
    if messages[-1]["role"] != "assistant":
        raise SmolError(
            "lượt cuối phải là của assistant: đó là đáp án",
            "the last turn must be the assistant's: it is the gold answer",
            where="messages[-1].role",
        )
    if row.get("images"):
        from smolcourse.evaluation.picture_tasks import item_of

        return item_of(row)
    return Item(messages[:-1], messages[-1]["content"])

"""A file of one's own as a task. What its rows hold decides how they are asked.

| row                                                   | task                                                          |
|-------------------------------------------------------|---------------------------------------------------------------|
| question, choices (or options), answer                | choose: the answer is a text, a letter or a place from 0      |
| messages; prompt, completion; question, answer; ...   | generate: the last answer is the gold; JSON is compared as JSON |
| text                                                  | read: perplexity                                              |
| any of the second kind with pictures                  | generate: VQA accuracy, or the share of a JSON's fields       |
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from smolcourse.data.formats import to_native
from smolcourse.data.problems import RowError, located
from smolcourse.data.reading import read_rows
from smolcourse.data.text import comparable
from smolcourse.errors import SmolError
from smolcourse.evaluation.picture_scorers import fields_match, vqa_accuracy
from smolcourse.evaluation.picture_tasks import shown
from smolcourse.evaluation.scorers import exact_match, json_match
from smolcourse.evaluation.solvers import choose, generate, read
from smolcourse.evaluation.tasks import Item, Scorer, Task, ask, from_messages

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHOICES = ("choices", "options")


def is_source(name: str) -> bool:
    """Whether a task's name is a file, a folder or a data set of the hub."""
    return name.startswith("hf:") or Path(name).exists()


def load_file(source: str) -> Task:
    """Reads a whole file as a task.

    Raises:
        SmolError: with file and row: no gold, fewer than two choices, a choice twice, rows of several kinds.
    """
    items: list[Item] = []
    kinds: dict[str, int] = {}
    for number, row in read_rows(source):
        try:
            kind, item = _item(row)
        except RowError as error:
            raise located(error, source, number) from None
        except SmolError as error:
            raise located(RowError("wrong_type", error.vi, error.en, where=error.where), source, number) from None
        kinds.setdefault(kind, number)
        if len(kinds) > 1:
            first, *_ = kinds
            raise SmolError(
                f"hàng này thuộc loại {kind}, còn hàng {kinds[first]} thuộc loại {first}; một bài kiểm tra chỉ có một loại",
                f"this row is of the kind {kind}, row {kinds[first]} of the kind {first}; a task has one kind",
                where=f"{source}:{number}",
            )
        items.append(item)
    (kind,) = kinds
    name = Path(source).name if not source.startswith("hf:") else source
    if kind == "choose":
        return Task(name, items, metric="acc", solver=choose, chat=False)
    if kind == "read":
        return Task(name, items, metric="bits_per_byte", solver=read, chat=False)
    if any(shown(item.messages) for item in items):
        reads_json = all(_is_json(item.gold) for item in islice(items, 100))
        scorer, metric = (fields_match, "fields") if reads_json else (vqa_accuracy, "accuracy")
        return Task(name, items, scorer, metric, generate)
    return Task(name, items, scorer_for(items), solver=generate)


def scorer_for(items: Sequence[Item]) -> Scorer:
    """JSON is compared as JSON where every gold answer is an object or a list."""
    return json_match if all(_is_json(item.gold) for item in islice(items, 100)) else exact_match


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False


def _item(row: dict[str, Any]) -> tuple[str, Item]:
    if any(key in row for key in _CHOICES):
        return "choose", choice_item(row)
    native = to_native(row)
    if "text" in native:
        return "read", Item(ask(native["text"]), "")
    if "messages" in native:
        return "generate", from_messages(native)
    if "completion" not in native:
        raise RowError("unknown_format", "hàng preference không phải câu hỏi kiểm tra", "a preference row is no test item")
    prompt, gold = native["prompt"], native["completion"]
    if native.get("images"):
        return "generate", from_messages({"messages": [*prompt, *gold], "images": native["images"]})
    messages = ask(prompt) if isinstance(prompt, str) else prompt
    return "generate", Item(messages, gold if isinstance(gold, str) else str(gold[-1]["content"]))


def choice_item(row: dict[str, Any]) -> Item:
    """A row with `question`, `choices` (a list, or an object of letters) and `answer`; `passage` or `context` may come first.

    Raises:
        RowError: no gold, fewer than two choices, an empty one, one twice.
    """
    question = row.get("question", row.get("prompt"))
    if not isinstance(question, str) or not question.strip():
        raise RowError("missing_key", "thiếu câu hỏi", "there is no question", where="question")
    key = next(key for key in _CHOICES if key in row)
    choices, labels = _choices(row[key], key)
    answer = row.get("answer", row.get("gold", row.get("label", row.get("answerKey"))))
    gold = choices[_gold(answer, choices, labels)]
    _check_evidence(row.get("evidence"), gold, choices)
    passage = str(row.get("passage") or row.get("context") or "")
    text = f"{passage}\n" if passage else ""
    return Item(ask(f"{text}Question: {question.strip()}\nAnswer:"), gold, tuple(choices), str(row.get("group") or passage))


def _check_evidence(evidence: Any, gold: str, choices: list[str]) -> None:
    """An exam from documents says where each answer stands: a gold that does not, beside a choice that does, was swapped."""
    if not isinstance(evidence, str):
        return
    inside = [choice for choice in choices if f" {comparable(choice)} " in f" {comparable(evidence)} "]
    if inside and gold not in inside:
        raise RowError(
            "other_answer",
            f"đáp án {gold!r} không có trong đoạn văn làm chứng, còn {inside[0]!r} thì có",
            f"the gold answer {gold!r} does not stand in the evidence, but {inside[0]!r} does",
            where="answer",
        )


def _choices(value: Any, key: str) -> tuple[list[str], list[str]]:
    """Texts of the choices and their labels."""
    labels: list[str] = []
    if isinstance(value, dict) and {"text", "label"} <= value.keys():  # as the hub's sets have it
        value, labels = value["text"], [str(label) for label in value["label"]]
    elif isinstance(value, dict):
        value, labels = list(value.values()), [str(label) for label in value]
    if not isinstance(value, list) or not all(isinstance(choice, str) and choice.strip() for choice in value):
        raise RowError("wrong_type", "phải là danh sách các chuỗi không rỗng", "must be a list of texts, none empty", where=key)
    choices = [choice.strip() for choice in value]
    if len(choices) < 2:
        raise RowError("wrong_type", "cần ít nhất hai lựa chọn", "at least two choices are needed", where=key)
    twice = next((choice for choice in choices if choices.count(choice) > 1), None)
    if twice is not None:
        raise RowError("duplicate", f"lựa chọn {twice!r} có hai lần", f"the choice {twice!r} stands twice", where=key)
    return choices, labels or list(_LETTERS[: len(choices)])


def _gold(answer: Any, choices: list[str], labels: list[str]) -> int:
    """Where the gold answer stands: a text comes before a letter, a letter before a number."""
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(choices):
        return answer
    if isinstance(answer, str) and answer.strip():
        text = answer.strip()
        for names in (choices, labels):
            if text in names:
                return names.index(text)
    if answer is None or answer == "":
        raise RowError("missing_key", "thiếu đáp án", "there is no gold answer", where="answer")
    raise RowError(
        "no_answer",
        f"đáp án {answer!r} không nằm trong các lựa chọn",
        f"the gold answer {answer!r} is not among the choices",
        where="answer",
        fix=" | ".join(labels),
    )

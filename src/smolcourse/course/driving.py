"""`smol train --use-mine`: the learner's passing functions in the place of ours, in the real trainer.

An exercise's check file says where its function goes: `drive(mine) -> {"module:name": function}`. The trainer calls these
names as it always does; for the length of the run they are the learner's.
"""

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from smolcourse.course.files import load_file
from smolcourse.course.lessons import Exercise, find_exercise
from smolcourse.errors import SmolError

Encode = Callable[[dict[str, Any], Any], tuple[list[int], list[int]]]


@contextmanager
def driven_by(files: Mapping[str, str]) -> Iterator[None]:
    """For as long as it is entered, the trainer calls the functions in these files: exercise name -> path.

    Raises:
        SmolError: a file is gone or does not run.
    """
    with ExitStack() as stack:
        for name, file in files.items():
            for target, function in replacements(find_exercise(name), Path(file)).items():
                module, _, attribute = target.partition(":")
                stack.enter_context(_swapped(importlib.import_module(module), attribute, function))
        yield


@contextmanager
def _swapped(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def replacements(exercise: Exercise, file: Path) -> dict[str, Any]:
    """What an exercise puts where; empty for one that drives nothing."""
    drive = getattr(load_file(exercise.check), "drive", None)
    if drive is None:
        return {}
    try:
        return dict(drive(load_file(file)))
    except Exception as error:
        raise SmolError(
            f"không dùng được code của bạn: {error}",
            f"your code cannot be used: {error}",
            where=str(file),
            fix=f"smol check {exercise.name}",
        ) from error


def tokenize_with(encode: Encode) -> Callable[..., Any]:
    """`data.tokenizing.tokenize`, with every row encoded by `encode(row, tokenizer)`; nothing comes from a cache."""

    def tokenize(
        rows: Any, tokenizer: Any, *, max_length: int | None, truncation: str = "drop", name: str = "", **cache: Any
    ) -> Any:
        from smolcourse.data.encoding import Summary

        summary, examples = Summary(), []
        for number, row in enumerate(rows, start=1):
            input_ids, loss_mask = encode(row, tokenizer)
            summary.rows_read += 1
            summary.longest = max(summary.longest, len(input_ids))
            if max_length is not None and len(input_ids) > max_length:
                summary.drop("too_long", number)
            elif not any(loss_mask[1:]):
                summary.drop("no_target", number)
            else:
                summary.rows += 1
                summary.tokens += len(input_ids)
                summary.target_tokens += sum(loss_mask)
                examples.append({"input_ids": list(input_ids), "loss_mask": list(loss_mask)})
        if not examples:
            raise SmolError(
                "mask của bạn không để lại token nào tính loss", "your mask leaves no token that carries loss", where=name
            )
        return examples, summary

    return tokenize

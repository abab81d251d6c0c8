"""`smol train --use-mine`: the learner's passing functions in the place of ours, in the real trainer.

An exercise's check file says where its function goes: `drive(mine) -> {"module:name": function}`. The trainer calls these
names as it always does; for the length of the run they are the learner's.
"""

import functools
import importlib
import traceback
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


class _Own:
    """The functions of a learner's file; what they raise becomes one clear message that names the line."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._module = load_file(file)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        function = getattr(self._module, name)

        @functools.wraps(function)
        def own(*arguments: Any, **named: Any) -> Any:
            try:
                return function(*arguments, **named)
            except Exception as error:
                frames = traceback.extract_tb(error.__traceback__)
                line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(self._file)), "?")
                reason = f"{type(error).__name__}: {error}"
                raise SmolError(
                    f"hàm {name} của bạn dừng vì lỗi: {reason}",
                    f"your function {name} stops with an error: {reason}",
                    where=f"{self._file}:{line}",
                    fix=f"smol check {self._file.stem}",
                ) from error

        return own


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
        return dict(drive(_Own(file)))
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

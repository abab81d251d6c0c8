"""Where a row comes from: the rows it was made of, step by step, and every answer with its question, model and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.synthesis.asking import ANSWERS
from smolcourse.synthesis.ledger import read_places
from smolcourse.synthesis.results import read_state

_SHORTEST = 6  # characters of a key that are enough to name it


@dataclass(frozen=True)
class Told:
    """One row of a history. `depth`: steps before the row that was asked for; `answers`: lines of `answers.jsonl`."""

    depth: int
    step: str
    row: dict[str, Any]
    answers: list[dict[str, Any]]


def history(folder: Path, key: str) -> list[Told]:
    """A row and all it was made from, each once, the row itself first.

    Args:
        key: the row's `id` in `data.jsonl`, or its beginning.

    Raises:
        SmolError: the folder holds no run, or no row, or several, have such a key.
    """
    steps = {step["name"]: folder / step["file"] for step in read_state(folder).get("steps", [])}
    if not steps:
        raise SmolError(
            "thư mục này chưa có kết quả nào", "this folder holds no result", where=str(folder), fix="smol synth RECIPE"
        )
    rows: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, file in steps.items():
        for _, line in read_places(file):
            if "key" in line:
                rows[line["key"]] = name, line
    fitting = [one for one in rows if one.startswith(key)] if len(key) >= _SHORTEST else []
    if len(fitting) != 1:
        raise SmolError(
            f"{len(fitting)} hàng có id bắt đầu bằng {key!r}",
            f"{len(fitting)} rows have an id that begins with {key!r}",
            where=str(folder),
            fix=f"head -1 {folder / 'data.jsonl'}",
        )
    found = list(_family(fitting[0], rows))
    wanted = {answer for _, _, line in found for answer in line.get("answers", ())}
    said = {line["key"]: line for _, line in read_places(folder / ANSWERS) if line.get("key") in wanted}
    return [Told(depth, step, row, [said[one] for one in row.get("answers", ()) if one in said]) for depth, step, row in found]


def _family(key: str, rows: dict[str, tuple[str, dict[str, Any]]]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Depth, step and line of a row and its ancestors, nearest first."""
    seen, level, depth = {key}, [key], 0
    while level:
        above: list[str] = []
        for one in level:
            if one not in rows:  # a file of an earlier version that is gone
                continue
            step, line = rows[one]
            yield depth, step, line
            above += [parent for parent in line.get("parents", ()) if parent not in seen]
            seen.update(above)
        level, depth = list(dict.fromkeys(above)), depth + 1

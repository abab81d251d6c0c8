"""What changed between two models, item by item, out of a report's files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError

Line = dict[str, Any]
"""One item of `items.jsonl`."""


@dataclass
class Flips:
    """Items of one task that one model gets right and the other does not, as (first model's line, second model's line)."""

    task: str
    second: str
    lost: bool
    """Whether only the first is right; else only the second."""
    items: list[tuple[Line, Line]] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    """How the wrong answers are wrong, and how often."""


def read_flips(folder: Path, task: str | None = None) -> list[Flips]:
    """Compares every model of a report with the first.

    Raises:
        SmolError: not a report's folder, or no such task in it.
    """
    report = _report(folder)
    if task is not None and task not in [one["task"] for one in report["tasks"]]:
        names = ", ".join(one["task"] for one in report["tasks"])
        raise SmolError(
            f"báo cáo chỉ có: {names}", f"the report has: {names}", where=str(folder), fix=f"--task {report['tasks'][0]['task']}"
        )
    wanted: dict[tuple[str, str], Flips] = {}
    places: dict[tuple[str, str, int], tuple[str, str]] = {}
    for one in report["tasks"]:
        for comparison in one["comparisons"] if task in (None, one["task"]) else []:
            for kind in ("lost", "gained"):
                for index in comparison[kind]:
                    places[one["task"], comparison["second"], index] = (comparison["second"], kind)
                if comparison[kind]:
                    wanted[f"{one['task']} {comparison['second']}", kind] = Flips(
                        one["task"], comparison["second"], kind == "lost"
                    )
    first = report["models"][0]
    asked = {(name, index) for name, _, index in places}
    before = {
        (line["task"], line["index"]): line
        for line in _lines(folder)
        if line["model"] == first and (line["task"], line["index"]) in asked
    }
    for line in _lines(folder):
        found = places.get((line["task"], line["model"], line["index"]))
        if found:
            flips = wanted[f"{line['task']} {found[0]}", found[1]]
            old = before[line["task"], line["index"]]
            flips.items.append((old, line))
            flips.kinds[_kind(line if flips.lost else old)] += 1
    return list(wanted.values())


def read_pairs(folder: Path, task: str | None = None) -> dict[tuple[str, str], list[tuple[Line, Line]]]:
    """(task, second model) -> every item's line by the first model and by the second.

    Raises:
        SmolError: not a report's folder, or one of a single model.
    """
    first = _report(folder)["models"][0]
    before: dict[tuple[str, int], Line] = {}
    pairs: dict[tuple[str, str], list[tuple[Line, Line]]] = {}
    for line in _lines(folder):
        place = (line["task"], line["index"])
        if line["model"] == first:
            before[place] = line
        elif task in (None, line["task"]):
            pairs.setdefault((line["task"], line["model"]), []).append((before[place], line))
    if not pairs:
        raise SmolError(
            "báo cáo chỉ có một mô hình, không có gì để so", "the report has one model, nothing to compare", where=str(folder)
        )
    return pairs


def _kind(wrong: Line) -> str:
    """How an answer is wrong, in a form that many share."""
    if wrong.get("choices"):
        chosen, gold = (wrong["choices"].index(wrong[key]) + 1 for key in ("answer", "gold"))
        return f"{gold} → {chosen}"
    failed = sorted(name for name, value in wrong["scores"].items() if value == 0)
    return ", ".join(failed) or "?"


def _report(folder: Path) -> dict[str, Any]:
    path = folder / "results.json"
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if report["schema"] == 1 and report["tasks"]:
            return report
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise SmolError(
        "không có báo cáo của smol eval ở đây",
        "there is no report of smol eval here",
        where=str(path),
        fix="smol eval A B --tasks TASK --out FOLDER",
    )


def _lines(folder: Path) -> Iterator[Line]:
    with (folder / "items.jsonl").open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)

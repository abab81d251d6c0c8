"""What a run made and what it dropped, read from its folder: counts, samples, lengths, scores, diversity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.synthesis import diversity
from smolcourse.synthesis.ledger import read_places
from smolcourse.synthesis.results import DATA, read_state
from smolcourse.synthesis.texts import part_of

_SAMPLES = 3  # of rows with the same reason
_SIZE = 1000  # rows that diversity is measured on: sets of different sizes are not to be compared
_VALUES = 20_000  # of lengths and scores that are kept


@dataclass
class StepPage:
    """One step. `samples`: by the reason they were dropped for, "" for rows that went on, the texts of a few rows each."""

    name: str
    kept: int
    dropped: Counter[str]
    samples: dict[str, list[str]] = field(default_factory=dict)
    scores: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Summary:
    """A run. `lengths`: words of each row of the last step; `diversity`: by its measure's name, on at most `_SIZE` rows."""

    name: str
    steps: list[StepPage]
    rows: int
    lengths: list[int]
    diversity: dict[str, float]


def summarise(folder: Path, *, seed: int = 0) -> Summary:
    """Reads a run's folder; rows are streamed.

    Raises:
        SmolError: the folder holds no run.
    """
    steps = read_state(folder).get("steps")
    if not steps:
        raise SmolError(
            "đây không phải thư mục của smol synth", "this is no folder of smol synth", where=str(folder), fix="smol synth RECIPE"
        )
    current = {line.get("id") for _, line in read_places(data)} if (data := folder / DATA).is_file() else set()
    pages = []
    last: list[dict[str, Any]] = []
    lengths: list[int] = []
    for place, step in enumerate(steps):
        page = StepPage(step["name"], step["kept"], Counter(step["dropped"]))
        seen: Counter[str] = Counter()
        draw = Random(seed)
        for line in _lines(folder / step["file"]):
            reason = line.get("dropped") or ""
            seen[reason] += 1
            _note(page, line, reason, seen[reason], draw)
            if place == len(steps) - 1 and line["key"] in current:
                if len(lengths) < _VALUES:
                    lengths.append(len(_text(line["data"]).split()))
                _reservoir(last, line["data"], _SIZE, seen[reason], draw)
        pages.append(page)
    return Summary(folder.name, pages, pages[-1].kept, lengths, _diversity(last))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a step's file. Those of an earlier run, with other rows in the steps before, may stand there too."""
    if file.is_file():
        yield from (line for _, line in read_places(file) if line.get("key"))


def _note(page: StepPage, line: dict[str, Any], reason: str, seen: int, draw: Random) -> None:
    _reservoir(page.samples.setdefault(reason, []), _text(line["data"]), _SAMPLES, seen, draw)
    for name, value in line.get("scores", {}).items():
        values = page.scores.setdefault(name, [])
        if len(values) < _VALUES:
            values.append(float(value))


def _reservoir(held: list[Any], value: Any, size: int, seen: int, draw: Random) -> None:
    """Each of the values seen so far is held with the same probability (Vitter 1985, algorithm R)."""
    if len(held) < size:
        held.append(value)
    elif (place := draw.randrange(seen)) < size:
        held[place] = value


def _text(data: dict[str, Any]) -> str:
    try:
        return part_of(data)
    except KeyError:
        return "\n".join(f"{key}: {value}" for key, value in data.items())


def _diversity(rows: list[dict[str, Any]]) -> dict[str, float]:
    texts = [_text(row) for row in rows]
    if len(texts) < 2:
        return {}
    found = {f"distinct-{n}": diversity.distinct(texts, n) for n in (1, 2, 3)} | {"self-BLEU": diversity.self_bleu(texts)}
    if topics := [str(row["topic"]) for row in rows if row.get("topic")]:
        found["topics"], found["topics, even"] = diversity.coverage(topics)
    return found

"""The parts of a data set (`train`, `test`, ...): which part a file belongs to, and which one is meant."""

from __future__ import annotations

import re
from pathlib import Path

from smolcourse.errors import SmolError

_NAMES = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_NAMES |= dict.fromkeys(("validation", "valid", "val", "dev", "eval"), "validation")


def part_of(file: Path) -> str:
    """The part that a path (relative to its data set) names: `train-00000-of-00002.parquet`, `test/a.csv`, `orders.test.jsonl`.

    A file that names none is a part of its own.
    """
    words = re.split(r"[^a-z]+", str(file.with_name(file.name.partition(".gz")[0]).with_suffix("")).lower())
    return next((_NAMES[word] for word in reversed(words) if word in _NAMES), file.name.partition(".")[0])


def choose_part(names: list[str], wanted: str | None, source: str) -> str:
    """The part asked for; without a wish `train`, or the only one.

    A single part with a name of its own (`orders`, `data`) is the whole data set, whatever part was asked for; a single part
    called `test` is not: training on it because nothing else is there would be the worst of silent failures.
    """
    for name in names:
        if wanted is not None and _NAMES.get(wanted, wanted) == _NAMES.get(name, name):
            return name
    if wanted is None and "train" in names:
        return "train"
    if len(names) == 1 and (wanted is None or names[0] not in _NAMES):
        return names[0]
    listed = ", ".join(names)
    raise SmolError(
        f"có nhiều phần ({listed}); hãy chọn một" if wanted is None else f"không có phần {wanted!r}; có: {listed}",
        f"there are several parts ({listed}); choose one"
        if wanted is None
        else f"there is no split {wanted!r}; there are: {listed}",
        where=source,
        fix=f"--split {names[0]}",
    )

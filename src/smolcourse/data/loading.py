"""Data sets by name: the built-in ones, or a file, folder or reference. Rows come out native, ready for a trainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from smolcourse.assets.references import exists
from smolcourse.data import easy_vqa, pictures
from smolcourse.data.easy_vqa import CAPTIONS, EASY_VQA
from smolcourse.data.formats import native_format, to_native
from smolcourse.data.hub import HUB
from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError, located
from smolcourse.data.reading import read_rows
from smolcourse.errors import SmolError

CONFIG_KEYS = {
    "milk-tea": ("size", "seed", "language"),
    "milk-tea-style": ("size", "seed", "language", "orders"),
    EASY_VQA: ("size", "shown", "seed", "turns"),
    CAPTIONS: ("size", "shown", "seed"),
    **dict.fromkeys(pictures.TASKS, ("size", "seed", "language", "turns")),
}
"""What each data set that comes with the course can be told."""
BUILT_IN = tuple(CONFIG_KEYS)


def load_rows(name: str, config: Mapping[str, Any] | None = None, split: str | None = None) -> Iterator[Row]:
    """Streams the native rows of a data set.

    Args:
        name: one of `BUILT_IN`; a file or folder; a reference that `assets.resolve` knows;
            `hf:org/name[:config][@revision]`.
        config: `size` (at most so many rows); for built-in data also what `CONFIG_KEYS` says.
        split: the part of any source that has several; `train` where left out.

    Raises:
        SmolError: with `file:row key`, at the first row that is broken or of another shape than the first.
    """
    config = {key: value for key, value in (config or {}).items() if value is not None}
    _check_config(config, CONFIG_KEYS.get(name, ("size",)))
    if name in (EASY_VQA, CAPTIONS):
        return easy_vqa.rows(name, split=split or "train", **config)
    if name in pictures.TASKS:
        part = split or "train"
        return pictures.generate(name, config.pop("size", _size(part)), split=part, **config)
    if name in BUILT_IN:
        return iter(_generate(name, config, split or "train"))
    return islice(_native_rows(name, split), config.get("size"))


def locate(name: str) -> str | Path:
    """What `read_rows` takes for a name: a path that exists, a hub data set, or what the assets room resolves."""
    if name.startswith(HUB) or exists(Path(name)):
        return name
    from smolcourse.assets import resolve

    return resolve(name)


def _size(split: str) -> int:
    """Rows of made data where nobody says how many."""
    return 2000 if split == "train" else 200


def _generate(name: str, config: dict[str, Any], split: str) -> list[Row]:
    from smolcourse.data.milk_tea import SPLITS, generate
    from smolcourse.data.milk_tea.style import generate_pairs

    known = next((part for part in SPLITS if part == split), None)
    if known is None:
        raise SmolError(
            f"{name} không có phần {split!r}; có: {', '.join(SPLITS)}",
            f"{name} has no split {split!r}; there are: {', '.join(SPLITS)}",
            fix="--split train",
        )
    make = generate if name == "milk-tea" else generate_pairs
    return make(**{"size": _size(split), **config}, split=known)


def _native_rows(name: str, split: str | None) -> Iterator[Row]:
    source = locate(name)
    expected = None
    for number, row in read_rows(source, split=split):
        try:
            native = to_native(row)
            shape = native_format(native)
            expected = expected or shape
            if shape != expected:
                raise RowError(
                    "mixed_formats",
                    f"hàng này thuộc dạng {shape}, các hàng trước thuộc dạng {expected}",
                    f"this row is {shape}, the rows before are {expected}",
                    fix=f"smol data check {source} --fix NEW.jsonl",
                )
        except RowError as error:
            raise located(error, source, number) from None
        yield native


def _check_config(config: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for key, value in config.items():
        if key not in allowed:
            raise SmolError(
                f"không có khoá {key!r} cho bộ dữ liệu này",
                f"this data set takes no key {key!r}",
                where=f"dataset_config.{key}",
                fix=", ".join(allowed),
            )
        if key == "language":
            if value not in ("vi", "en"):
                raise SmolError(
                    "language là vi hoặc en", "language is vi or en", where="dataset_config.language", fix="language: vi"
                )
        elif key == "orders":
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
                raise SmolError(
                    f"orders là tỉ lệ hàng có đáp án là JSON, từ 0 đến 1, không phải {value!r}",
                    f"orders is the share of rows that want JSON, from 0 to 1, not {value!r}",
                    where="dataset_config.orders",
                    fix="orders: 0.5",
                )
        elif not isinstance(value, int) or isinstance(value, bool) or value < (0 if key == "seed" else 1):
            raise SmolError(
                f"{key} phải là số nguyên dương, không phải {value!r}",
                f"{key} must be a positive integer, not {value!r}",
                where=f"dataset_config.{key}",
            )

"""Data sets of the `datasets` library: a folder written by `save_to_disk`, or one on the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from smolcourse.assets import resolve
from smolcourse.data.json_files import Row, Scanned
from smolcourse.data.parts import choose_part
from smolcourse.errors import SmolError

HUB = "hf:"
_REFERENCE = re.compile(r"hf:(?:datasets/)?(?P<name>[\w.-]+/[\w.-]+)(?::(?P<config>[\w.-]+))?(?P<revision>@[\w./-]+)?")


def is_saved(folder: Path) -> bool:
    """Whether a folder was written by `datasets` (`save_to_disk`)."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "dataset_info.json"))


def scan_saved(folder: Path, split: str | None = None) -> Scanned:
    """Yields (row number, row) from a saved `Dataset`, or from one split of a saved `DatasetDict`; memory-mapped."""
    from datasets import Dataset, DatasetDict, load_from_disk

    try:
        loaded: Dataset | DatasetDict = load_from_disk(str(folder))
    except Exception as error:  # datasets raises whatever its parsers raise
        raise _failed(error, str(folder)) from None
    if isinstance(loaded, DatasetDict):
        loaded = loaded[choose_part([str(name) for name in loaded], split, str(folder))]
    yield from _numbered(_undecoded(loaded), str(folder))


def scan_hub(reference: str, split: str | None = None) -> Scanned:
    """Yields (row number, row) from `hf:org/name[:config][@revision]`: fetched once into the cache, then read from there."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise SmolError(
            f"không hiểu tham chiếu {reference!r}",
            f"cannot read the reference {reference!r}",
            fix="hf:org/name, hf:org/name:config@revision",
        )
    folder = resolve(f"hf:datasets/{match['name']}{match['revision'] or ''}")
    from datasets import load_dataset

    try:
        # The library, not our own folder reader: it knows the configurations that the data set's card declares.
        loaded = load_dataset(str(folder), match["config"], split=split or "train", streaming=True)
    except Exception as error:  # no such configuration, no such split: datasets has an exception for each
        raise _failed(error, reference) from None
    yield from _numbered(_undecoded(cast(Any, loaded)), reference)


def _undecoded(loaded: Any) -> Iterable[Any]:
    """The same rows with pictures as they lie in the files: one that is broken is then that row's error, not the end of all."""
    from datasets import Features

    if not loaded.features:
        return cast(Iterable[Any], loaded)
    return cast(Iterable[Any], loaded.cast(Features({name: _plain(kind) for name, kind in loaded.features.items()})))


def _plain(kind: Any) -> Any:
    from datasets import Image, LargeList, List

    if isinstance(kind, Image):
        return replace(kind, decode=False)
    if isinstance(kind, (List, LargeList)):
        return replace(kind, feature=_plain(kind.feature))
    return {name: _plain(value) for name, value in kind.items()} if isinstance(kind, dict) else kind


def _numbered(rows: Iterable[Any], source: str) -> Iterator[tuple[int, Row]]:
    number = 0
    iterator = iter(rows)
    while True:
        number += 1
        try:
            row = next(iterator)
        except StopIteration:
            return
        except Exception as error:
            raise _failed(error, f"{source}:{number}") from None
        yield number, dict(row)


def _failed(error: Exception, source: str) -> SmolError:
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return SmolError(
        f"datasets không đọc được ({type(error).__name__}): {text}",
        f"datasets cannot read it ({type(error).__name__}): {text}",
        where=source,
    )

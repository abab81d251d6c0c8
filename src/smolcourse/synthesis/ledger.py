"""Append-only files of JSON lines, read by place: what has been written stays, and each line is there whole or not at all."""

from __future__ import annotations

import json
import os
import sys
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from smolcourse.synthesis.rows import Row
from smolcourse.training.durable import json_line, mend_tail, mendable


class Ledger:
    """Lines are added through one open file. A torn last line, as a crash leaves it, is cut off when the file is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with mendable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            mend_tail(path)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = os.fstat(self._file).st_size
        self._unsynced = False

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(place, line) of all whole lines; damaged ones are passed over."""
        yield from read_places(self.path)

    def append(self, lines: Sequence[Mapping[str, Any]], *, sync: bool = True) -> list[int]:
        """Adds lines with one `write`, and waits until they are on the disk unless told not to. Returns their places.

        Raises:
            SmolError: the disk is full or read-only; the lines before stay whole.
        """
        data = [(json_line(line) + "\n").encode("utf-8", "replace") for line in lines]
        places = []
        with mendable(self.path):
            end = self._size
            for line in data:
                places.append(end)
                end += len(line)
            try:
                block = memoryview(b"".join(data))
                while block:
                    block = block[os.write(self._file, block) :]
                if sync:
                    os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, self._size)
                raise
            self._size = end
            self._unsynced = not sync
        return places

    def close(self) -> None:
        """Puts on the disk what is not there yet."""
        with mendable(self.path):
            if self._unsynced:
                os.fsync(self._file)
            os.close(self._file)


def read_places(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(place, line) of the whole lines of a file."""
    place = 0
    with path.open("rb") as file:
        for line in file:
            values = _parsed(line)
            if values is not None and line.endswith(b"\n"):
                yield place, values
            place += len(line)


def read_at(path: Path, places: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The lines at these places, in this order."""
    with path.open("rb") as file:
        at = -1
        for place in places:
            if place != at:
                file.seek(place)
            line = file.readline()
            at = place + len(line)
            values = _parsed(line)
            if values is not None:
                yield values


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


class StepFile:
    """What one step made, by unit of work: a unit is one call of the step's function.

    A line is a `Row` with its `unit` and, in the last line of a unit, `last`. A unit that made nothing leaves one line without a
    row. The file is begun anew for each version of the step (its name holds the fingerprint); lines of units that are no longer
    wanted, because a step before made other rows, are passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ledger = Ledger(path)
        self._places: dict[str, array[int]] = {}
        self._complete: set[str] = set()
        self._dropped: dict[int, str] = {}
        for place, line in self._ledger.lines():
            if isinstance(unit := line.get("unit"), str):
                self._note(unit, place, line)

    def _note(self, unit: str, place: int, line: Mapping[str, Any]) -> None:
        if line.get("key"):
            self._places.setdefault(unit, array("q")).append(place)
            if (reason := line.get("dropped")) is not None:
                self._dropped[place] = sys.intern(str(reason))
        if line.get("last"):
            self._complete.add(unit)

    def is_complete(self, unit: str) -> bool:
        """Whether all that the unit made is here."""
        return unit in self._complete

    def count(self, unit: str) -> int:
        """Rows of a unit that are here; dropped ones too."""
        return len(self._places.get(unit, ()))

    def add(self, unit: str, rows: Sequence[Row], *, last: bool, sync: bool = False) -> None:
        """Adds rows of a unit; `last` where nothing follows."""
        lines: list[dict[str, Any]] = [{"unit": unit, **_line(row)} for row in rows]
        if last:
            lines = lines or [{"unit": unit}]
            lines[-1]["last"] = True
        for place, line in zip(self._ledger.append(lines, sync=sync), lines, strict=True):
            self._note(unit, place, line)

    def rows(self, units: Sequence[str]) -> StoredRows:
        """The rows that go on, in the order of these units, whatever the order in which they were made."""
        places = array("q")
        for unit in units:
            places.extend(place for place in self._places.get(unit, ()) if place not in self._dropped)
        return StoredRows([(self.path, places)])

    def tally(self, units: Sequence[str]) -> tuple[int, Counter[str]]:
        """How many rows go on, and how many do not, by reason."""
        places = [place for unit in units for place in self._places.get(unit, ())]
        dropped = Counter(self._dropped[place] for place in places if place in self._dropped)
        return len(places) - dropped.total(), dropped

    def close(self) -> None:
        """Puts on the disk what is not there yet."""
        self._ledger.close()


def _line(row: Row) -> dict[str, Any]:
    line: dict[str, Any] = {"key": row.key, "data": row.data}
    if row.scores:
        line["scores"] = row.scores
    if row.parents:
        line["parents"] = row.parents
    if row.answers:
        line["answers"] = row.answers
    if row.dropped is not None:
        line["dropped"] = row.dropped
    return line


def _row(line: Mapping[str, Any]) -> Row:
    made_of = {name: tuple(line.get(name, ())) for name in ("parents", "answers")}
    return Row(line["key"], line["data"], line.get("scores", {}), **made_of, dropped=line.get("dropped"))


class StoredRows(Sequence[Row]):
    """Rows that lie in files: read anew each time someone goes through them, so that a million of them fit into any memory."""

    def __init__(self, parts: Sequence[tuple[Path, Sequence[int]]]) -> None:
        self.parts = [(path, places) for path, places in parts if len(places)]

    def __add__(self, other: StoredRows) -> StoredRows:
        return StoredRows([*self.parts, *other.parts])

    def __len__(self) -> int:
        return sum(len(places) for _, places in self.parts)

    def __iter__(self) -> Iterator[Row]:
        for path, places in self.parts:
            yield from map(_row, read_at(path, places))

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> StoredRows: ...
    def __getitem__(self, index: int | slice) -> Row | StoredRows:
        wanted = range(len(self))[index]
        if isinstance(wanted, range):
            return StoredRows([self._place(one) for one in wanted])
        path, places = self._place(wanted)
        return _row(next(read_at(path, places)))

    def _place(self, index: int) -> tuple[Path, Sequence[int]]:
        for path, places in self.parts:
            if index < len(places):
                return path, [places[index]]
            index -= len(places)
        raise IndexError(index)

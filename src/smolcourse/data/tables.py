"""CSV, TSV and Parquet, row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from smolcourse.data.encodings import MAX_ROW_BYTES, decode, open_text
from smolcourse.data.json_files import Row, Scanned
from smolcourse.data.problems import RowError
from smolcourse.errors import SmolError

_BATCH = 256  # rows of Parquet turned into Python objects at a time


def scan_csv(path: Path) -> Scanned:
    """Yields (row number, row). The header is row 1, so the numbers are those of a spreadsheet.

    The delimiter (comma, semicolon as Excel writes it in Vietnam, or tab) is the commonest of the three in the header.
    A cell that holds a JSON list of objects (`messages` saved by pandas or a spreadsheet) is opened.
    """
    csv.field_size_limit(MAX_ROW_BYTES)
    with open_text(path) as stream:
        lines = _lines(stream)
        try:
            first = next(lines, "")
        except RowError as error:
            yield 1, error
            return
        delimiter = max(",;\t", key=first.count)
        rows = csv.reader(_chain(first, lines), delimiter=delimiter, strict=True)
        number = 0
        header: list[str] = []
        while True:
            number += 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:  # a stray quote: where the next row begins is unknown
                yield number, RowError("broken_csv", f"CSV hỏng: {error}", f"broken CSV: {error}")
                return
            except RowError as error:
                yield number, error
                return
            if number == 1:
                header = _checked_header(cells, path)
            elif cells:
                yield number, _row(header, cells)


def scan_parquet(path: Path) -> Scanned:
    """Yields (row number, row), reading a few hundred rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except (pa.ArrowException, OSError) as error:
        text = str(error).splitlines()[0]
        raise SmolError(f"tệp Parquet hỏng: {text}", f"broken Parquet file: {text}", where=str(path)) from None


def _lines(stream: BinaryIO) -> Iterator[str]:
    while line := stream.readline(MAX_ROW_BYTES + 1):
        if len(line) > MAX_ROW_BYTES:
            limit = MAX_ROW_BYTES // 2**20
            raise RowError("long_row", f"dòng dài hơn giới hạn {limit} MB", f"the row is over the limit of {limit} MB")
        yield decode(line)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _checked_header(cells: list[str], path: Path) -> list[str]:
    header = [cell.strip() for cell in cells]
    if not all(header) or len(set(header)) != len(header):
        raise SmolError(
            f"dòng tiêu đề phải gồm các tên cột khác nhau và không rỗng, đây là {header}",
            f"the header must hold distinct, non-empty column names, this is {header}",
            where=f"{path}:1",
        )
    return header


def _row(header: list[str], cells: list[str]) -> Row | RowError:
    if len(cells) != len(header):
        return RowError(
            "ragged_row",
            f"có {len(cells)} ô, tiêu đề có {len(header)} cột (dấu phẩy trong ô phải nằm trong dấu nháy kép)",
            f"{len(cells)} cells, but the header has {len(header)} columns (a comma inside a cell needs double quotes)",
        )
    return {name: _opened(cell) for name, cell in zip(header, cells, strict=True)}


def _opened(cell: str) -> object:
    if not cell.startswith("[{"):
        return cell
    try:
        value = json.loads(cell)
    except ValueError:
        return cell
    return value if isinstance(value, list) else cell

"""One way to read rows, whatever they lie in: JSON lines, JSON, CSV, TSV, Parquet, a `datasets` folder, a hub data set."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from smolcourse.data.encodings import PARQUET, UTF8_BOM, first_bytes, open_text
from smolcourse.data.hub import HUB, is_saved, scan_hub, scan_saved
from smolcourse.data.image_rows import anchored
from smolcourse.data.json_files import Row, Scanned, scan_json, scan_jsonl
from smolcourse.data.parts import choose_part, part_of
from smolcourse.data.problems import RowError, located
from smolcourse.data.tables import scan_csv, scan_parquet
from smolcourse.errors import SmolError

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")


def read_rows(source: str | Path, *, split: str | None = None) -> Iterator[tuple[int, Row]]:
    """Streams (row number, row); stops at the first row that cannot be read.

    Args:
        source: a file, a folder (saved by `datasets`, or with data files named by split), or `hf:org/name[:config][@revision]`.
        split: which part of a source that has several.

    Raises:
        SmolError: with `file:row`. Row numbers count from 1; in JSON lines they are line numbers, in CSV those of a spreadsheet.
    """
    for number, row in scan_rows(source, split=split):
        if isinstance(row, RowError):
            raise located(row, source, number)
        yield number, row


def scan_rows(source: str | Path, *, split: str | None = None) -> Scanned:
    """Like `read_rows`, but yields the `RowError` of a bad row in its place and goes on where that is possible.

    What concerns the whole source (not found, empty, binary, not UTF-8 at all) is still raised as a `SmolError`.
    """
    empty = True
    try:
        for item in _scan(source, split):
            empty = False
            yield item
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(error, source) from None
    if empty:
        raise SmolError("không có dòng dữ liệu nào", "there are no rows", where=str(source))


def _scan(source: str | Path, split: str | None) -> Scanned:
    if str(source).startswith(HUB):
        return scan_hub(str(source), split)
    path = Path(source)
    if not path.is_dir():
        return _scan_file(path, split)
    return scan_saved(path, split) if is_saved(path) else _scan_folder(path, split)


def _scan_file(path: Path, split: str | None) -> Scanned:
    """The rows of one file; pictures that it names stand beside it."""
    for number, row in _scan_format(path, split):
        yield number, row if isinstance(row, RowError) else anchored(row, path.parent)


def _scan_format(path: Path, split: str | None) -> Scanned:
    head = first_bytes(path)
    suffix = _suffix(path)
    if head.startswith(PARQUET) or suffix == ".parquet":
        return scan_parquet(path)
    if suffix in (".csv", ".tsv"):
        return scan_csv(path)
    if suffix in (".jsonl", ".ndjson"):
        return scan_jsonl(path)
    return scan_json(path, split) if suffix == ".json" else _scan_unknown(path, split)


def _scan_unknown(path: Path, split: str | None) -> Scanned:
    """No suffix we know: the first character tells JSON, a delimiter in the first line tells a table."""
    with open_text(path) as stream:
        line = stream.readline(2**16).strip().removeprefix(UTF8_BOM)
    if line.startswith((b"{", b"[")) or not line:
        return scan_json(path, split)
    if any(mark in line for mark in b",;\t"):
        return scan_csv(path)
    raise SmolError(
        "không nhận ra định dạng tệp",
        "the file format is not recognised",
        where=str(path),
        fix=", ".join(_SUFFIXES),
    )


def _scan_folder(folder: Path, split: str | None) -> Scanned:
    """Data files below a folder, as hub data sets lay them out: `train.jsonl`, `data/train-00000-of-00002.parquet`."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and _suffix(file) in _SUFFIXES)
    if not files:
        raise SmolError(
            "thư mục không có tệp dữ liệu nào",
            "the folder holds no data file",
            where=str(folder),
            fix=", ".join(_SUFFIXES),
        )
    parts: dict[str, list[Path]] = {}
    for file in files:
        parts.setdefault(part_of(file.relative_to(folder)), []).append(file)
    number = 0
    for file in parts[choose_part(list(parts), split, str(folder))]:
        for place, row in _scan_file(file, split):
            number += 1
            yield number, located(row, file, place) if isinstance(row, RowError) else row


def _suffix(path: Path) -> str:
    """The suffix that tells the format: `.jsonl` for `orders.JSONL` and `orders.jsonl.gz`."""
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def _unreadable(error: Exception, source: str | Path) -> SmolError:
    if isinstance(error, FileNotFoundError):
        return SmolError("không tìm thấy tệp", "no such file", where=str(source))
    if isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile)):
        return SmolError(f"tệp gzip hỏng: {error}", f"broken gzip file: {error}", where=str(source))
    return SmolError(f"không đọc được: {error}", f"cannot be read: {error}", where=str(source))

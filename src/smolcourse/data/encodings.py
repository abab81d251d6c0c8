"""Bytes to text: what kind of file is it really, and is it UTF-8? Wrong answers are named, never guessed around."""

from __future__ import annotations

import gzip
import io
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, cast

from smolcourse.data.problems import RowError
from smolcourse.errors import SmolError

MAX_ROW_BYTES = 16 * 2**20
"""A longer row is refused: it is a broken file far more often than a real example, and it would fill the memory."""

UTF8_BOM = b"\xef\xbb\xbf"
PARQUET, GZIP = b"PAR1", b"\x1f\x8b"

_KINDS = (
    (b"PK\x03\x04", "ZIP / Excel (.xlsx)"),
    (b"SQLite format 3", "SQLite"),
    (b"%PDF", "PDF"),
    (b"GGUF", "GGUF"),
    (b"ARROW1", "Arrow"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"\xd0\xcf\x11\xe0", "Excel / Word (.xls, .doc)"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x80\x02", "pickle"),
    (b"\x80\x03", "pickle"),
    (b"\x80\x04", "pickle"),
    (b"\x80\x05", "pickle"),
)
_WIDE = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_TONE_MARKS = frozenset("\u0300\u0301\u0303\u0309\u0323")


def first_bytes(path: Path, size: int = 4096) -> bytes:
    """The beginning of a file as it lies on disk."""
    with path.open("rb") as file:
        return file.read(size)


def open_text(path: Path) -> BinaryIO:
    """Opens a text file (gzip or plain) as bytes, past a UTF-8 byte order mark; refuses what is not UTF-8 text.

    Bytes rather than `str`, so that one badly encoded row can be reported by its number and the others still be read.
    """
    packed = first_bytes(path, 2) == GZIP
    # The caller closes it; a gzip file has `peek` too, which is all that is asked of it here.
    stream = cast(io.BufferedReader, gzip.open(path) if packed else path.open("rb"))  # noqa: SIM115
    try:
        head = stream.peek(4096)[:4096]
        _refuse_what_is_not_text(head, path)
        if head.startswith(UTF8_BOM):
            stream.read(len(UTF8_BOM))
    except BaseException:
        stream.close()
        raise
    return stream


def decode(line: bytes) -> str:
    """One row of UTF-8 bytes as text; raises a `RowError` that names the byte and the likely real encoding."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        name = _likely_encoding(line)
        raise RowError(
            "not_utf8",
            f"không phải UTF-8 (byte {error.start + 1} của dòng là 0x{line[error.start]:02x}); có lẽ là {name}",
            f"not UTF-8 (byte {error.start + 1} of the line is 0x{line[error.start]:02x}); probably {name}",
            fix=f"iconv -f {name} -t UTF-8 OLD > NEW",
        ) from None


def _refuse_what_is_not_text(head: bytes, path: Path) -> None:
    for mark, name in _WIDE:
        if head.startswith(mark):
            raise _wide(path, name)
    for mark, name in _KINDS:
        if head.startswith(mark):
            raise SmolError(
                f"đây là tệp {name}, không phải tệp văn bản",
                f"this is a {name} file, not a text file",
                where=str(path),
                fix="JSONL, JSON, CSV, TSV, Parquet",
            )
    if b"\x00" not in head and sum(byte < 9 or 13 < byte < 27 for byte in head) * 20 <= len(head):
        return
    zeros = (head[0::2].count(0), head[1::2].count(0))
    if max(zeros) * 3 > len(head) and min(zeros) * 10 < len(head):
        raise _wide(path, "UTF-16LE" if zeros[1] > zeros[0] else "UTF-16BE")
    raise SmolError(
        "đây là tệp nhị phân, không phải tệp văn bản",
        "this is a binary file, not a text file",
        where=str(path),
        fix="JSONL, JSON, CSV, TSV, Parquet",
    )


def _wide(path: Path, name: str) -> SmolError:
    return SmolError(
        f"tệp được mã hoá bằng {name}; smolcourse đọc UTF-8",
        f"the file is encoded as {name}; smolcourse reads UTF-8",
        where=str(path),
        fix=f"iconv -f {name} -t UTF-8 {path.name} > NEW",
    )


def _likely_encoding(line: bytes) -> str:
    """Old Vietnamese files (Windows-1258) write tones as separate marks right after a vowel; latin-1 has no such marks."""
    text = line.decode("cp1258", errors="replace")
    vowels = "aeiouyăâêôơư"
    tones = sum(mark in _TONE_MARKS and letter.lower() in vowels for letter, mark in pairwise(text))
    letters = sum(letter.lower() in "đơưă" for letter in unicodedata.normalize("NFC", text))
    return "WINDOWS-1258" if tones + letters else "LATIN1"

"""A new file from a faulty one: what can be mended is mended, what cannot is left out, and every change is counted."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from smolcourse.data.cleaning import as_messages, clean, mend
from smolcourse.data.fingerprints import fingerprint, repeated, row_text
from smolcourse.data.formats import Format, native_format, to_native
from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError
from smolcourse.data.reading import scan_rows
from smolcourse.data.writing import new_jsonl
from smolcourse.errors import SmolError

CHANGES = {
    "renamed_role": ("đổi tên role", "roles renamed"),
    "cut_turns": ("bỏ các lượt sau câu trả lời cuối", "turns after the last answer removed"),
    "reread": ("sửa chữ bị đọc sai bảng mã", "wrongly decoded texts repaired"),
    "nfc": ("ghép dấu về NFC", "texts composed to NFC"),
    "trimmed": ("cắt khoảng trắng thừa", "surrounding white space removed"),
    "converted": ("chuyển định dạng", "rows converted"),
}


@dataclass
class Fixed:
    """What became of a file. `changes` counts texts or rows by what was done; `dropped` counts rows by why."""

    target: str
    rows_read: int = 0
    rows_written: int = 0
    format: str = ""
    changes: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def fix(source: str | Path, target: str | Path, *, split: str | None = None, force: bool = False) -> Fixed:
    """Writes a clean JSON lines file of one native format. The source is read twice and never touched.

    Texts become NFC, are trimmed, and are decoded again where a wrong encoding can be undone; roles under other names get
    the right one; turns after the last answer go; duplicates and rows that cannot be used are left out.

    Raises:
        SmolError: the target exists (unless `force`), is the source, or nothing would be left.
    """
    target = Path(target)
    with new_jsonl([target], source=source, force=force) as (write,):
        shapes, copies = _survey(source, split)
        shape = _common_shape(shapes)
        result = Fixed(str(target), format=shape)
        changes: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        usable = -1
        for row, made in _mended(source, split):
            result.rows_read += 1
            if isinstance(row, RowError):
                dropped[row.kind] += 1
                continue
            usable += 1
            if usable in copies:
                dropped["duplicate"] += 1
                continue
            native = as_messages(row) if shape is Format.MESSAGES else row
            if native_format(native) is not shape:
                dropped["mixed_formats"] += 1
                continue
            changes.update(made)
            changes["converted"] += native is not row
            write(native)
            result.rows_written += 1
        result.changes, result.dropped = dict(+changes), dict(dropped)
        if not result.rows_written:
            raise SmolError("không còn hàng nào dùng được", "no usable row would be left", where=str(source))
    return result


class _Bits:
    """A set of positions at one bit each."""

    def __init__(self, size: int, positions: list[int]) -> None:
        self.bits = bytearray(size // 8 + 1)
        for position in positions:
            self.bits[position >> 3] |= 1 << (position & 7)

    def __contains__(self, position: int) -> bool:
        return bool(self.bits[position >> 3] & 1 << (position & 7))


def _survey(source: str | Path, split: str | None) -> tuple[Counter[Format], _Bits]:
    """First reading: how many rows have which shape, and which usable rows repeat an earlier one."""
    shapes: Counter[Format] = Counter()
    fingerprints = array("Q")
    for row, _ in _mended(source, split):
        if isinstance(row, RowError):
            continue
        shapes[native_format(row)] += 1
        fingerprints.append(fingerprint(row_text(row)))
    copies = repeated(fingerprints)[0].tolist() if fingerprints else []
    return shapes, _Bits(len(fingerprints), copies)


def _common_shape(shapes: Counter[Format]) -> Format:
    """The shape of most rows; conversations where both kinds of conversation are mixed, since either can be written so."""
    if not shapes:
        return Format.MESSAGES
    shape = shapes.most_common(1)[0][0]
    mixed = shapes[Format.MESSAGES] and shapes[Format.PROMPT_COMPLETION]
    return Format.MESSAGES if mixed and shape is Format.PROMPT_COMPLETION else shape


def _mended(source: str | Path, split: str | None) -> Iterator[tuple[Row | RowError, Counter[str]]]:
    """Native, clean rows with the changes made to each; a `RowError` in the place of a row beyond repair."""
    for _, row in scan_rows(source, split=split):
        changes: Counter[str] = Counter()
        if isinstance(row, RowError):
            yield row, changes
            continue

        def note(kind: str, changes: Counter[str] = changes) -> None:
            changes[kind] += 1

        try:
            mended = mend(row, note)
            native = clean(to_native(mended), note)
        except RowError as error:
            yield error, changes
            continue
        if not native.keys() <= row.keys():
            changes["converted"] += 1
        yield native, changes

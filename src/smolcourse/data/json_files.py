"""JSON lines and JSON documents, row by row: neither a huge file nor a huge line is ever held in memory."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from smolcourse.data.encodings import MAX_ROW_BYTES, decode, open_text
from smolcourse.data.parts import choose_part
from smolcourse.data.problems import RowError

Row = dict[str, Any]
Scanned = Iterator[tuple[int, Row | RowError]]

ROW_KEYS = frozenset({"messages", "conversations", "conversation", "prompt", "completion", "chosen", "rejected", "text"})
"""Keys of a training row: an object that has one is a row itself, not a wrapper around a list of rows."""

_MAX_OBJECT = 256 * 2**20
_CHUNK = 2**20
_SPACE = re.compile(r"[ \t\r\n]*")
_VI = {
    "Expecting value": "thiếu giá trị",
    "Expecting ',' delimiter": "thiếu dấu ','",
    "Expecting ':' delimiter": "thiếu dấu ':'",
    "Expecting property name enclosed in double quotes": "tên khoá phải nằm trong dấu nháy kép",
    "Illegal trailing comma before end of object": "thừa dấu phẩy trước '}'",
    "Illegal trailing comma before end of array": "thừa dấu phẩy trước ']'",
    "Unterminated string starting at": "chuỗi không có dấu nháy đóng",
    "Invalid control character at": "ký tự điều khiển trong chuỗi (xuống dòng phải viết \\n)",
    "Invalid \\escape": "dấu \\ không hợp lệ",
    "Invalid \\uXXXX escape": "mã \\uXXXX không hợp lệ",
    "Extra data": "thừa dữ liệu sau đối tượng JSON",
}


def _refuse_constant(name: str) -> NoReturn:
    raise RowError("not_json", f"{name} không phải giá trị JSON", f"{name} is not a JSON value", fix="null")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def scan_jsonl(path: Path) -> Scanned:
    """Yields (line number, object or error) for every line that is not blank."""
    with open_text(path) as stream:
        number = 0
        while line := stream.readline(MAX_ROW_BYTES + 1):
            number += 1
            if len(line) > MAX_ROW_BYTES:
                yield number, _too_long(_skip_line(stream, len(line), line.endswith(b"\n")))
            elif line.strip():
                yield number, _parse_line(line)


def scan_json(path: Path, split: str | None = None) -> Scanned:
    """Yields (position, object or error) from a list of objects, an object with one list (or one per split), or one object.

    A list is streamed. JSON lines under a `.json` name are recognised and read as such.
    """
    with open_text(path) as stream:
        window = _Window(stream)
        several = False
        try:
            start = window.next_character()
            if not start:
                return
            if start == "[":
                yield from _scan_list(window)
                return
            document = window.value(_MAX_OBJECT)
            several = window.next_character() == "{"
        except RowError as error:
            # A broken first line of JSON lines must not hide the other lines.
            several = window.more_lines_start_an_object()
            if not several:
                yield 1, error
                return
        if not several:
            yield from _rows_of_document(document, window, path, split)
            return
    yield from scan_jsonl(path)


def _parse_line(line: bytes) -> Row | RowError:
    try:
        value = _DECODER.decode(decode(line))
    except RowError as error:
        return error
    except json.JSONDecodeError as error:
        return _broken(error.msg, None, error.pos + 1)
    except (ValueError, RecursionError):  # an integer of thousands of digits; brackets nested without end
        return _beyond_json()
    return value if isinstance(value, dict) else _not_an_object(value)


def _scan_list(window: _Window) -> Scanned:
    window.position += 1
    number = 0
    if window.next_character() == "]":
        return
    while True:
        number += 1
        try:
            value = window.value(MAX_ROW_BYTES)
            yield number, value if isinstance(value, dict) else _not_an_object(value)
            if window.next_character() == "]":
                return
            if window.next_character() != ",":
                raise _broken("Expecting ',' delimiter", *window.place(window.position))
            window.position += 1
        except RowError as error:  # past a syntax error the bounds of the next row are unknown
            yield number, error
            return


def _rows_of_document(document: Any, window: _Window, path: Path, split: str | None) -> Scanned:
    if window.next_character():
        yield 1, _broken("Extra data", *window.place(window.position))
        return
    if not isinstance(document, dict):
        yield 1, _not_an_object(document)
        return
    lists = {key: value for key, value in document.items() if isinstance(value, list) and all(isinstance(v, dict) for v in value)}
    if not lists or ROW_KEYS & document.keys():
        yield 1, document
        return
    yield from enumerate(lists[choose_part(list(lists), split, str(path))], start=1)


class _Window:
    """A part of a JSON document in memory; it grows until one value fits and forgets what lies before it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.text = ""
        self.position = 0
        self.ended = False
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._lines_before = 0
        self._columns_before = 0

    def next_character(self) -> str:
        """The next character that is not white space, or "" at the end; it is not consumed."""
        while True:
            match = _SPACE.match(self.text, self.position)
            self.position = match.end() if match else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if self.ended:
                return ""
            self._grow(_CHUNK)

    def value(self, limit: int) -> Any:
        """Reads the next JSON value, of at most `limit` characters."""
        self.next_character()
        step = _CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.position)
            except json.JSONDecodeError as error:
                cut_short = error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - 16
                if self.ended or not cut_short:
                    raise _broken(error.msg, *self.place(error.pos)) from None
            except RowError:
                raise
            except (ValueError, RecursionError):
                raise _beyond_json() from None
            else:
                # A number or a word that touches the edge may go on beyond it.
                if self.ended or end < len(self.text):
                    self.position = end
                    return value
            if len(self.text) - self.position > limit:
                raise _too_long(len(self.text) - self.position)
            self._grow(step)
            step *= 2

    def place(self, position: int) -> tuple[int, int]:
        """Line and column (1-based) of a position in the window."""
        line_start = self.text.rfind("\n", 0, position) + 1
        column = position - line_start + 1 + (0 if line_start else self._columns_before)
        return self._lines_before + self.text.count("\n", 0, position) + 1, column

    def more_lines_start_an_object(self) -> bool:
        """Whether the text in view looks like JSON lines: its second line begins with a brace in the first column."""
        return re.search(r"\n\{\s*\"", self.text) is not None and self.text.startswith("{")

    def _grow(self, size: int) -> None:
        line, column = self.place(self.position)
        self._lines_before, self._columns_before = line - 1, column - 1
        chunk = self.stream.read(size)
        self.ended = not chunk
        try:
            self.text = self.text[self.position :] + self._utf8.decode(chunk, final=self.ended)
        except UnicodeDecodeError:
            decode(chunk)  # names the byte and the likely encoding
            raise _broken("Expecting value", line, column) from None
        self.position = 0


def _skip_line(stream: BinaryIO, length: int, ended: bool) -> int:
    """Reads on to the end of the line without keeping it; returns its whole length in bytes."""
    while not ended and (piece := stream.readline(_CHUNK)):
        length += len(piece)
        ended = piece.endswith(b"\n")
    return length


def _broken(message: str, line: int | None, column: int) -> RowError:
    place_vi = f"dòng {line}, cột {column}" if line else f"cột {column}"
    place_en = f"line {line}, column {column}" if line else f"column {column}"
    vi = _VI.get(message, message)
    return RowError("broken_json", f"JSON hỏng ở {place_vi}: {vi}", f"broken JSON at {place_en}: {message}")


def _beyond_json() -> RowError:
    return RowError(
        "broken_json",
        "JSON lồng quá sâu hoặc có số quá dài",
        "JSON nested too deeply, or a number with too many digits",
    )


def _not_an_object(value: object) -> RowError:
    names = {
        list: ("danh sách", "list"),
        str: ("chuỗi", "string"),
        bool: ("giá trị đúng/sai", "boolean"),
        type(None): ("null", "null"),
    }
    vi, en = names.get(type(value), ("số", "number"))
    hint_vi, hint_en = ("", "")
    if isinstance(value, list):
        hint_vi, hint_en = " (danh sách các đối tượng thì lưu thành tệp .json)", " (a list of objects belongs in a .json file)"
    return RowError(
        "not_an_object",
        f"mỗi hàng phải là một đối tượng {{...}}, đây là {vi}{hint_vi}",
        f"each row must be an object {{...}}, this is a {en}{hint_en}",
    )


def _too_long(size: int) -> RowError:
    limit = MAX_ROW_BYTES // 2**20
    return RowError(
        "long_row",
        f"hàng này dài hơn {size / 2**20:.0f} MB, vượt giới hạn {limit} MB; có lẽ thiếu dấu xuống dòng",
        f"the row is over {size / 2**20:.0f} MB, beyond the limit of {limit} MB; are line breaks missing?",
    )

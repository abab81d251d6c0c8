"""Text files as passages: what an exam is made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smolcourse.data.text import to_nfc
from smolcourse.errors import SmolError

_SUFFIXES = (".txt", ".md", ".markdown", ".rst")
_WORDS = 120  # of a passage: a few facts, and short enough for a small model


@dataclass(frozen=True)
class Passage:
    """Some paragraphs of a document. `where` is the file and the line they begin at."""

    text: str
    where: str


def read_passages(source: Path) -> list[Passage]:
    """The passages of a file, or of all text files below a folder, in order.

    Raises:
        SmolError: nothing there, no text in it, or a file that is not UTF-8.
    """
    if not source.exists():
        raise SmolError("không có tệp hay thư mục này", "no such file or folder", where=str(source))
    files = [source] if source.is_file() else sorted(file for file in source.rglob("*") if file.suffix.lower() in _SUFFIXES)
    if not files:
        raise SmolError("không có tệp văn bản nào", "there are no text files", where=str(source), fix=" ".join(_SUFFIXES))
    passages = [passage for file in files for passage in _passages(file, source)]
    if not passages:
        raise SmolError("các tài liệu đều trống", "the documents are all empty", where=str(source))
    return passages


def _passages(file: Path, source: Path) -> Iterator[Passage]:
    name = file.name if file == source else str(file.relative_to(source))
    try:
        text = to_nfc(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SmolError("tệp không phải UTF-8", "the file is not UTF-8", where=str(file), fix="iconv -t utf-8") from error
    except OSError as error:
        raise SmolError(f"không đọc được ({error.strerror})", f"cannot be read ({error.strerror})", where=str(file)) from error
    held: list[str] = []
    start = 1
    for line, paragraph in _paragraphs(text):
        if held and sum(len(part.split()) for part in held) + len(paragraph.split()) > _WORDS:
            yield Passage("\n".join(held), f"{name}:{start}")
            held = []
        if not held:
            start = line
        held.append(paragraph)
    if held:
        yield Passage("\n".join(held), f"{name}:{start}")


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of what stands between blank lines; headings and rules are left out."""
    line = 1
    for block in re.split(r"(\n\s*\n)", text):
        kept = " ".join(
            part.strip() for part in block.splitlines() if part.strip() and not re.match(r"\s*(#|[-=*_]{3,}\s*$)", part)
        )
        if re.search(r"\w", kept):
            yield line + len(block) - len(block.lstrip("\n")), kept
        line += block.count("\n")

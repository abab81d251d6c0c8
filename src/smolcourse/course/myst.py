"""Lessons as MyST markdown: blocks that exist in both languages, cells that stand once, in the English file.

    +++ {"block": "loss-mask"}             a block; in the file that renders the other: {"block": "loss-mask", "of": "1f2e3d4c"}
    ```{code-cell} python
    :label: first-mask                     a cell, in the English file
    ```{embed} first-mask                  the same cell, in the Vietnamese file
    {term}`loss mask`, {term}`mặt nạ <loss mask>`      a glossary term
    ![caption](picture:loss_mask)          a function of the module's pictures.py

`of` is the hash of the block that this one renders. Exactly one file of a pair carries it: the one written second.
"""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from smolcourse.course.lessons import Module
from smolcourse.errors import SmolError
from smolcourse.language import Language

_BLOCK = re.compile(r"^\+\+\+ (\{.*\})$")
_CELL = re.compile(r"^```\{code-cell\} python\n:label: ([\w-]+)\n(.*?)^```$", re.M | re.S)
_EMBED = re.compile(r"^```\{embed\} ([\w-]+)\n```$", re.M)
TERM = re.compile(r"\{term\}`([^`<]+?)(?:\s*<([^`>]+)>)?`")
PICTURE = re.compile(r"!\[([^\]]*)\]\(picture:(\w+)\)")


@dataclass(frozen=True)
class Block:
    """One titled part of a lesson in one language. Cells in `text` are `{embed}` marks."""

    name: str
    text: str
    of: str
    """Hash of the block it renders; empty for an original."""
    line: int

    @property
    def hash(self) -> str:
        """Eight letters that change with the text, not with blank space at line ends."""
        return sha256("\n".join(line.rstrip() for line in self.text.strip().splitlines()).encode()).hexdigest()[:8]

    @property
    def title(self) -> str:
        """The first heading, without its marks."""
        return next((line.lstrip("# ").strip() for line in self.text.splitlines() if line.startswith("#")), self.name)


@dataclass(frozen=True)
class Part:
    """What a page is made of: `text` in markdown, or a `cell` of Python."""

    kind: str
    text: str
    label: str = ""


@dataclass(frozen=True)
class Lesson:
    """One lesson in one language, beside its twin."""

    module: Module
    language: Language
    blocks: list[Block]
    cells: dict[str, str]
    stale: frozenset[str]
    """Names of blocks that render an older text."""

    def block(self, name: str) -> Block:
        """A block by name.

        Raises:
            SmolError: there is none.
        """
        for block in self.blocks:
            if block.name == name:
                return block
        names = ", ".join(block.name for block in self.blocks)
        number = self.module.number
        raise SmolError(
            f"không có mục {name!r}; có: {names}", f"no section {name!r}; there are: {names}", fix=f"smol learn {number}"
        )

    def parts(self, block: Block) -> list[Part]:
        """The block's text and cells, in order."""
        parts, place = [], 0
        for mark in _EMBED.finditer(block.text):
            parts.append(Part("text", block.text[place : mark.start()].strip()))
            parts.append(Part("cell", self.cells[mark[1]], mark[1]))
            place = mark.end()
        parts.append(Part("text", block.text[place:].strip()))
        return [part for part in parts if part.text]


def lesson_file(module: Module, language: Language) -> Path:
    """`lesson.vi.md` or `lesson.en.md`."""
    return module.folder / f"lesson.{language}.md"


def read_lesson(module: Module, language: Language) -> Lesson:
    """Reads both files of a lesson; the one asked for comes back.

    Raises:
        SmolError: a file is missing, a block has no twin, a cell is embedded that does not exist.
    """
    source = _read(lesson_file(module, "en"))
    cells = {mark[1]: mark[2].strip("\n") for mark in _CELL.finditer(source)}
    files = {"en": lesson_file(module, "en"), "vi": lesson_file(module, "vi")}
    both = {"en": split(_CELL.sub(r"```{embed} \1\n```", source), files["en"]), "vi": split(_read(files["vi"]), files["vi"])}
    names = {key: [block.name for block in blocks] for key, blocks in both.items()}
    if names["en"] != names["vi"]:
        lone = sorted(set(names["en"]) ^ set(names["vi"])) or [
            next(a for a, b in zip(names["en"], names["vi"], strict=True) if a != b)
        ]
        raise SmolError(
            f"hai bản lệch nhau ở mục {', '.join(lone)}",
            f"the two files differ in the blocks {', '.join(lone)}",
            where=module.name,
        )
    other: Language = "vi" if language == "en" else "en"
    for block in both[language]:
        for mark in _EMBED.finditer(block.text):
            if mark[1] not in cells:
                raise SmolError(
                    f"không có ô {mark[1]!r}", f"there is no cell {mark[1]!r}", where=f"{files[language].name}:{block.line}"
                )
    twins = zip(both[language], both[other], strict=True)
    stale = frozenset(block.name for block, twin in twins if block.of and block.of != twin.hash)
    return Lesson(module, language, both[language], cells, stale)


def split(text: str, file: Path) -> list[Block]:
    """The blocks of one file."""
    blocks: list[Block] = []
    head: dict[str, str] | None = None
    lines: list[str] = []
    start = 0

    def close() -> None:
        if head is not None:
            blocks.append(Block(head["block"], "\n".join(lines).strip(), head.get("of", ""), start))
        elif "".join(lines).strip():
            raise SmolError("văn bản trước mục đầu tiên", "text before the first block", where=f"{file.name}:1")

    for number, line in enumerate(text.splitlines(), start=1):
        if mark := _BLOCK.match(line):
            close()
            head, lines, start = _head(mark[1], f"{file.name}:{number}"), [], number
        else:
            lines.append(line)
    close()
    return blocks


def stamp(module: Module, names: set[str] | None = None) -> list[str]:
    """Writes the present hashes into every block that renders another (or those named). Returns the names that changed."""
    changed = []
    for language in ("vi", "en"):
        lesson, file = read_lesson(module, language), lesson_file(module, language)
        twin = read_lesson(module, "en" if language == "vi" else "vi")
        text = _read(file)
        for block in lesson.blocks:
            if block.name in lesson.stale and (names is None or block.name in names):
                fresh = json.dumps({"block": block.name, "of": twin.block(block.name).hash})
                text = re.sub(rf'^\+\+\+ \{{"block": "{block.name}".*\}}$', f"+++ {fresh}", text, flags=re.M)
                changed.append(f"{file.name}: {block.name}")
        file.write_text(text, encoding="utf-8", newline="\n")
    return changed


def _head(text: str, where: str) -> dict[str, str]:
    try:
        head = json.loads(text)
        if not isinstance(head.get("block"), str):
            raise ValueError('"block"')
    except ValueError as error:
        raise SmolError(f"dòng +++ sai: {error}", f"a wrong +++ line: {error}", where=where) from error
    return dict(head)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SmolError(f"không đọc được: {error.strerror}", f"cannot read: {error.strerror}", where=str(file)) from error

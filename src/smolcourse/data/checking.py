"""Is a file fit to train on? One streaming pass, a report, and nothing kept of a row but a few dozen bytes."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from smolcourse.data.cleaning import clean
from smolcourse.data.fingerprints import answer_text, fingerprint, prompt_text, repeated, row_text
from smolcourse.data.formats import detect, native_format, to_native
from smolcourse.data.image_rows import check_images
from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError
from smolcourse.data.reading import scan_rows
from smolcourse.data.report import Example, Problem, Report, Severity
from smolcourse.data.text import looks_misread
from smolcourse.data.token_counts import CountTokens, statistics

_BATCH = 500


def check(
    source: str | Path,
    *,
    split: str | None = None,
    against: str | Path | None = None,
    max_length: int | None = None,
    count_tokens: CountTokens | None = None,
    examples: int = 5,
    on_row: Callable[[int], None] | None = None,
) -> Report:
    """Reads every row once and reports what is wrong with it.

    Args:
        source: what `read_rows` takes.
        split: which part of it.
        against: another source (its test part, where it has several) whose prompts must not be among these rows.
        max_length: tokens; longer rows are reported. Needs `count_tokens`.
        count_tokens: see `token_counts.counter`.
        examples: how many rows to show of each kind of problem.
        on_row: called with the number of each row, for a progress line.

    Memory: 40 bytes a row, and 25 more for the moment in which duplicates are sorted out.
    Raises `SmolError` only for what concerns the whole file.
    """
    check_ = _Check(str(source), examples, max_length, count_tokens)
    for number, row in scan_rows(source, split=split):
        check_.add(number, row)
        if on_row:
            on_row(number)
    return check_.finish(_prompts(against) if against is not None else None)


class _Check:
    """The running state of one check: counts, first examples, and eight-byte fingerprints."""

    def __init__(self, source: str, examples: int, max_length: int | None, count_tokens: CountTokens | None) -> None:
        self.report = Report(source)
        self.examples = examples
        self.max_length = max_length
        self.count_tokens = count_tokens
        self.formats: Counter[str] = Counter()
        self.problems: dict[str, Problem] = {}
        self.shape = ""
        self.shapes: dict[str, Problem] = {}
        self.numbers = array("Q")
        self.exact, self.near, self.prompts = array("Q"), array("Q"), array("Q")
        self.prompt_tokens, self.answer_tokens = array("I"), array("I")
        self.waiting: list[tuple[int, Row]] = []

    def add(self, number: int, row: Row | RowError) -> None:
        self.report.rows += 1
        if isinstance(row, RowError):
            self.found("error", row, number)
            return
        try:
            fmt = detect(row)
            native = to_native(row, fmt)
            check_images(native)
            self.formats[fmt] += 1
        except RowError as error:
            self.found("error", error, number)
            return
        self.report.usable_rows += 1
        self.note_shape(number, native)
        self.look_at_text(number, native)
        if self.count_tokens:
            self.waiting.append((number, native))
            if len(self.waiting) == _BATCH:
                self.look_at_lengths(self.count_tokens)

    def note_shape(self, number: int, native: Row) -> None:
        shape = native_format(native)
        seen = self.shapes.setdefault(shape, Problem("mixed_formats", "error"))
        seen.count += 1
        if len(seen.examples) < self.examples:
            vi, en = f"hàng này thuộc dạng {shape}, khác phần lớn các hàng", f"this row is {shape}, unlike most rows"
            seen.examples.append(Example(number, self.place(number), vi, en))

    def look_at_text(self, number: int, native: Row) -> None:
        changes: set[str] = set()
        cleaned = clean(native, changes.add)
        # Duplicates are judged after cleaning: what --fix would write twice is a duplicate.
        whole = row_text(cleaned)
        prompt = prompt_text(cleaned)
        self.numbers.append(number)
        self.exact.append(fingerprint(whole))
        self.near.append(fingerprint(f"{prompt}\0{answer_text(cleaned)}"))
        self.prompts.append(fingerprint(prompt))
        if "nfc" in changes:
            self.found("warning", _NOT_NFC, number)
        if "reread" in changes or looks_misread(whole):
            self.found("warning", _MISREAD, number)
        if "trimmed" in changes:
            self.found("warning", _UNTRIMMED, number)

    def look_at_lengths(self, count_tokens: CountTokens) -> None:
        """Counts the tokens of the waiting rows; a fast tokenizer is several times as fast on many at once."""
        counts = count_tokens([native for _, native in self.waiting])
        for (number, _), count in zip(self.waiting, counts, strict=True):
            if isinstance(count, RowError):  # the chat template refuses the row
                self.found("error", count, number)
                self.report.usable_rows -= 1
                continue
            prompt, answer = count
            self.prompt_tokens.append(prompt)
            self.answer_tokens.append(answer)
            if self.max_length and prompt + answer > self.max_length:
                vi = f"{prompt + answer} token, dài hơn max_length={self.max_length}: sẽ bị bỏ khi huấn luyện"
                en = f"{prompt + answer} tokens, over max_length={self.max_length}: training leaves it out"
                self.found("warning", RowError("over_length", vi, en), number)
        self.waiting.clear()

    def found(self, severity: Severity, error: RowError, number: int, times: int = 1) -> None:
        problem = self.problems.setdefault(error.kind, Problem(error.kind, severity))
        problem.count += times
        if len(problem.examples) < self.examples:
            problem.examples.append(Example(number, self.place(number, error.where), error.vi, error.en, error.fix))

    def place(self, number: int, key: str | None = None) -> str:
        return f"{self.report.source}:{number}" + (f" {key}" if key else "")

    def finish(self, test_prompts: array[int] | None) -> Report:
        self.report.formats = dict(self.formats)
        if self.count_tokens and self.waiting:
            self.look_at_lengths(self.count_tokens)
        self.refuse_rare_shapes()
        if len(self.exact):
            self.find_duplicates()
            if test_prompts is not None:
                self.find_leaks(test_prompts)
        if self.prompt_tokens:
            self.report.tokens = statistics(self.prompt_tokens, self.answer_tokens, self.max_length)
        self.report.problems = sorted(self.problems.values(), key=lambda problem: (problem.severity, -problem.count))
        return self.report

    def refuse_rare_shapes(self) -> None:
        """A trainer takes one shape: the rows of all but the commonest are errors."""
        by_count = sorted(self.shapes.items(), key=lambda item: -item[1].count)
        self.shape = by_count[0][0] if by_count else ""
        for _, rare in by_count[1:]:
            problem = self.problems.setdefault("mixed_formats", Problem("mixed_formats", "error"))
            problem.count += rare.count
            problem.examples = (problem.examples + rare.examples)[: self.examples]
            self.report.usable_rows -= rare.count

    def find_duplicates(self) -> None:
        import numpy as np

        copies, firsts = repeated(self.exact)
        self.found_pairs("duplicate", copies, firsts, "trùng với hàng {}", "the same as row {}")
        seen = np.zeros(len(self.exact), dtype=bool)
        seen[copies] = True
        copies, firsts = repeated(self.near)
        fresh = ~seen[copies]
        self.found_pairs(
            "near_duplicate",
            copies[fresh],
            firsts[fresh],
            "gần trùng với hàng {} (chỉ khác hoa thường, dấu câu, khoảng trắng)",
            "nearly the same as row {} (only case, punctuation or spacing differ)",
        )
        seen[copies] = True
        if self.shape not in ("messages", "prompt-completion"):
            return
        copies, firsts = repeated(self.prompts)
        fresh = ~seen[copies]
        self.found_pairs(
            "other_answer",
            copies[fresh],
            firsts[fresh],
            "cùng câu hỏi với hàng {} nhưng câu trả lời khác",
            "asks what row {} asks, and answers otherwise",
        )

    def found_pairs(self, kind: str, copies: Any, firsts: Any, vi: str, en: str) -> None:
        shown = min(self.examples, len(copies))
        for copy, first in zip(copies[:shown].tolist(), firsts[:shown].tolist(), strict=True):
            other = self.numbers[first]
            self.found("warning", RowError(kind, vi.format(other), en.format(other)), self.numbers[copy])
        if len(copies) > shown and shown:
            self.problems[kind].count += len(copies) - shown

    def find_leaks(self, test_prompts: array[int]) -> None:
        import numpy as np

        shared = np.isin(np.frombuffer(self.prompts, dtype=np.uint64), np.frombuffer(test_prompts, dtype=np.uint64))
        for position in np.flatnonzero(shared)[: self.examples].tolist():
            self.found("error", _LEAK, self.numbers[position])
        if "leak" in self.problems:
            self.problems["leak"].count = int(shared.sum())


_NOT_NFC = RowError(
    "not_nfc",
    "chữ có dấu ở dạng tổ hợp (NFD): nhìn giống hệt nhưng tokenizer đọc thành token khác",
    "decomposed letters (NFD): they look the same, but a tokenizer reads other tokens",
)
_MISREAD = RowError(
    "misread",
    "có vẻ bị đọc sai bảng mã (như 'Ã¡' thay cho 'á') hoặc có ký tự đã mất '\ufffd'",
    "it seems to have been read in a wrong encoding ('Ã¡' for 'á'), or holds a lost character '\ufffd'",
)
_UNTRIMMED = RowError(
    "untrimmed",
    "có khoảng trắng thừa ở đầu hoặc cuối, hoặc xuống dòng kiểu Windows",
    "white space at the beginning or end, or Windows line breaks",
)
_LEAK = RowError(
    "leak",
    "câu hỏi này cũng có trong tập kiểm thử: điểm số sẽ cao giả tạo",
    "this question is in the test set too: scores would be too good",
)


def _prompts(source: str | Path) -> array[int]:
    """Fingerprints of the prompts of another source; its broken rows are that source's own business."""
    prompts = array("Q")
    for _, row in scan_rows(source, split="test"):
        if isinstance(row, RowError):
            continue
        try:
            prompts.append(fingerprint(prompt_text(clean(to_native(row), _ignore))))
        except RowError:
            continue
    return prompts


def _ignore(_: str) -> None:
    return

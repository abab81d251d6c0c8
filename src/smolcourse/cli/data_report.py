"""How `smol data` prints reports and rows for people."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from smolcourse.data.fixing import CHANGES, Fixed
from smolcourse.data.problems import describe
from smolcourse.data.report import Problem, Report
from smolcourse.data.token_counts import TokenStatistics
from smolcourse.language import tr

_ROLE_STYLES = {"system": "dim", "user": "cyan", "assistant": "green", "tool": "magenta"}


@contextmanager
def progress(*, silent: bool) -> Iterator[Callable[[int], None] | None]:
    """Yields a callback that shows the row being read, on stderr, where a person is watching."""
    if silent or not sys.stderr.isatty():
        yield None
        return

    def on_row(number: int) -> None:
        if number % 1000 == 0:
            print(f"\r{number:,} {tr('hàng', 'rows')}", end="", file=sys.stderr, flush=True)

    yield on_row
    print("\r\033[K", end="", file=sys.stderr)


def print_report(report: Report) -> None:
    """Prints what was found: errors first, each kind with its count and first rows."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, soft_wrap=True)
    formats = ", ".join(f"{name} ({count:,})" for name, count in report.formats.items()) or "-"
    console.print(report.source, style="bold")
    console.print(f"{tr('Định dạng', 'Format')}: {formats}")
    console.print(f"{tr('Hàng', 'Rows')}: {report.rows:,}; {tr('dùng được', 'usable')}: {report.usable_rows:,}")
    if report.tokens:
        _print_tokens(console, report.tokens)
    else:
        console.print(tr("Token: chưa đếm (thêm --model TÊN)", "Tokens: not counted (add --model NAME)"), style="dim")
    for problem in report.problems:
        _print_problem(console, problem)
    if report.trainable and not report.problems:
        console.print(tr("✓ Không thấy vấn đề gì: huấn luyện được.", "✓ Nothing found: fit to train on."), style="green")
    elif report.trainable:
        console.print(
            tr("✓ Huấn luyện được, nhưng nên xem các cảnh báo.", "✓ Fit to train on, but read the warnings."), style="green"
        )
    else:
        console.print(tr("✗ Chưa huấn luyện được.", "✗ Not fit to train on."), style="bold red")
    if any(problem.kind not in ("over_length", "other_answer", "leak", "near_duplicate") for problem in report.problems):
        console.print(f"{tr('Sửa vào tệp mới', 'Mend into a new file')}: smol data check {report.source} --fix NEW.jsonl")


def print_fixed(fixed: Fixed) -> None:
    """Prints what `--fix` changed and left out."""
    print(f"\n{fixed.target}: {fixed.rows_written:,}/{fixed.rows_read:,} {tr('hàng', 'rows')} ({fixed.format})")
    for kind, count in fixed.changes.items():
        print(f"  {tr(*CHANGES[kind])}: {count:,}")
    for kind, count in fixed.dropped.items():
        print(f"  {tr('bỏ', 'left out')}, {describe(kind)}: {count:,}")


def print_row(number: int, row: dict[str, Any]) -> None:
    """Prints one native row, speaker by speaker."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"── {number}", style="bold"))
    for key, value in row.items():
        if not isinstance(value, list) or not all(isinstance(item, dict) and "role" in item for item in value):
            console.print(Text.assemble((f"{key}: ", "bold"), str(value)))
            continue
        if key != "messages":
            console.print(Text(f"{key}:", style="bold"))
        for message in value:
            style = _ROLE_STYLES.get(message["role"], "")
            console.print(Text.assemble((f"{message['role']}: ", f"bold {style}"), (str(message.get("content")), style)))


def _print_tokens(console: Any, tokens: TokenStatistics) -> None:
    middle, total = tr("trung vị", "median"), tr("tổng", "total")
    names = tr("cả hàng", "row"), tr("chỉ để đọc", "read only"), tr("tính loss", "carry loss")
    for name, part in zip(names, (tokens.row, tokens.prompt, tokens.answer), strict=True):
        console.print(f"Token, {name}: {middle} {part.median:,}, p95 {part.p95:,}, max {part.max:,}, {total} {part.total:,}")


def _print_problem(console: Any, problem: Problem) -> None:
    error = problem.severity == "error"
    mark, style = ("✗", "red") if error else ("!", "yellow")
    name = tr("lỗi", "error") if error else tr("cảnh báo", "warning")
    console.print(f"{mark} {name}: {describe(problem.kind)}: {problem.count:,} {tr('hàng', 'rows')}", style=f"bold {style}")
    for example in problem.examples:
        console.print(f"    {example.where}: {tr(example.vi, example.en)}", style=style)
    if problem.count > len(problem.examples):
        console.print(f"    … {tr('và', 'and')} {problem.count - len(problem.examples):,} {tr('hàng nữa', 'more')}", style="dim")
    fixes = dict.fromkeys(example.fix for example in problem.examples if example.fix)
    for fix in list(fixes)[:1]:
        console.print(f"    {tr('Cách sửa', 'Fix')}: {fix}", style="dim")

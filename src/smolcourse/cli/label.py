"""`smol label`: keep, edit or drop the questions of an exam; how far two people agree."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smolcourse.cli.terminal import keep_accents_when_editing, repaired, use_utf8
from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.evaluation.labelling import Labels


def label(
    exam: Annotated[
        Path, typer.Argument(help=tr("tệp đề của smol eval build", "an exam by smol eval build"), show_default=False)
    ],
    annotator: Annotated[str, typer.Option(help=tr("ai chấm", "who labels"))] = "me",
    agreement: Annotated[
        bool,
        typer.Option(
            "--agreement", help=tr("hai người đồng ý với nhau đến đâu (Cohen's kappa)", "how far people agree (Cohen's kappa)")
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            help=tr("ghi các câu mọi người đều giữ vào tệp này", "write what everyone keeps to this file"), show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help=tr("ghi đè --out", "write over --out"))] = False,
) -> None:
    """Shows one question after another; every verdict is kept at once."""
    use_utf8()
    from smolcourse.evaluation.labelling import Labels

    if agreement or out:
        _finish(exam, agreement, out, force)
        return
    labels = Labels.open(exam, repaired(annotator))
    keep_accents_when_editing()
    waiting = labels.waiting()
    if not waiting:
        print(tr(f"Đã chấm hết {len(labels.rows)} câu.", f"All {len(labels.rows)} questions are labelled."))
    for row in waiting:
        if not _ask(labels, row):
            break
    print(f"{len(labels.verdicts)}/{len(labels.rows)}: {labels.path}")


def _ask(labels: Labels, row: dict[str, Any]) -> bool:
    """One question; False to stop for now."""
    from rich.console import Console
    from rich.text import Text

    from smolcourse.evaluation.files import choice_item

    console = Console(highlight=False)
    item = choice_item(row)
    console.print(Text(f"\n[{len(labels.verdicts) + 1}/{len(labels.rows)}] {row['question']}", style="bold"), soft_wrap=True)
    for choice in item.choices:
        console.print(Text(f"  {'✓' if choice == item.gold else ' '} {choice}"), soft_wrap=True)
    if row.get("evidence"):
        console.print(Text(f"  {row.get('source', '')}: {row['evidence'][:400]}", style="dim"), soft_wrap=True)
    while True:
        print(tr("[k] giữ  [e] sửa  [d] bỏ  [q] dừng: ", "[k]eep  [e]dit  [d]rop  [q]uit: "), end="", flush=True)
        key = _key()
        if key in ("q", ""):
            return False
        if key in ("k", "d"):
            labels.decide(row, "keep" if key == "k" else "drop")
            return True
        if key == "e":
            try:
                labels.decide(row, "keep", _edit(row))
                return True
            except SmolError as error:
                print(error)


def _key() -> str:
    """One key where there is a keyboard, one line where there is a pipe; empty at its end."""
    if sys.stdin.isatty():
        key = typer.getchar()
        print(key)
        return "" if key in ("\x03", "\x04") else key.lower()
    line = sys.stdin.readline()
    return line.strip().lower()[:1] if line.strip() else ("" if not line else " ")


def _edit(row: dict[str, Any]) -> dict[str, Any]:
    """The row with new texts; an empty line keeps the old one."""

    def text(name: str, old: str) -> str:
        print(f"  {name} [{old}]: ", end="", flush=True)
        return (input() if sys.stdin.isatty() else sys.stdin.readline()).strip() or old

    question = text(tr("câu hỏi", "question"), row["question"])
    choices = [text(f"{number + 1}", choice) for number, choice in enumerate(row["choices"])]
    place = text(tr("đáp án số", "right one"), str(row["answer"] + 1) if isinstance(row["answer"], int) else str(row["answer"]))
    answer = int(place) - 1 if place.isdigit() else place
    return {**row, "question": question, "choices": choices, "answer": answer}


def _finish(exam: Path, agreement: bool, out: Path | None, force: bool) -> None:
    from itertools import combinations

    from smolcourse.data.writing import new_jsonl
    from smolcourse.evaluation import labelling

    everyone = labelling.all_labels(exam)
    if agreement:
        if len(everyone) < 2:
            raise SmolError(
                "cần ít nhất hai người chấm", "at least two people have to label", fix=f"smol label {exam} --annotator lan"
            )
        for first, second in combinations(everyone, 2):
            value, count = labelling.agreement(first, second)
            print(f"{first.annotator}, {second.annotator}: kappa = {value:.2f} ({count} {tr('câu', 'questions')})")
    if out:
        rows = labelling.agreed_rows(everyone)
        if not rows:
            raise SmolError("không còn câu nào", "no question is left", where=str(exam))
        with new_jsonl([out], source=exam, force=force) as (write,):
            for row in rows:
                write(row)
        print(f"{out}: {len(rows)} {tr('câu', 'questions')}; smol eval MODEL --tasks {out}")

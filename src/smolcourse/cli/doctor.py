"""`smol doctor`: is this machine ready, and if not, what mends it."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from smolcourse.language import tr


class Format(StrEnum):
    text = "text"
    json = "json"


def doctor(
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help=tr("đo lại tốc độ máy", "measure the machine's speed again"))
    ] = False,
    folder: Annotated[Path, typer.Option("--folder", help=tr("nơi sẽ ghi các run", "where runs will be written"))] = Path("runs"),
    format: Annotated[Format, typer.Option("--format", help=tr("text hoặc json", "text or json"))] = Format.text,
) -> None:
    from smolcourse.assets.network import close_network

    close_network()
    from smolcourse.cli.diagnosis import diagnose

    diagnosis = diagnose(folder, recalibrate=calibrate)
    if format is Format.json:
        import json

        print(json.dumps(diagnosis.as_dict(), ensure_ascii=False, indent=1))
        raise typer.Exit(0 if diagnosis.ready else 2)

    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    marks = {"good": ("✓", "green"), "note": ("•", "yellow"), "problem": ("✗", "red")}
    width = max(len(finding.name) for finding in diagnosis.findings)
    for finding in diagnosis.findings:
        console.print(Text.assemble(marks[finding.verdict], f" {finding.name:<{width}}  ", finding.text), soft_wrap=True)
        if finding.fix:
            console.print(Text.assemble(" " * (width + 4), ("→ ", "bold"), (finding.fix, "bold")), soft_wrap=True)
    console.print()
    if diagnosis.ready:
        console.print(Text(tr("Máy đã sẵn sàng.", "This machine is ready."), "green"))
    else:
        console.print(Text(tr("Chưa sẵn sàng: xem các dòng ✗.", "Not ready yet: see the ✗ lines."), "red"))
    console.print(Text(tr("Để gửi cho người khác", "To send to someone") + ": smol doctor --format json", "dim"))
    raise typer.Exit(0 if diagnosis.ready else 2)

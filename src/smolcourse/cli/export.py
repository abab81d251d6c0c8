"""`smol export`: a model or a run as files that others run, each held against what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcourse.cli.chat import MODEL_HELP
from smolcourse.language import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smolcourse.inference.export.parity import Parity


def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=MODEL_HELP, show_default=False)],
    to: Annotated[
        str, typer.Option("--to", help="safetensors, f16, q8_0, q5_0, q4_0; " + tr("cách nhau dấu phẩy", "commas between"))
    ] = "safetensors,q8_0",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help=tr("thư mục; mặc định: export trong run, hoặc TEN-export", "folder; default: export in the run, or NAME-export"),
            show_default=False,
        ),
    ] = None,
    adapter: Annotated[
        list[str] | None,
        typer.Option(
            help=tr(
                "run có LoRA của chính mô hình này, ghi thành GGUF LoRA để đổi lúc chạy (lặp lại được)",
                "a run with a LoRA of this very model, written as a GGUF LoRA to switch while serving (may be repeated)",
            ),
            show_default=False,
        ),
    ] = None,
    items: Annotated[
        int, typer.Option(min=0, help=tr("số câu của bài kiểm tra để so điểm; 0: không so", "items of the run's task; 0: none"))
    ] = 50,
    force: Annotated[
        bool, typer.Option("--force", help=tr("giữ cả khi lệch quá giới hạn", "keep it even if it drifts too far"))
    ] = False,
) -> None:
    """Writes the folder, checks every file in it, prints what the check found."""
    from smolcourse.cli.terminal import repaired, use_utf8
    from smolcourse.inference.export.export import export_model

    use_utf8()
    formats = [part.strip().lower() for part in to.split(",") if part.strip()]
    wanted = [repaired(one) for one in adapter or []]
    made = export_model(repaired(model), output, formats=formats, adapters=wanted, items=items, force=force)
    show(made.parity)
    print(f"{tr('đã xuất', 'exported')}: {made.folder}")
    checkpoint = made.files.get("safetensors")
    only = checkpoint is not None and len(made.files) == 1  # no GGUF beside it
    print(f"{tr('tiếp theo', 'next')}: smol serve {checkpoint if only else made.folder}")


def show(found: Sequence[Parity]) -> None:
    """The parity table, and under it what lies beyond the limits."""
    from rich.console import Console
    from rich.table import Table

    from smolcourse.inference.export.card import parity_cells, parity_head

    table = Table()
    for title in parity_head():
        table.add_column(title)
    for one in found:
        table.add_row(*parity_cells(one), style="red" if one.problems else None)
    console = Console()
    console.print(table)
    for one in found:
        for vi, en in one.problems:
            console.print(f"{one.kind}: {tr(vi, en)}", style="red", markup=False, highlight=False)

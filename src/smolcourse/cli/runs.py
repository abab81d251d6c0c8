"""`smol runs`: what was trained here: list, look at one, delete."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.training.runs import Run

runs_app = typer.Typer(
    help=tr("Các run đã huấn luyện: liệt kê, xem, xoá.", "Training runs: list, show, remove."), no_args_is_help=True
)

_COLOURS = {"created": "dim", "running": "cyan", "finished": "green", "interrupted": "yellow", "failed": "red"}


class Format(StrEnum):
    text = "text"
    json = "json"


Folder = Annotated[Path, typer.Option("--folder", help=tr("nơi chứa các run", "where the runs are"))]
AsFormat = Annotated[Format, typer.Option("--format", help=tr("text hoặc json", "text or json"))]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help=tr("tên, đầu tên, đường dẫn, hoặc latest", "name, beginning of a name, path, or latest"),
        show_default=False,
    ),
]


@runs_app.command("ls", help=tr("Liệt kê các run, mới nhất ở cuối.", "List the runs, newest last."))
def list_runs(folder: Folder = Path("runs"), format: AsFormat = Format.text) -> None:
    from smolcourse.training import runs

    found = [_summary(run) for run in runs.list_runs(folder)]
    if format is Format.json:
        _print_json(found)
        return
    if not found:
        print(tr(f"chưa có run nào trong {folder}/", f"no runs in {folder}/ yet"))
        print(f"  {tr('Bắt đầu', 'Start one')}: smol train smollm2-135m/sft/full")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(tr("tên", "name"), overflow="fold")
    table.add_column(tr("trạng thái", "state"))
    table.add_column(tr("kiểu", "kind"))
    for title in (tr("bước", "steps"), "loss", tr("phút", "minutes")):
        table.add_column(title, justify="right")
    for line in found:
        total = f"/{line['total_steps']}" if line["total_steps"] else ""
        loss = f"{line['loss']:.3f}" if line["loss"] is not None else ""
        colour = _COLOURS[line["state"]]
        table.add_row(
            line["name"],
            f"[{colour}]{_state(line['state'])}[/]",
            line["kind"],
            f"{line['step']}{total}",
            loss,
            f"{line['minutes']:.1f}",
        )
    Console().print(table, highlight=False)


@runs_app.command(
    help=tr("Xem một run: recipe, đường loss, câu trả lời trước và sau.", "Show a run: recipe, loss curve, answers.")
)
def show(reference: Reference, folder: Folder = Path("runs"), format: AsFormat = Format.text) -> None:
    from smolcourse.training import runs

    run = runs.find_run(reference, folder)
    if format is Format.json:
        _print_json({**_summary(run), "recipe": run.recipe(), "metrics": run.metrics(), "samples": run.samples()})
        return
    _show(run)


@runs_app.command("rm", help=tr("Xoá run và mọi checkpoint của nó.", "Delete runs with all their checkpoints."))
def remove(
    references: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help=tr("như ở show", "as for show"), show_default=False),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=tr("không hỏi lại", "do not ask"))] = False,
    folder: Folder = Path("runs"),
) -> None:
    from smolcourse.training import runs

    found = list(dict.fromkeys(runs.find_run(reference, folder) for reference in references))
    for run in found:
        run.refuse_if_running()
        if not yes:
            if not can_ask():
                raise SmolError(
                    "cần --yes để xoá khi không có terminal",
                    "--yes is needed without a terminal",
                    fix=f"smol runs rm {run.name} --yes",
                )
            if not typer.confirm(tr(f"Xoá {run.name} ({_size(run)})?", f"Delete {run.name} ({_size(run)})?")):
                print(tr("giữ lại", "kept"))
                continue
        size = _size(run)
        run.remove()
        print(tr(f"đã xoá {run.name}, trả lại {size}", f"{run.name} deleted, {size} freed"))


def can_ask() -> bool:
    """Whether somebody is there to answer."""
    import sys

    return sys.stdin.isatty()


def _summary(run: "Run") -> dict[str, Any]:
    """What `ls` shows of a run, as plain values."""
    from smolcourse.training.report import loss_points

    metrics, status, state = run.metrics(), run.status(), run.state()
    _, losses = loss_points(metrics)
    try:
        recipe = run.recipe()
    except SmolError:  # one damaged run must not hide the others
        recipe = {}
    kind = f"{recipe.get('method', '?')} {'lora' if recipe.get('use_peft') else 'full'}" if recipe else "?"
    return {
        "name": run.name,
        "state": state,
        "kind": kind,
        "step": max((int(line.get("step", 0)) for line in metrics), default=0),
        # a budget may have ended the run before the steps it set out for
        "total_steps": None if state == "finished" else status.get("total_steps"),
        "loss": losses[-1] if losses else None,
        "minutes": round(run.seconds() / 60, 2),
    }


def _show(run: "Run") -> None:
    import sys

    from rich.console import Console
    from rich.text import Text

    from smolcourse.training.curves import curve
    from smolcourse.training.live import duration
    from smolcourse.training.report import before_and_after, ends, loss_points, recipe_lines

    console = Console(highlight=False)
    line = _summary(run)
    console.print(Text.assemble((run.name, "bold"), "  ", (_state(line["state"]), _COLOURS[line["state"]])), soft_wrap=True)
    error = run.status().get("error")
    if error:
        console.print(Text(f"  {error}", "red"), soft_wrap=True)
    recipe = recipe_lines(run.recipe())
    width = max((len(key) for key, _ in recipe), default=0)
    for key, value in recipe:
        console.print(Text.assemble("  ", (f"{key:<{width}}", "dim"), f"  {value}"), soft_wrap=True)

    steps, losses = loss_points(run.metrics())
    if losses:
        start, end = ends(losses)
        total = f"/{line['total_steps']}" if line["total_steps"] else ""
        console.print(f"\nloss {start:.3f} → {end:.3f}   {tr('bước', 'step')} {line['step']}{total}   {duration(run.seconds())}")
        ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
        drawn = curve(steps, losses, width=max(20, min(72, console.width - 12)), ascii_only=ascii_only)
        if drawn:
            console.print(Text(drawn, "cyan"))

    for prompt, first, before, last, after in before_and_after(run.samples()):
        console.print(Text.assemble("\n", ("› ", "bold"), prompt))
        for step, answer, style in ((first, before, "dim"), (last, after, "green")):
            if step != first or style == "dim":  # a run that has just begun has one answer
                heading = f"  {tr('bước', 'step')} {step:>{len(str(last))}}: "
                console.print(Text.assemble((heading, style), answer.replace("\n", "\n" + " " * len(heading))))

    checkpoint = run.latest_checkpoint()
    console.print()
    if run.result():
        console.print(f"{tr('mô hình', 'model')}: {run.result()}", soft_wrap=True)
    if (run.path / "report.md").is_file():
        console.print(f"{tr('báo cáo', 'report')}: {run.path / 'report.md'}", soft_wrap=True)
    if line["state"] == "finished":
        console.print(f"{tr('tiếp theo', 'next')}: smol chat {run.name}", soft_wrap=True)
    elif line["state"] in ("interrupted", "failed"):
        where = tr(f"từ bước {checkpoint[0]}", f"from step {checkpoint[0]}") if checkpoint else tr("từ đầu", "from the start")
        console.print(f"{tr('chạy tiếp', 'go on')} ({where}): smol train --resume {run.name}", soft_wrap=True)


def _state(state: str) -> str:
    return {
        "created": tr("chưa chạy", "created"),
        "running": tr("đang chạy", "running"),
        "finished": tr("xong", "finished"),
        "interrupted": tr("bị ngắt", "interrupted"),
        "failed": tr("lỗi", "failed"),
    }[state]


def _size(run: "Run") -> str:
    from smolcourse.assets.cache import megabytes

    return megabytes(run.size())


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False, indent=1))

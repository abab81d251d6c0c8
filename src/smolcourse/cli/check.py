"""`smol check` and `smol watch`: the learner's code against fresh inputs, and what a failure means."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcourse.cli.terminal import use_utf8
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.course.checker import Result

NAME_HELP = tr("tên bài tập hoặc số của bài học; để trống: tất cả", "an exercise or the number of a module; empty: all")


def check(name: Annotated[str, typer.Argument(help=NAME_HELP)] = "") -> None:
    """Checks one exercise, a module, or everything. Exit code 2 if something fails."""
    from smolcourse.course import workspace
    from smolcourse.course.attempts import attempt
    from smolcourse.course.lessons import find_exercises
    from smolcourse.course.sandbox import Sandbox

    use_utf8()
    here = workspace.find()
    exercises = find_exercises(name)
    failed = False
    with Sandbox() as sandbox:
        for exercise in exercises:
            result = attempt(here, exercise, sandbox, print)
            show(result, workspace.file_of(here, exercise), brief=len(exercises) > 1)
            failed |= result.state == "failing" or (len(exercises) == 1 and result.state != "passing")
    if failed:
        raise typer.Exit(2)


def watch(name: Annotated[str, typer.Argument(help=NAME_HELP)] = "") -> None:
    """Checks a file again each time it is saved, until Ctrl-C."""
    from smolcourse.course import workspace
    from smolcourse.course.attempts import attempt
    from smolcourse.course.lessons import find_exercises
    from smolcourse.course.progress import digest
    from smolcourse.course.sandbox import Sandbox

    use_utf8()
    here = workspace.find()
    files = {workspace.file_of(here, exercise): exercise for exercise in find_exercises(name) if exercise.functions}
    seen = {file: digest(file) for file in files}
    print(
        tr(
            f"Theo dõi {len(files)} tệp; lưu tệp là chấm lại. Ctrl-C để dừng.",
            f"Watching {len(files)} files; saving checks. Ctrl-C ends.",
        ),
        flush=True,
    )
    with Sandbox() as sandbox:
        while True:
            for file, exercise in files.items():
                if (now := digest(file)) and now != seen[file]:
                    seen[file] = now
                    show(attempt(here, exercise, sandbox, print), file)
            time.sleep(0.3)


def show(result: "Result", file: Path, *, brief: bool = False) -> None:
    """One verdict, for people."""
    from rich.console import Console
    from rich.text import Text

    from smolcourse.course.attempts import state_name
    from smolcourse.course.lessons import TIERS

    exercise = result.exercise
    mark, style = {"passing": ("✓", "bold green"), "failing": ("✗", "bold red")}.get(result.state, ("·", "dim"))
    console = Console(highlight=False, soft_wrap=True)
    console.print(Text(f"{mark} {TIERS[exercise.tier]} {exercise.name}: {state_name(result.state)}", style=style))
    if result.state == "passing":
        if result.got:
            console.print(f"  {result.got}", markup=False)
        if exercise.methods and not brief:
            method = exercise.methods[0]
            used = {"synth": "synth run orders", "see": "train smolvlm-own/sft/easy-vqa"}
            command = used.get(method, f"train smollm2-135m/{method}/lora")
            console.print(
                tr("  Chạy thật bằng hàm của bạn: ", "  The real thing, with your function: ") + f"smol {command} --use-mine"
            )
        return
    if str(result.text):
        place = f" ({file.name}:{result.line})" if result.line else ""
        console.print(Text(f"  {result.text}{place}"))
    if result.state == "not attempted" and not brief:
        console.print(Text(f"  {exercise.goal}\n  {file}"))
    if brief:
        return
    for label, value in (
        (tr("gọi ", "call  "), result.call),
        (tr("nhận", "got   "), result.got),
        (tr("cần ", "wanted"), result.wanted),
    ):
        if value:
            console.print(Text(f"  {label}  {value}"))
    if result.output:
        console.print(
            Text(tr("  code của bạn in ra:", "  your code printed:"), style="dim"),
            Text(_indented(result.output), style="dim"),
            sep="\n",
        )
    number = exercise.module.number
    console.print(
        Text(
            tr(
                f"  Đọc lại: smol learn {number} {result.section or exercise.section}",
                f"  Read: smol learn {number} {result.section or exercise.section}",
            ),
            style="cyan",
        )
    )
    console.print(Text(tr(f"  Gợi ý:   smol hint {exercise.name}", f"  Hint: smol hint {exercise.name}"), style="cyan"))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())

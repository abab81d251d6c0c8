"""`smol learn`: a lesson in the terminal, as a page, or as a notebook."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smolcourse.cli.terminal import use_utf8
from smolcourse.language import get_language, tr

if TYPE_CHECKING:
    from smolcourse.course.myst import Lesson


def learn(
    module: Annotated[str, typer.Argument(help=tr("số của bài học, từ 1", "number of the module, from 1"))] = "",
    section: Annotated[str, typer.Argument(help=tr("một mục của bài; để trống: cả bài", "one section; empty: all"))] = "",
    html: Annotated[bool, typer.Option("--html", help=tr("ghi ra trang HTML", "write an HTML page"))] = False,
    notebook: Annotated[bool, typer.Option("--notebook", help=tr("ghi ra notebook", "write a notebook"))] = False,
    run: Annotated[bool, typer.Option("--run", help=tr("chạy các ô và hiện kết quả", "run the cells and show results"))] = False,
    out: Annotated[Path | None, typer.Option(help=tr("tên tệp cần ghi", "file to write"))] = None,
) -> None:
    """Shows a lesson."""
    from smolcourse.course.lessons import find_module, modules
    from smolcourse.course.myst import read_lesson

    use_utf8()
    if not module:
        for entry in modules():
            print(f"{entry.number}  {entry.title}\n   {entry.goal}")
        print(f"\nsmol learn {modules()[0].number}")
        return
    lesson = read_lesson(find_module(module), get_language())
    if notebook or html:
        _write(lesson, notebook, run, out)
        return
    outputs = _outputs(lesson) if run else {}
    _show(lesson, section, outputs)


def _write(lesson: "Lesson", as_notebook: bool, run: bool, out: Path | None) -> None:
    name = f"{lesson.module.name}.{lesson.language}"
    file = out or Path(f"{name}.ipynb" if as_notebook else f"{name}.html")
    if as_notebook:
        from smolcourse.course.notebook import notebook

        text = notebook(lesson)
    else:
        from smolcourse.course.page import html_page

        text = html_page(lesson, _outputs(lesson) if run else None)
    file.write_text(text, encoding="utf-8", newline="\n")
    print(file)


def _outputs(lesson: "Lesson") -> dict[str, str]:
    from smolcourse.course.cells import run_cells

    print(tr("Đang chạy các ô của bài…", "Running the cells of the lesson…"))
    return dict(run_cells(lesson))


def _show(lesson: "Lesson", section: str, outputs: dict[str, str]) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.padding import Padding
    from rich.text import Text

    from smolcourse.course.myst import PICTURE, TERM
    from smolcourse.course.page import cost, stale_note

    console = Console(width=min(100, Console().width))
    number = lesson.module.number
    if not section:
        console.print(
            Text(str(lesson.module.title), style="bold"), Text(cost(lesson), style="dim"), str(lesson.module.goal), sep="\n"
        )
    for block in [lesson.block(section)] if section else lesson.blocks:
        if block.name in lesson.stale:
            console.print(Text(f"! {stale_note()}", style="yellow"))
        for part in lesson.parts(block):
            if part.kind == "cell":
                console.print(Padding(Markdown(f"```python\n{part.text}\n```"), (0, 0, 0, 2)))
                if printed := outputs.get(part.label, "").rstrip():
                    console.print(Padding(Text(printed, style="dim"), (0, 0, 1, 4)))
                continue
            picture = tr(
                f"*[hình: \\1; xem bằng smol learn {number} --html]*", f"*[picture: \\1; see smol learn {number} --html]*"
            )
            console.print(Markdown(TERM.sub(r"*\1*", PICTURE.sub(picture, part.text))))
        console.print(Text(f"§ {block.name}", style="dim"))
    if section:
        return
    console.print(tr("Bài tập:", "Exercises:"), *(exercise.name for exercise in lesson.module.exercises))
    print(tr("Làm bài: smol next", "Go on: smol next"))

"""`smol dev`: for authors of lessons."""

from typing import Annotated

import typer

from smolcourse.cli.terminal import use_utf8
from smolcourse.language import tr

dev_app = typer.Typer(
    help=tr("Cho người viết bài: kiểm tra bài học, tìm bản dịch đã cũ.", "For authors: check lessons, find stale translations."),
    no_args_is_help=True,
)


@dev_app.command("check", help=tr("Mọi bài học và bài tập có đứng vững không.", "Does every lesson and exercise hold."))
def dev_check(
    module: Annotated[str, typer.Argument(help=tr("số của bài học; để trống: tất cả", "number of a module; empty: all"))] = "",
) -> None:
    """Prints every finding; exit code 2 if there is one."""
    from smolcourse.course.devcheck import problems
    from smolcourse.course.lessons import find_module, modules

    use_utf8()
    count = 0
    for problem in problems([find_module(module)] if module else None):
        print(problem, flush=True)
        count += 1
    exercises = sum(len(entry.exercises) for entry in modules())
    print(
        tr(
            f"{len(modules())} bài, {exercises} bài tập, {count} lỗi",
            f"{len(modules())} modules, {exercises} exercises, {count} problems",
        )
    )
    if count:
        raise typer.Exit(2)


@dev_app.command("stale", help=tr("Các mục chưa theo kịp bản gốc.", "Blocks that have not caught up with their original."))
def dev_stale(
    stamp: Annotated[
        bool, typer.Option("--stamp", help=tr("ghi nhận: các mục này đã được dịch lại", "they are up to date now"))
    ] = False,
) -> None:
    """Lists blocks that render an older text; `--stamp` writes the present hashes."""
    from smolcourse.course import myst
    from smolcourse.course.devcheck import stale
    from smolcourse.course.lessons import modules

    use_utf8()
    found = [name for module in modules() for name in myst.stamp(module)] if stamp else stale()
    print(*found, sep="\n") if found else print(tr("Không có mục nào cũ.", "Nothing is stale."))
    if found and not stamp:
        raise typer.Exit(2)

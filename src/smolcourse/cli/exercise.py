"""`smol next`, `hint`, `reset`, `solution`: around one exercise."""

from typing import Annotated

import typer

from smolcourse.cli.terminal import use_utf8
from smolcourse.language import tr

Name = Annotated[str, typer.Argument(help=tr("tên bài tập", "name of the exercise"))]


def next_exercise() -> None:
    """What to do next."""
    from smolcourse.course import attempts, workspace
    from smolcourse.course.lessons import TIERS

    use_utf8()
    here = workspace.find()
    exercise = attempts.next_exercise(here)
    if exercise is None:
        print(tr("Mọi bài tập đều đạt. Lấy chứng nhận: smol certificate", "Every exercise passes. Go on: smol certificate"))
        return
    number = exercise.module.number
    minutes = tr(f"{exercise.minutes} phút", f"{exercise.minutes} minutes")
    print(f"{TIERS[exercise.tier]} {exercise.name} · {exercise.title} · {minutes}\n  {exercise.goal}\n")
    print(f"  {tr('Đọc', 'Read')}:  smol learn {number} {exercise.section}")
    if exercise.run:
        print(f"  {tr('Chạy', 'Run')}: smol train {exercise.run.recipe} --budget {exercise.run.minutes:g}m")
    else:
        print(f"  {tr('Viết', 'Write')}: {workspace.file_of(here, exercise)}")
    print(f"  {tr('Chấm', 'Check')}: smol check {exercise.name}")


def hint(name: Name) -> None:
    """One step of help; ask again for the next."""
    from smolcourse.course import attempts, workspace
    from smolcourse.course.lessons import find_exercise

    use_utf8()
    number, text = attempts.hint(workspace.find(), find_exercise(name))
    print(f"({number}/{attempts.HINTS}) {text}")


def reset(name: Name) -> None:
    """Puts the empty exercise back; your file is kept beside it."""
    from smolcourse.course import workspace
    from smolcourse.course.lessons import find_exercise
    from smolcourse.errors import SmolError

    exercise = find_exercise(name)
    if exercise.run:
        raise SmolError(
            "bài tập này không có tệp để làm lại", "this exercise has no file to reset", where=exercise.id, fix="smol runs ls"
        )
    kept = workspace.reset(workspace.find(), exercise)
    print(tr(f"Đã khôi phục đề bài. Bài làm cũ của bạn: {kept}", f"Reset. Your old file: {kept}"))


def solution(name: Name) -> None:
    """Our answer, after an attempt of your own."""
    from smolcourse.course import attempts, workspace
    from smolcourse.course.lessons import find_exercise

    use_utf8()
    print(attempts.solution(workspace.find(), find_exercise(name)), end="")

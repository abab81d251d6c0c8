"""`smol progress`, `smol quiz` and `smol certificate`: where the learner stands."""

from pathlib import Path
from typing import Annotated

import typer

from smolcourse.cli.terminal import use_utf8
from smolcourse.language import tr


def progress() -> None:
    """Every exercise and quiz with its state."""
    from rich.console import Console
    from rich.table import Table

    from smolcourse.course import attempts, quiz, workspace
    from smolcourse.course.lessons import TIERS, modules
    from smolcourse.course.progress import read_progress

    use_utf8()
    here = workspace.find()
    seen = read_progress(here)
    styles = {"passing": "green", "failing": "red", "unchecked": "yellow"}
    console = Console(highlight=False)
    for module in modules():
        table = Table(
            title=f"{module.number}. {module.title}", title_justify="left", box=None, show_header=False, padding=(0, 2, 0, 0)
        )
        for exercise in module.exercises:
            state = attempts.state_of(here, exercise, seen)
            table.add_row(
                TIERS[exercise.tier], exercise.name, attempts.state_name(state), str(exercise.title), style=styles.get(state)
            )
        console.print(table)
        done, right, whole = quiz.score(here, module)
        console.print(
            tr(
                f"quiz: trả lời {done}/{whole}, đúng ngay lần đầu {right}\n",
                f"quiz: {done} of {whole} answered, {right} right at once\n",
            )
        )
    print(tr("Tiếp theo: smol next", "Next: smol next"))


def quiz(module: Annotated[str, typer.Argument(help=tr("số của bài học", "number of the module"))]) -> None:
    """Predict, then see the answer and why."""
    from smolcourse.course import quiz as quizzes
    from smolcourse.course import workspace
    from smolcourse.course.lessons import find_module

    use_utf8()
    here, chosen = workspace.find(), find_module(module)
    for number, question in enumerate(chosen.quiz):
        print(f"\n{number + 1}/{len(chosen.quiz)}  {question.ask}")
        for letter, option in zip(quizzes.LETTERS, question.options, strict=False):
            print(f"  {letter}) {option}")
        choice = None
        while choice is None:
            try:
                choice = quizzes.read_choice(input(tr("Bạn đoán: ", "Your guess: ")), question)
            except EOFError:
                print()
                return
        right = quizzes.answered(here, chosen, number, choice)
        answer = quizzes.LETTERS[question.answer]
        print(("✓ " if right else tr(f"✗ Đáp án: {answer}. ", f"✗ The answer is {answer}. ")) + str(question.why))
    _, right_ones, whole = quizzes.score(here, chosen)
    print(tr(f"\nĐúng ngay lần đầu: {right_ones}/{whole}", f"\nRight at once: {right_ones} of {whole}"))


def certificate(
    name: Annotated[str, typer.Option(help=tr("tên bạn, như muốn in ra", "your name, as it should be printed"))] = "",
    out: Annotated[Path, typer.Option(help=tr("tệp .svg hoặc .html", "an .svg or .html file"))] = Path("certificate.svg"),
) -> None:
    """Checks every exercise anew and writes what was recomputed."""
    from smolcourse.course import certificate as certificates
    from smolcourse.course import workspace

    use_utf8()
    written = certificates.write(workspace.find(), name, out, print)
    print(written)

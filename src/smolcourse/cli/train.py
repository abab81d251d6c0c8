"""`smol train`: a recipe, started or resumed."""

import sys
from typing import Annotated

import typer

from smolcourse.language import tr


def train(
    recipe: Annotated[str, typer.Argument(help=tr("Tên recipe có sẵn hoặc tệp YAML.", "A built-in recipe or a YAML file."))] = "",
    overrides: Annotated[list[str] | None, typer.Argument(help="key=value", metavar="[KEY=VALUE]...")] = None,
    resume: Annotated[str, typer.Option(help=tr("Chạy tiếp một run bị dừng.", "Go on with a stopped run."), metavar="RUN")] = "",
    budget: Annotated[str, typer.Option(help=tr("Thời gian tối đa, ví dụ 8m.", "Time limit, such as 8m."))] = "",
    keys: Annotated[bool, typer.Option("--keys", help=tr("Liệt kê các khoá của recipe.", "List the keys of a recipe."))] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help=tr("Chỉ dự đoán, không huấn luyện.", "Predict only, do not train."))
    ] = False,
) -> None:
    """Trains a model by a recipe."""
    from smolcourse.config import builtin_recipes, describe_keys, load_recipe

    if keys:
        print(describe_keys())
        return
    if not recipe and not resume:
        print(tr("Các recipe có sẵn:", "Built-in recipes:"), *builtin_recipes(), sep="\n  ")
        raise typer.Exit(2)

    def say(text: str) -> None:
        print(text, flush=True)

    words = [*(overrides or []), *([f"budget={budget}"] if budget else [])]
    chosen = load_recipe(recipe, words) if recipe else None  # errors before anything heavy is imported

    from smolcourse import experiment
    from smolcourse.training.loop import Stopped
    from smolcourse.training.runs import find_run
    from smolcourse.training.train import prepare

    try:
        if chosen is None:
            finished = experiment.resume(find_run(resume), say)
        elif plan:
            prepare(chosen, say)
            return
        else:
            finished = experiment.run(chosen, recipe, say)
    except Stopped as stopped:
        print(f"{tr('Đã dừng. Chạy tiếp', 'Stopped. Go on')}: smol train --resume {stopped}", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"{tr('Báo cáo', 'Report')}: {finished.path / 'report.md'}")
    print(f"{tr('Trò chuyện', 'Talk to it')}: smol chat {finished.name}")

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
    use_mine: Annotated[
        bool, typer.Option("--use-mine", help=tr("Dùng các hàm bạn đã viết và đã đạt.", "Use the functions you wrote that pass."))
    ] = False,
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
    if chosen and use_mine:
        from smolcourse.course.attempts import words_for_mine
        from smolcourse.training.start import starting_folder
        from smolcourse.vision.loading import sees

        method = "see" if sees(starting_folder(chosen.model_name_or_path)) else chosen.method
        chosen = load_recipe(recipe, [*words, *words_for_mine(method, say)])

    from smolcourse import experiment
    from smolcourse.course.driving import driven_by
    from smolcourse.training.loop import Stopped
    from smolcourse.training.parallel import is_first
    from smolcourse.training.runs import find_run
    from smolcourse.training.train import prepare, recipe_of

    try:
        with driven_by((chosen or recipe_of(find_run(resume))).use_mine):
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
    if not is_first():  # of several processes
        return
    print(f"{tr('Báo cáo', 'Report')}: {finished.path / 'report.md'}")
    print(f"{tr('Trò chuyện', 'Talk to it')}: smol chat {finished.name}")

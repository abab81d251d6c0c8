"""`smol synth`: a pipeline that makes data, planned, run, and gone on with."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from smolcourse.cli.progress_line import progress_line
from smolcourse.cli.terminal import repaired, use_utf8
from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.synthesis.calls import Spread
    from smolcourse.synthesis.plan import StepPlan
    from smolcourse.synthesis.results import Outcome


class Engine(StrEnum):
    """Where the calls of steps are made."""

    local = "local"
    ray = "ray"


class _RunByDefault(TyperGroup):
    """`smol synth RECIPE` means `smol synth run RECIPE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


synth_app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help=tr(
        "Tạo dữ liệu theo một pipeline: smol synth orders",
        "Make data with a pipeline: smol synth orders",
    ),
)

_Folder = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        help=tr("thư mục kết quả; mặc định: synth/TÊN", "folder of the result; default: synth/NAME"),
        show_default=False,
    ),
]


_UseMine = Annotated[
    bool, typer.Option("--use-mine", help=tr("dùng các hàm bạn đã viết và đã đạt", "use the functions you wrote that pass"))
]


def _mine() -> dict[str, str]:
    """The learner's passing functions that a pipeline can use: exercise -> file."""
    from smolcourse.course.attempts import passing_for

    return {exercise.name: str(file) for exercise, file in passing_for("synth", print).items()}


def _version(files: dict[str, str]) -> str:
    from smolcourse.synthesis.functions import content_of
    from smolcourse.synthesis.rows import digest

    return digest({name: content_of(Path(file)) for name, file in files.items()})[:8]


def _spread(engine: Engine, processes: int | None, mine: dict[str, str]) -> AbstractContextManager[Spread | None]:
    if engine is Engine.local:
        return nullcontext()
    if mine:
        raise SmolError(
            "--use-mine chỉ thay hàm trong tiến trình này, không thay được trong các tiến trình của Ray",
            "--use-mine puts functions into this process, not into those of Ray",
            where="--engine ray",
            fix="--engine local",
        )
    from smolcourse.synthesis.cluster import ray_cluster

    return ray_cluster(processes)


def _driven_by(files: dict[str, str]) -> AbstractContextManager[None]:
    from smolcourse.course.driving import driven_by

    return driven_by(files)


@synth_app.command("run", help=tr("Chạy, hoặc chạy tiếp, một pipeline.", "Run a pipeline, or go on with it."))
def run(
    recipe: Annotated[
        str,
        typer.Argument(metavar="RECIPE", help=tr("tên có sẵn hoặc tệp YAML", "built-in name or YAML file"), show_default=False),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help=tr("seed=1, budget.usd=2, sources.TÊN.model=..., BƯỚC.khoá=...", "seed=1, budget.usd=2, sources.NAME.model=..."),
            show_default=False,
        ),
    ] = None,
    out: _Folder = None,
    plan: Annotated[
        bool,
        typer.Option("--plan", help=tr("chỉ ước lượng: số câu hỏi, token, tiền, phút", "only estimate: questions, tokens, cost")),
    ] = False,
    use_mine: _UseMine = False,
    engine: Annotated[
        Engine,
        typer.Option(
            help=tr(
                "nơi chạy các bước không hỏi mô hình: tiến trình này, hay một cụm Ray (RAY_ADDRESS, hoặc ngay trên máy này)",
                "where steps run that ask no model: this process, or a Ray cluster (RAY_ADDRESS, or on this machine)",
            )
        ),
    ] = Engine.local,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=tr(
                "số tiến trình của Ray trên máy này; mặc định: số nhân CPU", "Ray's processes on this machine; default: cores"
            ),
            show_default=False,
        ),
    ] = None,
    then_train: Annotated[
        bool,
        typer.Option(
            "--then-train",
            help=tr(
                "rồi huấn luyện ba lần và so sánh: chưa lọc, đã lọc, do người viết",
                "then train three times and compare: unfiltered, filtered, written by people",
            ),
        ),
    ] = False,
) -> None:
    """Makes what is not there yet."""
    use_utf8()
    from smolcourse.synthesis.pipeline import load_pipeline

    pipeline = load_pipeline(repaired(recipe), list(map(repaired, overrides or [])))
    folder = out or Path("synth") / pipeline.name
    mine = _mine() if use_mine else {}
    if mine:  # a folder for each version of them: what other functions made is not gone on with
        folder = folder.with_name(f"{folder.name}-mine-{_version(mine)}")
    if plan:
        from smolcourse.synthesis.plan import plan as make_plan

        _print_plan(make_plan(pipeline, folder))
        return
    from smolcourse.synthesis.engine import run as run_pipeline

    words = [recipe, *(overrides or []), *(["-o", str(out)] if out else []), *(["--use-mine"] if mine else [])]
    words += ["--engine", engine.value] if engine is not Engine.local else []
    words += ["--processes", str(processes)] if processes else []
    words += ["--then-train"] if then_train else []
    again = " ".join(["smol synth", *words])
    try:
        with _driven_by(mine), _spread(engine, processes, mine) as spread, progress_line() as tell:
            outcome = run_pipeline(pipeline, folder, tell=tell, spread=spread)
    except KeyboardInterrupt:
        print(f"{tr('Đã dừng. Chạy tiếp', 'Stopped. Go on')}: {again}", file=sys.stderr)
        raise typer.Exit(130) from None
    _print_outcome(outcome)
    if not outcome.whole:
        failed = sum(step.failed for step in outcome.steps)
        reason = next(step.error for step in outcome.steps if step.error)
        raise SmolError(
            f"{failed} lượt gọi chưa có câu trả lời ({reason})",
            f"{failed} calls got no answer ({reason})",
            where=str(folder),
            fix=again,
        )
    if then_train:
        from smolcourse.cli.then_train import train_and_compare

        with _driven_by(mine):
            train_and_compare(pipeline, folder, again)


@synth_app.command(
    "report", help=tr("Trang HTML về một lần chạy: đã làm ra gì, bỏ gì, vì sao.", "An HTML page: made, dropped, and why.")
)
def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help=tr("thư mục kết quả: synth/TÊN", "folder of the result: synth/NAME"), show_default=False
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            help=tr("tệp HTML; mặc định: RUN/report.html", "HTML file; default: RUN/report.html"),
            show_default=False,
        ),
    ] = None,
    use_mine: _UseMine = False,
) -> None:
    """Writes the page."""
    use_utf8()
    from smolcourse.synthesis.report import summarise
    from smolcourse.synthesis.report_html import html
    from smolcourse.training.durable import mendable, replace_file

    target = out or folder / "report.html"
    with _driven_by(_mine() if use_mine else {}):
        page = html(summarise(folder))
    with mendable(target):
        replace_file(target, page)
    print(target)


@synth_app.command(
    "ls", help=tr("Các pipeline có sẵn, và các bước để viết pipeline.", "Built-in pipelines, and steps to write one.")
)
def list_all() -> None:
    """Prints names and the first line of what they do."""
    use_utf8()
    from smolcourse.synthesis.functions import all_functions
    from smolcourse.synthesis.pipeline import built_in, settings_of

    print(tr("Pipeline có sẵn (smol synth TÊN):", "Built-in pipelines (smol synth NAME):"))
    for name in built_in():
        print(f"  {name}")
    print(tr("Các bước (use: TÊN):", "Steps (use: NAME):"))
    for name, function in all_functions():
        print(f"  {name}({settings_of(function)})")
        print(f"      {(function.__doc__ or '').strip().splitlines()[0]}")


@synth_app.command("trace", help=tr("Một hàng được làm ra từ đâu.", "Where a row comes from."))
def trace(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="synth/NAME", show_default=False)],
    key: Annotated[str, typer.Argument(metavar="ID", help=tr("id trong data.jsonl", "id in data.jsonl"), show_default=False)],
) -> None:
    """Prints the row, the rows it was made of, and the answers with their questions."""
    use_utf8()
    import json

    from smolcourse.synthesis.history import history

    for told in history(folder, key):
        pad = "  " * told.depth
        print(f"{pad}{told.step} {told.row['key'][:12]} {json.dumps(told.row['data'], ensure_ascii=False)}")
        for name, value in told.row.get("scores", {}).items():
            print(f"{pad}  {name} = {value:g}")
        for answer in told.answers:
            asked = answer["asked"]
            settings = f"temperature={asked['temperature']:g}, seed={asked['seed']}"
            print(f"{pad}  {tr('hỏi', 'asked')} {answer['model']} ({settings}): {_last(asked['messages'])}")
            print(f"{pad}  {tr('đáp', 'answered')}: {answer['text']}")


def _last(messages: list[dict[str, Any]]) -> str:
    return str(messages[-1]["content"]) if messages else ""


def _print_plan(steps: list[StepPlan]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(tr("bước", "step"), overflow="fold")
    titles = (
        tr("lượt gọi", "calls"),
        tr("câu hỏi", "questions"),
        tr("token hỏi", "prompt tokens"),
        tr("token đáp ≤", "answer tokens ≤"),
        tr("hàng ≤", "rows ≤"),
        "USD ≤",
        tr("phút", "minutes"),
    )
    for title in titles:
        table.add_column(title, justify="right")
    for step in steps:
        minutes = "?" if step.seconds is None else f"{step.seconds / 60:.1f}"
        cells = (step.units, step.questions, step.prompt_tokens, step.completion_tokens, step.rows, f"{step.usd:.4f}", minutes)
        table.add_row(step.name, *(("✓", "", "", "", str(step.rows), "", "") if step.made else map(str, cells)))
    Console().print(table)
    usd, questions = sum(step.usd for step in steps), sum(step.questions for step in steps)
    print(tr(f"Tổng: {questions} câu hỏi, nhiều nhất {usd:.4f} USD", f"In all: {questions} questions, at most {usd:.4f} USD"))


def _print_outcome(outcome: Outcome) -> None:
    for step in outcome.steps:
        asked = step.fresh + step.remembered
        answers = tr(f", {asked} câu trả lời ({step.fresh} mới)", f", {asked} answers ({step.fresh} new)") if asked else ""
        print(f"{step.name}: {step.kept} {tr('hàng', 'rows')}{answers}")
        for reason, count in step.dropped.most_common():
            print(f"  {tr('bỏ', 'dropped')} {count}: {reason}")
        if step.failed:
            print(f"  {tr('chưa có câu trả lời', 'without an answer')} {step.failed}: {step.error}")
    if outcome.requests:
        print(
            tr(
                f"Đã dùng, kể cả các lần trước: {outcome.requests} request, {outcome.tokens} token, {outcome.usd:.4f} USD",
                f"Used, earlier runs too: {outcome.requests} requests, {outcome.tokens} tokens, {outcome.usd:.4f} USD",
            )
        )
    if outcome.doubtful:
        print(
            tr(
                f"  {outcome.doubtful} câu trả lời có số token không thể đúng: đã tự đếm",
                f"  {outcome.doubtful} answers came with token counts that cannot be: counted here instead",
            )
        )
    print(f"{outcome.folder / 'data.jsonl'}: {outcome.rows} {tr('hàng', 'rows')}")

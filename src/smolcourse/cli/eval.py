"""`smol eval`: models on tasks, in one table with intervals; what flipped; exams from one's own documents."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from smolcourse.cli.chat import MODEL_HELP
from smolcourse.cli.progress_line import progress_line
from smolcourse.cli.terminal import repaired, use_utf8
from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.evaluation.report import Report


class _RunByDefault(TyperGroup):
    """`smol eval MODEL` means `smol eval run MODEL`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


class Format(StrEnum):
    text = "text"
    json = "json"


_REPORTS = Path("evaluations")
_ReportFolder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        help=tr("thư mục báo cáo; mặc định: mới nhất", "the report's folder; default: the newest"),
        show_default=False,
    ),
]
_LONGEST = 24  # characters of a model in the head of a column

eval_app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help=tr(
        "Chấm mô hình trên benchmark hoặc bài kiểm tra của bạn: smol eval MODEL --tasks boolq",
        "Score models on benchmarks or your own tests: smol eval MODEL --tasks boolq",
    ),
)


@eval_app.command("run", help=tr("Chấm một hay nhiều mô hình trên các bài.", "Score one or more models on tasks."))
def run(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help=MODEL_HELP, show_default=False)],
    tasks: Annotated[
        str,
        typer.Option(
            help=tr(
                "các bài, cách nhau bằng dấu phẩy: tên (smol eval ls) hoặc tệp",
                "tasks by name (smol eval ls) or file, with commas",
            ),
            show_default=False,
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=0, help=tr("số mục mỗi bài; 0: tất cả", "items a task; 0: all"))] = 200,
    shots: Annotated[int, typer.Option(min=0, help=tr("số ví dụ mẫu trước mỗi câu", "solved examples before each question"))] = 0,
    seed: Annotated[int, typer.Option(help=tr("chọn mục nào, ví dụ mẫu nào", "which items and examples are drawn"))] = 0,
    chat: Annotated[
        bool | None,
        typer.Option(
            "--chat/--raw",
            help=tr("qua chat template hay không; mặc định: tuỳ bài", "through the chat template or not"),
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help=tr(
                "thư mục báo cáo (JSON, Markdown, HTML, từng mục); mặc định: evaluations/GIỜ",
                "folder of the report (JSON, Markdown, HTML, items); default: evaluations/TIME",
            ),
            show_default=False,
        ),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help=tr("text hoặc json", "text or json"))] = Format.text,
    fresh: Annotated[
        bool, typer.Option("--fresh", help=tr("hỏi lại từ đầu, không dùng câu trả lời đã lưu", "ask anew, use no kept answers"))
    ] = False,
    baselines: Annotated[
        bool,
        typer.Option(
            "--baselines/--no-baselines",
            help=tr(
                "bài về ảnh: hỏi thêm khi không có ảnh, và với ảnh khác", "tasks about pictures: also without, and with others"
            ),
        ),
    ] = True,
    run_code: Annotated[
        bool,
        typer.Option(
            "--run-code", help=tr("cho phép chạy mã do mô hình viết (humaneval)", "let code that a model wrote run (humaneval)")
        ),
    ] = False,
) -> None:
    """Prints one table; writes the report."""
    use_utf8()
    from smolcourse.assets.cache import home
    from smolcourse.evaluation.picture_tasks import with_baselines
    from smolcourse.evaluation.report import make_report, plain, write_report
    from smolcourse.evaluation.tasks import load_task, task_names
    from smolcourse.inference.examinee import sit, training_overlaps

    models = [repaired(name) for name in models]
    names = [name.strip() for name in repaired(tasks).split(",") if name.strip()]
    if not names:
        listed = ", ".join(task_names())
        raise SmolError(f"cần --tasks; có: {listed}", f"--tasks is needed; there are: {listed}", fix="--tasks vietnam,boolq")
    loaded = [load_task(name, size=limit or None, seed=seed, shots=shots, chat=chat, run_code=run_code) for name in names]
    loaded = with_baselines(loaded) if baselines else loaded
    with progress_line() as progress:
        results = sit(models, loaded, answers=None if fresh else home() / "answers", progress=progress)
    overlaps = training_overlaps(models, loaded)
    settings: dict[str, Any] = {"limit": limit, "shots": shots, "seed": seed, "chat": chat}
    report = make_report(loaded, results, overlaps=overlaps, settings=settings)
    out = out or _REPORTS / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    write_report(report, out)
    if format is Format.json:
        print(json.dumps(plain(report), ensure_ascii=False, indent=1))
    else:
        _show(report)
        print(f"{out}: results.json, report.md, report.html, items.jsonl")


def _show(report: Report) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from smolcourse.evaluation.report import notes, show, smallest_text

    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(tr("bài · điểm (%), khoảng 95 %", "task · score (%), 95 % interval"), no_wrap=True)
    table.add_column(tr("số mục", "items"), justify="right")
    for name in report.models:
        table.add_column(Text(name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"), justify="right", overflow="fold")
    for _ in report.models[1:]:
        table.add_column(tr("hiệu với cột đầu", "less the first"), justify="right")
    table.add_column(tr("thấy được từ", "shows from"), justify="right")
    for row in report.rows:
        cells: list[str | Text] = [Text(f"{row.task.name} · {row.task.metric}"), str(len(row.task.items))]
        cells += [show(result.interval(), row.task.metric) for result in row.results]
        for one, adjusted in zip(row.comparisons, row.adjusted, strict=True):
            cells.append(f"{show(one.difference, one.metric, signed=True)}\np = {adjusted:.2g}")
        table.add_row(*cells, smallest_text(row))
    console.print(table)
    for note in notes(report):
        console.print(Text(f"• {note}"), soft_wrap=True)


def _newest() -> Path:
    """The folder of the newest report."""
    return max(_REPORTS.glob("*/results.json"), key=lambda path: path.stat().st_mtime, default=_REPORTS / "results.json").parent


@eval_app.command(
    "diff",
    help=tr(
        "Các mục đổi từ đúng sang sai và ngược lại, kèm prompt và câu trả lời.", "Items that flipped, with prompt and output."
    ),
)
def diff(
    report: _ReportFolder = None,
    task: Annotated[str | None, typer.Option(help=tr("chỉ bài này", "this task only"), show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, help=tr("số ví dụ mỗi nhóm", "examples of each kind"))] = 3,
) -> None:
    """Groups what the models after the first lost and gained."""
    use_utf8()
    from rich.console import Console
    from rich.text import Text

    from smolcourse.data.image_rows import content_text
    from smolcourse.evaluation.flips import read_flips

    console = Console(highlight=False)
    found = read_flips(report or _newest(), task)
    if not found:
        console.print(tr("Không có mục nào đổi giữa các mô hình.", "No item flipped between the models."))
    for flips in found:
        kind = tr("mất", "lost") if flips.lost else tr("được", "gained")
        console.print(Text(f"\n{flips.task} · {flips.second}: {kind} {len(flips.items)}", style="bold"))
        for label, count in flips.kinds.most_common(5):
            console.print(Text(f"  {count:4} × {label}"), soft_wrap=True)
        for before, after in flips.items[:limit]:
            console.print(Text(f"\n  {content_text(before['messages'][-1]['content'])}"), soft_wrap=True)
            console.print(Text(f"    gold {before['gold']}"), soft_wrap=True)
            for line in (before, after):
                console.print(Text(f"    {line['model']}: {' '.join(line['answer'].split())[:300]}"), soft_wrap=True)


@eval_app.command(
    "judge",
    help=tr(
        "Nhờ một mô hình chấm: câu trả lời nào hay hơn, đổi chỗ hai lượt.",
        "Have a model judge which answer is better, both ways round.",
    ),
)
def judge(
    by: Annotated[
        str,
        typer.Option(
            "--judge", help=tr("mô hình, hoặc http://...:PORT/v1#TÊN", "a model, or http://...:PORT/v1#NAME"), show_default=False
        ),
    ],
    report: _ReportFolder = None,
    task: Annotated[str | None, typer.Option(help=tr("chỉ bài này", "this task only"), show_default=False)] = None,
) -> None:
    """Prints how often each model after the first wins, and how far the judge can be believed."""
    use_utf8()
    from smolcourse.assets.cache import home
    from smolcourse.evaluation.answers import remembering
    from smolcourse.evaluation.flips import read_pairs
    from smolcourse.evaluation.judging import win_rate
    from smolcourse.inference.examinee import any_examinee

    pairs = read_pairs(report or _newest(), task)
    with remembering(any_examinee(repaired(by)), home() / "answers") as examinee:
        for (name, second), lines in pairs.items():
            questions = [before["messages"][-1]["content"] for before, _ in lines]
            found = win_rate(
                examinee.generate, questions, *([line["answer"] for line in side] for side in zip(*lines, strict=True))
            )
            held, front = f"{found.consistent:.0%}", f"{found.first_place:.0%}"
            rate = f"{found.rate.value:.1%} [{found.rate.low:.1%}, {found.rate.high:.1%}]"
            print(
                tr(
                    f"{name} · {second}: thắng {rate} trong {len(lines)} mục",
                    f"{name} · {second}: wins {rate} of {len(lines)} items",
                )
            )
            print(
                tr(
                    f"  Giám khảo giữ ý khi đổi chỗ: {held}; chọn câu đứng trước: {front} (công bằng: 50%)",
                    f"  The judge holds to its verdict in {held}; takes the first place in {front} (fair: 50%)",
                )
            )


@eval_app.command("ls", help=tr("Các bài có sẵn, và giấy phép dữ liệu.", "The tasks that there are, and their data's licences."))
def list_tasks() -> None:
    """One line a task."""
    use_utf8()
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from smolcourse.evaluation.benchmarks import BENCHMARKS
    from smolcourse.evaluation.picture_tasks import PICTURE_TASKS

    table = Table(box=box.SIMPLE_HEAD)
    for title in (tr("bài", "task"), tr("giấy phép", "licence"), tr("hỏi gì", "what it asks")):
        table.add_column(title, overflow="fold")
    for name, benchmark in BENCHMARKS.items():
        table.add_row(name, benchmark.license, benchmark.about)
    table.add_row(
        "instructions",
        "Apache-2.0",
        tr(
            "giữ đúng yêu cầu kiểm tra được: số câu, từ cấm, JSON...",
            "instructions that can be checked: sentences, words, JSON...",
        ),
    )
    about = tr("đơn trà sữa thành JSON: new, unseen, noisy", "milk-tea orders to JSON: new, unseen, noisy")
    table.add_row("milk-tea:new", "Apache-2.0", about)
    for name, task in PICTURE_TASKS.items():
        table.add_row(name, task.license, task.about)
    Console(highlight=False).print(table)


@eval_app.command("build", help=tr("Ra đề từ tài liệu của bạn (.txt, .md).", "Make an exam from your own documents (.txt, .md)."))
def build(
    documents: Annotated[
        Path, typer.Argument(metavar="DOCS", help=tr("tệp hay thư mục", "a file or a folder"), show_default=False)
    ],
    out: Annotated[Path, typer.Option(help=tr("tệp đề", "the exam's file"))] = Path("exam.jsonl"),
    model: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "mô hình hoặc http://...:PORT/v1#TÊN viết câu hỏi; mặc định: đục lỗ câu văn",
                "a model or http://...:PORT/v1#NAME that writes the questions; default: blanks",
            ),
            show_default=False,
        ),
    ] = None,
    each: Annotated[int, typer.Option(min=1, help=tr("số câu mỗi đoạn", "questions a passage"))] = 3,
    seed: Annotated[int, typer.Option(help=tr("thứ tự và lựa chọn sai", "order and wrong choices"))] = 0,
    force: Annotated[bool, typer.Option("--force", help=tr("ghi đè đề cũ", "write over an earlier exam"))] = False,
) -> None:
    """Writes questions with four choices; what cannot be asked is dropped and counted."""
    use_utf8()
    from smolcourse.assets.cache import home
    from smolcourse.data.writing import check_target, new_jsonl
    from smolcourse.evaluation.building import blank_out, make_exam, write_questions
    from smolcourse.evaluation.documents import read_passages

    check_target(out, force=force)
    passages = read_passages(documents)
    if model is None:
        exam = make_exam(blank_out(passages), seed=seed)
    else:
        from smolcourse.evaluation.answers import remembering
        from smolcourse.inference.examinee import any_examinee

        with remembering(any_examinee(repaired(model)), home() / "answers") as writer:
            exam = make_exam(write_questions(passages, writer.generate, each=each), reader=writer.generate, seed=seed)
    with new_jsonl([out], force=force) as (write,):
        for row in exam.rows:
            write(row)
    counted = ", ".join(f"{name}: {count}" for name, count in exam.dropped.items())
    print(
        tr(
            f"{out}: {len(exam.rows)} câu từ {len(passages)} đoạn",
            f"{out}: {len(exam.rows)} questions from {len(passages)} passages",
        )
    )
    if counted:
        print(tr(f"Đã bỏ: {counted}", f"Dropped: {counted}"))
    print(tr(f"Tiếp theo: smol label {out}", f"Next: smol label {out}"))


@eval_app.command(
    "export", help=tr("Xuất một bài nhiều lựa chọn cho lm-eval (YAML).", "Export a multiple-choice task for lm-eval (YAML).")
)
def export(
    task: Annotated[str, typer.Argument(help=tr("tên bài hoặc tệp", "a task's name or file"), show_default=False)],
    out: Annotated[Path, typer.Option(help=tr("thư mục", "the folder"))] = Path("lm-eval"),
) -> None:
    """Writes the YAML and its rows."""
    use_utf8()
    from smolcourse.evaluation.export import export_lm_eval
    from smolcourse.evaluation.tasks import load_task

    path = export_lm_eval(load_task(repaired(task), size=None), out)
    print(f"{path}\nlm_eval --include_path {out} --tasks {path.stem} --model hf --model_args pretrained=MODEL")

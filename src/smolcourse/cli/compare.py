"""`smol compare`: two models side by side, on prompts and on a task's test set."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smolcourse.cli.chat import MODEL_HELP
from smolcourse.cli.progress_line import progress_line
from smolcourse.cli.terminal import repaired, use_utf8
from smolcourse.errors import SmolError
from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.evaluation.compare import Comparison, TaskResult
    from smolcourse.inference.sidebyside import SideBySide

_EXAMPLES = 3  # flipped items shown of each kind


class Format(StrEnum):
    text = "text"
    json = "json"


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help=MODEL_HELP, show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help=MODEL_HELP, show_default=False)],
    prompt: Annotated[
        list[str] | None, typer.Option(help=tr("prompt cho cả hai; lặp lại được", "a prompt for both; may be repeated"))
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            help=tr("tên bài kiểm tra (smol eval ls), hoặc tệp .jsonl", "a test (smol eval ls), or a .jsonl file"),
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help=tr("phần kiểm tra: new, unseen, noisy; lặp lại được", "new, unseen, noisy; may be repeated")),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help=tr("số mục mỗi phần", "items a split"))] = 200,
    task_language: Annotated[
        str, typer.Option(help=tr("ngôn ngữ của bộ kiểm tra: vi, en", "language of the test set: vi, en"))
    ] = "vi",
    system: Annotated[
        str | None,
        typer.Option(
            help=tr("system prompt cho các prompt; mặc định: của run", "system prompt of the prompts; default: the run's"),
            show_default=False,
        ),
    ] = None,
    max_new_tokens: Annotated[
        int, typer.Option(min=1, help=tr("độ dài tối đa của câu trả lời", "longest answer, in tokens"))
    ] = 256,
    format: Annotated[Format, typer.Option("--format", help=tr("text hoặc json", "text or json"))] = Format.text,
    out: Annotated[
        Path | None,
        typer.Option(
            help=tr("ghi từng câu trả lời vào tệp JSONL này", "write every answer to this JSONL file"), show_default=False
        ),
    ] = None,
) -> None:
    """Answers with both models and shows the answers, the scores and the difference."""
    use_utf8()
    from smolcourse.evaluation.compare import write_items
    from smolcourse.evaluation.tasks import load_task
    from smolcourse.inference.loading import locate, system_prompt_of
    from smolcourse.inference.sidebyside import side_by_side

    first, second = repaired(first), repaired(second)
    prompts = [repaired(text) for text in prompt or []]
    located = [locate(first), locate(second)]
    if not prompts and task is None:
        task, split = _task_of_runs([place.recipe for place in located], split)
    elif split and task is None:
        task = "milk-tea"
    if out and not out.parent.is_dir():
        raise SmolError("không có thư mục này", "there is no such folder", where=str(out.parent))
    names = [task] if task and (":" in task or not split) else [f"{task}:{part}" for part in split or []]
    tasks = [load_task(name, size=limit, language=task_language) for name in names if name] if task else []
    if prompts and system is None:
        system = next((found for place in reversed(located) if (found := system_prompt_of(place))), None)
    with progress_line() as progress:
        both = side_by_side(
            first, second, prompts=prompts, tasks=tasks, system=system, max_new_tokens=max_new_tokens, progress=progress
        )
    if out:
        write_items([result for pair in both.results for result in pair], out)
    if format is Format.json:
        print(json.dumps(_plain(both), ensure_ascii=False, indent=1))
    else:
        _show(both)


def _task_of_runs(recipes: list[dict[str, Any]], split: list[str] | None) -> tuple[str, list[str] | None]:
    """Without prompts and a task: the task that one of the runs was trained for."""
    for recipe in reversed(recipes):
        if recipe.get("task"):
            return recipe["task"], split or recipe.get("task_splits") or None
    raise SmolError(
        "chưa biết so sánh trên gì: cần --prompt hoặc --task",
        "what to compare on? --prompt or --task is needed",
        fix="--task milk-tea --split new --split unseen",
    )


def _plain(both: SideBySide) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "models": both.models,
        "prompts": [{"prompt": prompt, "answers": list(answers)} for prompt, *answers in both.answers],
        "tasks": [
            {
                "results": [first.summary(), second.summary()],
                "difference": asdict(comparison.difference),
                "p_value": comparison.p_value,
                "gained": [_example(first, second, place) for place in comparison.gained],
                "lost": [_example(first, second, place) for place in comparison.lost],
            }
            for comparison, (first, second) in zip(both.comparisons(), both.results, strict=True)
        ],
    }


def _example(first: TaskResult, second: TaskResult, place: int) -> dict[str, Any]:
    item = first.items[place]
    question = item.messages[-1]["content"]
    return {"index": item.index, "prompt": question, "gold": item.gold, "answers": [item.answer, second.items[place].answer]}


def _show(both: SideBySide) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if both.answers:
        table = Table(box=box.SIMPLE_HEAD, show_lines=True, expand=True)
        for title in ("prompt", *both.models):
            # Text, not str: an answer may hold what rich reads as markup.
            table.add_column(Text(title), overflow="fold", ratio=1)
        for row in both.answers:
            table.add_row(*map(Text, row))
        console.print(table)
    for comparison, (first, second) in zip(both.comparisons(), both.results, strict=True):
        _show_task(console, comparison, first, second)


def _show_task(console: Any, comparison: Comparison, first: TaskResult, second: TaskResult) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from smolcourse.evaluation.compare import compare
    from smolcourse.evaluation.report import show

    items = tr(f"{len(first.items)} mục", f"{len(first.items)} items")
    table = Table(box=box.SIMPLE_HEAD, title=f"{comparison.task} · {items}", title_justify="left", title_style="bold")
    table.add_column(tr("điểm (%), khoảng 95 %", "score (%), 95 % interval"))
    for title in (f"A {first.model}", f"B {second.model}", "B − A"):
        table.add_column(Text(title), justify="right", overflow="fold")
    for metric in first.metrics():
        gap = compare(first, second, metric=metric).difference
        scores = (show(result.interval(metric), metric) for result in (first, second))
        table.add_row(metric, *scores, show(gap, metric, signed=True))
    console.print(table)
    console.print(_verdict(comparison))
    for title, places in (
        (tr("chỉ B đúng", "only B is right"), comparison.gained),
        (tr("chỉ A đúng", "only A is right"), comparison.lost),
    ):
        for place in places[:_EXAMPLES]:
            example = _example(first, second, place)
            console.print(Text(f"\n[{title}] {example['prompt']}", style="bold"))
            for name, text in (("gold", example["gold"]), ("A   ", example["answers"][0]), ("B   ", example["answers"][1])):
                console.print(Text(f"  {name} {' '.join(text.split())[:400]}"), soft_wrap=True)


def _verdict(comparison: Comparison) -> str:
    """One sentence: which is better, and whether chance explains it."""
    gained, lost = len(comparison.gained), len(comparison.lost)
    counts = tr(
        f"chỉ B đúng {gained} mục, chỉ A đúng {lost} mục, p = {comparison.p_value:.2g}",
        f"only B right on {gained}, only A right on {lost}, p = {comparison.p_value:.2g}",
    )
    if not comparison.is_real:
        return tr(f"Chưa thấy khác biệt rõ ({counts}).", f"No clear difference ({counts}).")
    better = "B" if comparison.second_is_better else "A"
    return tr(f"{better} tốt hơn ({counts}).", f"{better} is better ({counts}).")

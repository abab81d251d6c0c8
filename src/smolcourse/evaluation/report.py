"""What several models scored on several tasks: one structure, written as JSON, Markdown and HTML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.evaluation.compare import Comparison, TaskResult, compare, lower_is_better, write_items
from smolcourse.evaluation.contamination import Overlap
from smolcourse.evaluation.picture_notes import sights
from smolcourse.evaluation.statistics import LEVEL, Interval, holm, smallest_difference
from smolcourse.evaluation.tasks import Task
from smolcourse.language import tr
from smolcourse.training import durable

SCHEMA = 1
"""Of `results.json`; raised when a key changes its meaning or goes."""


@dataclass(frozen=True)
class Row:
    """One task: the results of all models, each model after the first compared with the first, and what is left after Holm."""

    task: Task
    results: list[TaskResult]
    comparisons: list[Comparison]
    adjusted: list[float]
    """p-values of `comparisons`, adjusted for the number of comparisons in the whole report."""
    overlaps: list[Overlap | None] = field(default_factory=list)
    """For each model, what of the task stood in its training data; None where that is not known."""

    @property
    def smallest(self) -> float | None:
        """The smallest true difference from the first model that these items would show in four of five tries, at the share of
        items on which two models differ here (a fifth, where there is only one model)."""
        metric = self.results[0].metric
        if any(value not in (0.0, 1.0) for value in self.results[0].values()):
            return None
        items = len(self.results[0].values(metric))
        shares = [(len(one.gained) + len(one.lost)) / items for one in self.comparisons]
        return smallest_difference(items, max(shares, default=0.2) or 1 / items)

    @property
    def chance(self) -> float | None:
        """What a model scores that takes a choice blindly; None where there are no choices."""
        sizes = [len(item.choices) for item in self.task.items]
        return sum(1 / size for size in sizes) / len(sizes) if all(sizes) else None

    def worse(self, place: int) -> bool:
        """Whether a comparison shows a real loss against the first model."""
        return (
            self.adjusted[place] < 1 - LEVEL and self.comparisons[place].is_real and not self.comparisons[place].second_is_better
        )


@dataclass(frozen=True)
class Report:
    """Names of the models, a row for each task, and how they were asked."""

    models: list[str]
    rows: list[Row]
    settings: dict[str, Any]


def make_report(
    tasks: Sequence[Task],
    results: Sequence[list[TaskResult]],
    *,
    overlaps: Sequence[list[Overlap | None]] | None = None,
    settings: dict[str, Any] | None = None,
) -> Report:
    """Compares every model with the first on every task.

    Args:
        results: for each task, the results of all models.
        overlaps: for each task and model, see `Row`.
    """
    comparisons = [[compare(row[0], other) for other in row[1:]] for row in results]
    adjusted = iter(holm([one.p_value for row in comparisons for one in row]))
    rows = [
        Row(task, row, pairs, [next(adjusted) for _ in pairs], (overlaps or [[]] * len(tasks))[place])
        for place, (task, row, pairs) in enumerate(zip(tasks, results, comparisons, strict=True))
    ]
    return Report([result.model for result in results[0]] if results else [], rows, settings or {})


def plain(report: Report) -> dict[str, Any]:
    """The report as `results.json` holds it."""
    return {
        "schema": SCHEMA,
        "models": report.models,
        "settings": report.settings,
        "tasks": [
            {
                "task": row.task.name,
                "version": row.task.version,
                "license": row.task.license,
                "items": len(row.task.items),
                "left_out": row.task.left_out,
                "baseline_of": row.task.baseline_of or None,
                "metric": row.task.metric,
                "lower_is_better": lower_is_better(row.task.metric),
                "chance": row.chance,
                "smallest_difference": row.smallest,
                "results": [result.summary() for result in row.results],
                "comparisons": [
                    {
                        "first": row.results[0].model,
                        "second": result.model,
                        "difference": asdict(one.difference),
                        "p_value": one.p_value,
                        "p_holm": adjusted,
                        "gained": one.gained,
                        "lost": one.lost,
                    }
                    for result, one, adjusted in zip(row.results[1:], row.comparisons, row.adjusted, strict=True)
                ],
                "overlap": [asdict(found) if found else None for found in row.overlaps],
            }
            for row in report.rows
        ],
        "sight": [asdict(one) | {"looks": one.looks} for one in sights(report.rows)],
    }


def show(value: Interval, metric: str, *, signed: bool = False) -> str:
    """`41.0 [36.2, 45.8]`: percent, but for perplexities, which are shown as they are."""
    scale = 1.0 if lower_is_better(metric) or metric.startswith("nats") else 100.0
    digits = 3 if scale == 1.0 else 1
    sign = "+" if signed else ""
    return f"{scale * value.value:{sign}.{digits}f} [{scale * value.low:{sign}.{digits}f}, {scale * value.high:{sign}.{digits}f}]"


def notes(report: Report) -> list[str]:
    """What a reader of the table should know, one sentence each."""
    said = []
    count = sum(len(row.comparisons) for row in report.rows)
    if count > 1:
        raw = sum(one.p_value < 1 - LEVEL for row in report.rows for one in row.comparisons)
        kept = sum(value < 1 - LEVEL for row in report.rows for value in row.adjusted)
        said.append(
            tr(
                f"{count} phép so sánh: {raw} có p < 0,05 khi xét riêng, {kept} còn lại sau hiệu chỉnh Holm.",
                f"{count} comparisons: {raw} with p < 0.05 on their own, {kept} after Holm's correction.",
            )
        )
    for one in sights(report.rows):
        gain = show(one.gain, one.metric, signed=True)
        vi, en = f"ảnh đúng giúp {gain} so với {one.baseline}", f"the right picture adds {gain} to {one.baseline}"
        if not one.looks:
            vi, en = f"KHÔNG NHÌN ẢNH? {vi}: điểm này có thể chỉ là đoán", f"DOES NOT LOOK? {en}: the score may be guessing"
        said.append(tr(f"{one.model}: {vi}.", f"{one.model}: {en}."))
    for row in report.rows:
        for place, result in enumerate(row.results[1:]):
            if row.worse(place):
                gap = show(row.comparisons[place].difference, row.comparisons[place].metric, signed=True)
                said.append(
                    tr(
                        f"{result.model} kém đi ở {row.task.name}: {gap}. Đã quên điều gì? smol eval diff",
                        f"{result.model} got worse at {row.task.name}: {gap}. What did it forget? smol eval diff",
                    )
                )
        for result in row.results:
            if row.chance is not None and result.interval().high < row.chance:
                said.append(
                    tr(
                        f"KÉM HƠN ĐOÁN MÒ: {result.model} ở {row.task.name} ({row.chance:.0%} nếu chọn bừa). "
                        "Mô hình dở hiếm khi dưới mức đó: đáp án bị đảo, hay lấy nhầm lựa chọn có xác suất thấp nhất?",
                        f"BELOW CHANCE: {result.model} at {row.task.name} ({row.chance:.0%} by guessing). "
                        "Even a poor model seldom falls below it: are the answers swapped, or was the least likely choice taken?",
                    )
                )
        for result, overlap in zip(row.results, row.overlaps, strict=False):
            if overlap and overlap.items:
                said.append(
                    tr(
                        f"LỘ ĐỀ: {len(overlap.items)} mục của {row.task.name} có trong dữ liệu huấn luyện của {result.model}.",
                        f"LEAK: {len(overlap.items)} items of {row.task.name} stand in the training data of {result.model}.",
                    )
                )
        if row.task.left_out:
            said.append(
                tr(
                    f"{row.task.name}: bỏ {row.task.left_out} hàng hỏng của nguồn (thiếu đáp án, lựa chọn trùng nhau).",
                    f"{row.task.name}: {row.task.left_out} broken rows of the source left out (no gold, a choice twice).",
                )
            )
    return said


def smallest_text(row: Row) -> str:
    """How small a difference this many items can show."""
    if row.smallest is None:
        return ""
    return f"±{100 * row.smallest:.1f}"


def write_report(report: Report, folder: Path) -> None:
    """Writes `results.json`, `report.md`, `report.html` and `items.jsonl`; each is whole or not there.

    Raises:
        SmolError: the folder cannot be written.
    """
    from smolcourse.evaluation.report_html import html
    from smolcourse.evaluation.report_text import markdown

    try:
        with durable.mendable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            write_items([result for row in report.rows for result in row.results], folder / "items.jsonl")
            durable.replace_file(folder / "results.json", json.dumps(plain(report), ensure_ascii=False, indent=1) + "\n")
            durable.replace_file(folder / "report.md", markdown(report))
            durable.replace_file(folder / "report.html", html(report))
    except OSError as error:
        raise SmolError(
            f"không ghi được báo cáo ({error.strerror})", f"the report cannot be written ({error.strerror})", where=str(folder)
        ) from error

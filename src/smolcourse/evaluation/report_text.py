"""A report as Markdown."""

from __future__ import annotations

from smolcourse.evaluation.report import Report, notes, show, smallest_text
from smolcourse.language import tr


def markdown(report: Report) -> str:
    """A table with intervals, every other metric below it, the notes, and how it was asked."""
    heads = [tr("bài", "task"), tr("điểm", "metric"), tr("số mục", "items"), *report.models]
    heads += [f"{model} − {report.models[0]}" for model in report.models[1:]]
    lines = [f"# {tr('Đánh giá', 'Evaluation')}", "", _line(heads), _line(["---"] * len(heads))]
    for row in report.rows:
        cells = [row.task.name, row.task.metric, str(len(row.task.items))]
        cells += [show(result.interval(), row.task.metric) for result in row.results]
        for one, adjusted in zip(row.comparisons, row.adjusted, strict=True):
            cells.append(f"{show(one.difference, one.metric, signed=True)}, p = {adjusted:.2g}")
        lines.append(_line(cells))
    caption = tr(
        "Điểm tính bằng %, perplexity để nguyên; trong ngoặc là khoảng tin cậy 95 %; p đã hiệu chỉnh Holm.",
        "Scores in %, perplexities as they are; 95 % intervals in brackets; p after Holm's correction.",
    )
    lines += ["", caption, "", *(f"- {note}" for note in notes(report)), ""]
    lines += [
        f"## {tr('Mọi điểm', 'All metrics')}",
        "",
        _line([*heads[:3], *report.models]),
        _line(["---"] * (3 + len(report.models))),
    ]
    for row in report.rows:
        for metric in row.results[0].metrics():
            intervals = [show(result.interval(metric), metric) for result in row.results]
            lines.append(_line([row.task.name, metric, str(len(row.task.items)), *intervals]))
    lines += ["", f"## {tr('Khác biệt nhỏ nhất thấy được', 'Smallest difference that would show')}", ""]
    lines += [f"- {row.task.name}: {smallest_text(row)}" for row in report.rows if row.smallest is not None]
    lines += ["", f"## {tr('Cách hỏi', 'How it was asked')}", ""]
    lines += [f"- {key}: {value}" for key, value in report.settings.items()]
    lines += [f"- {row.task.name}: {row.task.license}" for row in report.rows if row.task.license]
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

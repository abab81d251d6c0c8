"""A report as one HTML page that needs nothing else: a table, and for each task a plot of the intervals in SVG."""

from __future__ import annotations

from html import escape

from smolcourse.evaluation.compare import lower_is_better
from smolcourse.evaluation.report import Report, Row, notes, show
from smolcourse.language import get_language, tr

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1a1a1a; background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left } svg { width: 100%; height: auto } .real { font-weight: 600 }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } th, td { border-color: #444 } }
"""
_WIDTH, _LEFT, _LINE = 800, 260, 26


def html(report: Report) -> str:
    """The whole page. Names and texts are escaped: they come from files and folders."""
    title = tr("Đánh giá", "Evaluation")
    heads = [tr("bài", "task"), tr("số mục", "items"), *report.models, *(f"Δ {model}" for model in report.models[1:])]
    body = "".join(_row(row) for row in report.rows)
    table = f"<table><thead><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr></thead><tbody>{body}</tbody></table>"
    said = "".join(f"<li>{escape(note)}</li>" for note in notes(report))
    plots = "".join(f"<h2>{escape(row.task.name)}</h2>{_plot(row)}" for row in report.rows)
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style>'
    )
    return (
        f'<!doctype html><html lang="{get_language()}"><head>{head}</head>'
        f"<body><h1>{title}</h1>{table}<ul>{said}</ul>{plots}</body></html>\n"
    )


def _row(row: Row) -> str:
    cells = [f"<td>{escape(row.task.name)} <small>{escape(row.task.metric)}</small></td><td>{len(row.task.items)}</td>"]
    cells += [f"<td>{show(result.interval(), row.task.metric)}</td>" for result in row.results]
    for one in row.comparisons:
        kind = ' class="real"' if one.is_real else ""
        cells.append(f"<td{kind}>{show(one.difference, one.metric, signed=True)}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _plot(row: Row) -> str:
    """One line a model: a dot at its score, a bar over its interval, numbers beside them."""
    metric = row.task.metric
    found = [(result.model, result.interval()) for result in row.results]
    low = 0.0 if not lower_is_better(metric) else min(value.low for _, value in found)
    high = 1.0 if not lower_is_better(metric) else max(value.high for _, value in found)
    span = (high - low) or 1.0
    height = _LINE * len(found) + 30

    def x(value: float) -> float:
        return _LEFT + (value - low) / span * (_WIDTH - _LEFT - 20)

    marks = []
    for step in range(5):
        value = low + span * step / 4
        text = f"{value:.3g}" if lower_is_better(metric) else f"{value:.0%}"
        marks.append(
            f'<line x1="{x(value):.1f}" x2="{x(value):.1f}" y1="4" y2="{height - 22}" stroke="currentColor" opacity=".15"/>'
            f'<text x="{x(value):.1f}" y="{height - 6}" text-anchor="middle" font-size="12">{text}</text>'
        )
    for place, (name, score) in enumerate(found):
        y = _LINE * place + 18
        marks.append(
            f'<text x="{_LEFT - 10}" y="{y + 4}" text-anchor="end" font-size="13">{escape(name[-34:])}</text>'
            f'<line x1="{x(score.low):.1f}" x2="{x(score.high):.1f}" y1="{y}" y2="{y}" stroke="#3b82c4" stroke-width="5"/>'
            f'<circle cx="{x(score.value):.1f}" cy="{y}" r="6" fill="#1d5a96"><title>{show(score, metric)}</title></circle>'
        )
    label = escape(f"{row.task.name}: " + "; ".join(f"{name} {show(value, metric)}" for name, value in found), quote=True)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}" fill="currentColor">{"".join(marks)}</svg>'

"""A run as one HTML page that needs nothing else: rows by step, why they were dropped, samples, plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from smolcourse.language import get_language, tr
from smolcourse.synthesis.report import StepPage, Summary

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere }
body { color: #1a1a1a; background: #fff }
h1 { font-size: 1.6rem; line-height: 1.25 } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: 1rem 0 .3rem }
table { border-collapse: collapse } th, td { padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; overflow-wrap: normal }
table.steps { width: 100% } .steps td:first-child { min-width: 6rem; max-width: 16rem } .steps .number { width: 1% }
.bar { display: flex; min-width: 4rem; height: 1rem; margin: .25rem 0 } td.plot { width: 55% }
.kept { background: #2e9e5b; fill: #2e9e5b } .dropped { background: #e07b28 }
.sign { display: inline-block; width: .7rem; height: .7rem; margin-right: .3rem }
svg { display: block; width: 100%; height: 6rem } .ends { display: flex; justify-content: space-between; font-size: .85rem }
summary { cursor: pointer; padding: .1rem 0 } a { color: inherit }
pre { white-space: pre-wrap; border-left: 3px solid #9aa4b2; margin: .4rem 0; padding-left: .7rem; font-size: .85rem }
@media (max-width: 36rem) { td.plot, th.plot { display: none } .steps td:first-child { max-width: none } }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } }
"""
_BINS = 30
_SHOWN = 600  # characters of a sample


def html(summary: Summary) -> str:
    """The whole page. Texts of rows are escaped: models and documents wrote them."""
    title = tr(f"Dữ liệu tạo ra: {summary.name}", f"Data made: {summary.name}")
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{_left(summary)}</p>", _bars(summary.steps)]
    if summary.diversity:
        cells = "".join(
            f"<tr><td>{escape(name)}</td><td class='number'>{value:.3g}</td></tr>" for name, value in summary.diversity.items()
        )
        parts.append(f"<h2>{tr('Đa dạng', 'Diversity')}</h2><table>{cells}</table>")
    if summary.lengths:
        parts.append(
            f"<h2>{tr('Độ dài, tính bằng từ', 'Lengths in words')}</h2>{_histogram(summary.lengths, tr('số từ', 'words'))}"
        )
    parts += [_step(page, place) for place, page in enumerate(summary.steps)]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    return f'<!doctype html><html lang="{get_language()}"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _left(summary: Summary) -> str:
    if summary.rows:
        return f"{_count(summary.rows)} {tr('hàng ở bước cuối', 'rows of the last step')}"
    return tr(
        "Không còn hàng nào ở bước cuối. Dưới đây là những gì đã bị bỏ, và vì sao.",
        "No row is left. Below: what was dropped, and why.",
    )


def _step(page: StepPage, place: int) -> str:
    parts = [f'<h2 id="step-{place}">{escape(page.name)}</h2>']
    if page.dropped:
        rows = "".join(
            f'<tr><td>{escape(why)}</td><td class="number">{_count(count)}</td></tr>' for why, count in page.dropped.most_common()
        )
        parts.append(f"<table><tr><th>{tr('lý do bỏ', 'dropped because')}</th><th></th></tr>{rows}</table>")
    elif not page.kept:
        parts.append(f"<p>{tr('Không có hàng nào đến bước này.', 'No row got to this step.')}</p>")
    for reason, texts in sorted(page.samples.items()):
        name = f"{tr('ví dụ bị bỏ', 'examples dropped')}: {reason}" if reason else tr("ví dụ được giữ", "examples kept")
        shown = "".join(f"<pre>{escape(text[:_SHOWN])}{'…' if len(text) > _SHOWN else ''}</pre>" for text in texts)
        parts.append(f"<details><summary>{escape(name)}</summary>{shown}</details>")
    for name, values in page.scores.items():
        if len(set(values)) > 1:
            parts.append(f"<h3>{escape(name)}</h3>{_histogram(values, name)}")
    return "".join(parts)


def _bars(steps: Sequence[StepPage]) -> str:
    """One line a step: rows that went on, those that did not, and a bar of both. A narrow window shows the numbers alone."""
    most = max((page.kept + page.dropped.total() for page in steps), default=0) or 1
    names = [("kept", tr("giữ", "kept")), ("dropped", tr("bỏ", "dropped"))]
    heads = "".join(f'<th class="number"><span class="sign {kind}"></span>{name}</th>' for kind, name in names)
    lines = [f'<tr><th>{tr("bước", "step")}</th>{heads}<th class="plot"></th></tr>']
    for place, page in enumerate(steps):
        counts = {"kept": page.kept, "dropped": page.dropped.total()}
        numbers = "".join(f'<td class="number">{_count(count)}</td>' for count in counts.values())
        bar = "".join(f'<div class="{kind}" style="width:{100 * count / most:.2f}%"></div>' for kind, count in counts.items())
        name = f'<a href="#step-{place}">{escape(page.name)}</a>'
        lines.append(f'<tr><td>{name}</td>{numbers}<td class="plot"><div class="bar">{bar}</div></td></tr>')
    return f'<table class="steps">{"".join(lines)}</table>'


def _count(number: int) -> str:
    """`1.200.345` in Vietnamese, `1,200,345` in English."""
    return f"{number:,}".replace(",", tr(".", ","))


def _histogram(values: Sequence[float], label: str) -> str:
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    width = (high - low) / _BINS or 1.0
    counts = [0] * _BINS
    for value in finite:
        counts[min(_BINS - 1, int((value - low) / width))] += 1
    most = max(counts) or 1
    tall = [100 * count / most for count in counts]
    marks = "".join(
        f'<rect class="kept" x="{place + 0.05:.2f}" y="{100 - tall[place]:.1f}" width="0.9" height="{tall[place]:.1f}">'
        f"<title>{low + place * width:.3g} – {low + (place + 1) * width:.3g}: {count}</title></rect>"
        for place, count in enumerate(counts)
    )
    said = escape(f"{label}: {low:.3g} – {high:.3g}", quote=True)
    plot = f'<svg viewBox="0 0 {_BINS} 100" preserveAspectRatio="none" role="img" aria-label="{said}">{marks}</svg>'
    return f'{plot}<div class="ends"><span>{low:.3g}</span><span>{high:.3g}</span></div>'

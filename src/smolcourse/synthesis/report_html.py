"""A run as one HTML page that needs nothing else: rows by step, why they were dropped, samples, plots as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from smolcourse.language import get_language, tr
from smolcourse.synthesis.report import StepPage, Summary

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
body { color: #1a1a1a; background: #fff }
table { border-collapse: collapse } th, td { padding: .25rem .8rem .25rem 0; text-align: left } td + td { text-align: right }
pre { white-space: pre-wrap; overflow-wrap: anywhere; border-left: 3px solid #9aa4b2; padding-left: .7rem; font-size: .85rem }
svg { width: 100%; height: auto }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 } }
"""
_WIDTH, _LEFT, _BAR, _BINS = 800, 240, 24, 30
_KEPT, _DROPPED = "#2e9e5b", "#e07b28"
_SHOWN = 600  # characters of a sample


def html(summary: Summary) -> str:
    """The whole page. Texts of rows are escaped: models and documents wrote them."""
    title = tr(f"Dữ liệu tạo ra: {summary.name}", f"Data made: {summary.name}")
    parts = [f"<h1>{escape(title)}</h1>", f"<p>{summary.rows} {tr('hàng ở bước cuối', 'rows of the last step')}</p>"]
    parts.append(_bars(summary.steps))
    if summary.diversity:
        cells = "".join(f"<tr><td>{escape(name)}</td><td>{value:.3g}</td></tr>" for name, value in summary.diversity.items())
        parts.append(f"<h2>{tr('Đa dạng', 'Diversity')}</h2><table>{cells}</table>")
    if summary.lengths:
        parts.append(f"<h2>{tr('Độ dài, tính bằng từ', 'Lengths in words')}</h2>{_histogram(summary.lengths, 'words')}")
    parts += [_step(page) for page in summary.steps]
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>"
    )
    return f'<!doctype html><html lang="{get_language()}"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _step(page: StepPage) -> str:
    parts = [f"<h2>{escape(page.name)}</h2>"]
    if page.dropped:
        rows = "".join(f"<tr><td>{escape(why)}</td><td>{count}</td></tr>" for why, count in page.dropped.most_common())
        parts.append(f"<table><tr><th>{tr('lý do bỏ', 'dropped because')}</th><th></th></tr>{rows}</table>")
    for reason, texts in sorted(page.samples.items()):
        name = f"{tr('bỏ', 'dropped')}: {reason}" if reason else tr("giữ lại", "kept")
        shown = "".join(f"<pre>{escape(text[:_SHOWN])}{'…' if len(text) > _SHOWN else ''}</pre>" for text in texts)
        parts.append(f"<details><summary>{escape(name)}</summary>{shown}</details>")
    for name, values in page.scores.items():
        if len(set(values)) > 1:
            parts.append(f"<h3>{escape(name)}</h3>{_histogram(values, name)}")
    return "".join(parts)


def _bars(steps: Sequence[StepPage]) -> str:
    """One bar a step: rows that went on, and behind them those that did not."""
    most = max((page.kept + page.dropped.total() for page in steps), default=0) or 1
    scale = (_WIDTH - _LEFT - 90) / most
    marks = []
    for place, page in enumerate(steps):
        y, kept, lost = place * _BAR + 4, page.kept * scale, page.dropped.total() * scale
        marks.append(
            f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end" font-size="13">{escape(page.name[-32:])}</text>'
            f'<rect x="{_LEFT}" y="{y}" width="{kept:.1f}" height="16" fill="{_KEPT}"/>'
            f'<rect x="{_LEFT + kept:.1f}" y="{y}" width="{lost:.1f}" height="16" fill="{_DROPPED}"/>'
            f'<text x="{_LEFT + kept + lost + 6:.1f}" y="{y + 13}" font-size="12">{page.kept} − {page.dropped.total()}</text>'
        )
    went_on, left_out = tr("giữ", "kept"), tr("bỏ", "dropped")
    label = "; ".join(f"{page.name}: {page.kept} {went_on}, {page.dropped.total()} {left_out}" for page in steps)
    return _svg(len(steps) * _BAR + 8, label, marks)


def _histogram(values: Sequence[float], label: str) -> str:
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    width = (high - low) / _BINS or 1.0
    counts = [0] * _BINS
    for value in finite:
        counts[min(_BINS - 1, int((value - low) / width))] += 1
    step, most = (_WIDTH - 40) / _BINS, max(counts) or 1
    marks = [
        f'<rect x="{20 + place * step:.1f}" y="{90 - 80 * count / most:.1f}" '
        f'width="{step - 2:.1f}" height="{80 * count / most:.1f}" fill="{_KEPT}">'
        f"<title>{low + place * width:.3g} – {low + (place + 1) * width:.3g}: {count}</title></rect>"
        for place, count in enumerate(counts)
    ]
    marks += [
        f'<text x="{x}" y="106" text-anchor="{anchor}" font-size="12">{value:.3g}</text>'
        for x, anchor, value in ((20, "start", low), (_WIDTH - 20, "end", high))
    ]
    return _svg(112, f"{label}: {low:.3g} – {high:.3g}", marks)


def _svg(height: int, label: str, marks: Sequence[str]) -> str:
    said = escape(label, quote=True)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{said}" fill="currentColor">{"".join(marks)}</svg>'

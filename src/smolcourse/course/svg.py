"""Drawing by code: rows of labelled boxes, curves and arrows, as SVG text that needs no font of its own.

Colours carry meaning and are the same in every picture: green carries loss, grey is only read, blue is ours, orange is wrong.
"""

from collections.abc import Sequence
from html import escape

LOSS, READ, OURS, WRONG, INK = "#2e9e5b", "#d7dbe0", "#3b6fd4", "#e07b28", "#22272e"
_FONT = "font-family='system-ui,sans-serif'"


def picture(width: int, height: int, *parts: str, title: str) -> str:
    """A whole picture; `title` is what a screen reader says."""
    body = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' role='img'>\n"
        f"<title>{escape(title)}</title>\n<rect width='{width}' height='{height}' fill='white'/>\n{body}\n</svg>\n"
    )


def box(x: float, y: float, width: float, height: float, label: str = "", *, fill: str = READ, size: int = 14) -> str:
    """A rounded box with its label in the middle."""
    colour = "white" if fill in (LOSS, OURS, WRONG, INK) else INK
    shape = f"<rect x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}' rx='4' fill='{fill}'/>"
    return shape + (text(x + width / 2, y + height / 2 + size * 0.35, label, size=size, colour=colour) if label else "")


def text(x: float, y: float, words: str, *, size: int = 14, colour: str = INK, anchor: str = "middle") -> str:
    """Words at a place; `anchor` is start, middle or end."""
    return f"<text x='{x:g}' y='{y:g}' {_FONT} font-size='{size}' fill='{colour}' text-anchor='{anchor}'>{escape(words)}</text>"


def arrow(x1: float, y1: float, x2: float, y2: float, *, colour: str = INK) -> str:
    """A line with a head at its second end."""
    length = max(1e-9, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
    dx, dy = (x2 - x1) / length, (y2 - y1) / length
    bx, by = x2 - 8 * dx, y2 - 8 * dy
    head = f"{x2:g},{y2:g} {bx - 4 * dy:g},{by + 4 * dx:g} {bx + 4 * dy:g},{by - 4 * dx:g}"
    shaft = f"<line x1='{x1:g}' y1='{y1:g}' x2='{bx:g}' y2='{by:g}' stroke='{colour}' stroke-width='2'/>"
    return f"{shaft}<polygon points='{head}' fill='{colour}'/>"


def line(points: Sequence[tuple[float, float]], *, colour: str = OURS) -> str:
    """A curve through points in picture coordinates."""
    places = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f"<polyline points='{places}' fill='none' stroke='{colour}' stroke-width='2.5'/>"


def tokens(x: float, y: float, pieces: Sequence[tuple[str, str]], *, size: int = 14, height: float = 30) -> tuple[str, float]:
    """Boxes side by side, each as wide as its label: (label, fill). Returns the drawing and its width."""
    drawn, place = [], x
    for label, fill in pieces:
        width = 14 + 0.6 * size * len(label)
        drawn.append(box(place, y, width, height, label, fill=fill, size=size))
        place += width + 4
    return "".join(drawn), place - x

"""Texts that go in circles: the same lines, the same runs of words, the same character again and again.

The measures and their limits are those of Rae et al. 2021, *Gopher* (arXiv:2112.11446, table A1); that a model's own text needs
them most, Holtzman et al. 2020 show (arXiv:1904.09751). Shares of n-grams are taken only of texts with enough words: in a
sentence of eight, every pair is a large share.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from smolcourse.evaluation.scorers import NoJSON, extract_json
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of

_LIMITS = {
    "duplicate_lines": 0.30,
    "duplicate_line_characters": 0.20,
    "duplicate_paragraphs": 0.30,
    **{f"top_{n}gram": limit for n, limit in ((2, 0.20), (3, 0.18), (4, 0.16))},
    **{f"duplicate_{n}grams": limit for n, limit in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.10))},
}
_WORDS = 24  # fewer say nothing about n-grams
# Sixteen times the same character (rulers such as ---- do not count), or eight times the same few words.
_RUNS = re.compile(r"([^\s\-=_.*#~+|/\\])\1{15,}|\b((?:\w{1,12}\W{1,3}){1,3})(?:\2){7,}", re.IGNORECASE)


def repetition(text: str) -> dict[str, float]:
    """How much of a text repeats: shares of lines, of paragraphs, and of characters that stand in repeated n-grams of words.

    `longest_run`: of the same character, or of the same word, where that is long enough to be a fault; else 0.
    """
    measures: dict[str, float] = {}
    for name, parts in (("line", text.split("\n")), ("paragraph", re.split(r"\n\s*\n", text))):
        kept = [part.strip() for part in parts if part.strip()]
        extra = _extra(kept)
        measures[f"duplicate_{name}s"] = len(extra) / len(kept) if kept else 0.0
        if name == "line":
            measures["duplicate_line_characters"] = sum(map(len, extra)) / max(1, sum(map(len, kept)))
    words = re.findall(r"\w+", text.casefold())
    if len(words) >= _WORDS:
        total = sum(map(len, words))
        measures |= {f"top_{n}gram": _top(words, n) / total for n in (2, 3, 4)}
        measures |= {f"duplicate_{n}grams": _repeated(words, n) / total for n in range(5, 11)}
    found = max((match[0] for match in _RUNS.finditer(text)), key=len, default="")
    measures["longest_run"] = float(len(found))
    return measures


def _extra(parts: Sequence[str]) -> list[str]:
    """Parts that stood there before."""
    seen: set[str] = set()
    return [part for part in parts if part in seen or seen.add(part)]  # type: ignore[func-returns-value]


def _top(words: Sequence[str], n: int) -> int:
    """Characters in the commonest n-gram; one that stands there once repeats nothing."""
    gram, count = Counter(zip(*(words[at:] for at in range(n)), strict=False)).most_common(1)[0]
    return sum(map(len, gram)) * count if count > 1 else 0


def _repeated(words: Sequence[str], n: int) -> int:
    """Characters of words within n-grams that stood there before; each word counts once."""
    seen: set[tuple[str, ...]] = set()
    covered: set[int] = set()
    for at in range(len(words) - n + 1):
        gram = tuple(words[at : at + n])
        if gram in seen:
            covered.update(range(at, at + n))
        seen.add(gram)
    return sum(len(words[place]) for place in covered)


def excess(text: str) -> tuple[str, dict[str, float]]:
    """The first measure that is above its limit, "" for none; and all measures.

    Of an answer that is JSON only the values count: its keys repeat by design.
    """
    measures = repetition(_values(text))
    worst = next((name for name, limit in _LIMITS.items() if measures.get(name, 0.0) > limit), "")
    return worst or ("longest_run" if measures["longest_run"] else ""), measures


def _values(text: str) -> str:
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return "\n".join(_leaves(extract_json(text)))
    except NoJSON:
        return text


def _leaves(value: object) -> Iterator[str]:
    """Long texts of a JSON value; short ones (names, sizes) may well stand there twice."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)
    elif isinstance(value, str) and len(value.split()) > 8:
        yield value


def without(row: Row, *, part: Part = "response") -> Iterator[Draft]:
    """Leaves out texts of which more repeats than Gopher's limits allow."""
    worst, measures = excess(part_of(row.data, part))
    scores = {f"repetition.{name}": round(measures[name], 4) for name in ([worst] if worst else [])}
    yield drop(row, "repetition", scores) if worst else keep(row)

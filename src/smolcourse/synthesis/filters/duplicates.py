"""Rows that say what another row says: to the letter, nearly, or in other words. The first of them stays.

That duplicates make a model recite and cost it quality: Lee et al. 2021 (arXiv:2107.06499), whose near duplicates these are (see
`minhash`). Duplicates by meaning: Abbas et al. 2023, *SemDeDup* (arXiv:2303.09540), here without clustering first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from smolcourse.data.fingerprints import fingerprint
from smolcourse.data.text import comparable
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of


def exact(rows: Sequence[Row], *, part: Part = "all") -> Iterator[Draft]:
    """Keeps the first of the rows with the same text, case, punctuation and spacing aside."""
    seen: dict[int, str] = {}
    for row in rows:
        mark = fingerprint(comparable(part_of(row.data, part)))
        first = seen.setdefault(mark, row.key)
        yield keep(row) if first == row.key else drop(row, "duplicate", same_as=first)


def near(rows: Sequence[Row], *, part: Part = "all", threshold: float = 0.8) -> Iterator[Draft]:
    """Keeps the first of each cluster of near duplicates, found by MinHash in little memory.

    Args:
        threshold: similarity (Jaccard, of runs of five characters) from which on two rows are near duplicates. Where one word
            makes the difference, as in orders, keep it high.
    """
    from smolcourse.synthesis.filters.minhash import clusters

    found = clusters((part_of(row.data, part) for row in rows), threshold)
    yield from _firsts(rows, found, "near duplicate")


def meaning(
    rows: Sequence[Row], *, part: Part = "instruction", threshold: float = 0.95, model: str = "all-minilm-l6-v2"
) -> Iterator[Draft]:
    """Keeps rows that mean something else than the rows kept before them.

    Args:
        threshold: cosine of the two embeddings. What a value means differs from data to data: look at the dropped ones.
        model: an encoder whose token vectors are averaged.
    """
    from smolcourse.synthesis.filters.embedding import embed, load_encoder, nearest_before

    if texts := [part_of(row.data, part) for row in rows]:
        found = nearest_before(embed(texts, *load_encoder(model)), threshold=threshold)
        yield from _firsts(rows, found, "same meaning")


def _firsts(rows: Sequence[Row], found: Any, reason: str) -> Iterator[Draft]:
    """Keeps rows that stand at their own place of `found` [N]; the others name the row that they repeat."""
    import numpy as np

    places = np.asarray(found, dtype=np.int64)
    named = set(places[places != np.arange(len(places))].tolist())
    keys: dict[int, str] = {}
    for place, (row, first) in enumerate(zip(rows, places.tolist(), strict=True)):
        if place in named:
            keys[place] = row.key
        yield keep(row) if first == place else drop(row, reason, same_as=keys[first])

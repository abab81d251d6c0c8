"""How different the rows of a set are from each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from smolcourse.data.text import comparable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Largest = dict[tuple[str, ...], tuple[int, int, int]]
"""The largest count of an n-gram in one text, which text, and the largest count in another."""


def distinct(texts: Iterable[str], n: int) -> float:
    """Different n-grams of words by all n-grams (Li et al. 2016, *A Diversity-Promoting Objective*, arXiv:1510.03055).
    It falls as a set grows: compare sets of one size. NaN where no text has n words."""
    seen: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        grams = _grams(text, n)
        seen.update(grams)
        total += len(grams)
    return len(seen) / total if total else math.nan


def self_bleu(texts: Sequence[str], *, n: int = 4, sample: int = 200, seed: int = 0) -> float:
    """BLEU of a text with all others as its references, the mean over a sample (Zhu et al. 2018, *Texygen*, arXiv:1802.01886).

    1: every text stands among the others; 0: no two share a word. Precisions of orders 1 to n count the same, one is added to
    both sides above order 1 (Lin and Och 2004), and the references are the other texts of the sample. NaN below two texts.
    """
    chosen = list(texts) if len(texts) <= sample else Random(seed).sample(list(texts), sample)
    if len(chosen) < 2:
        return math.nan
    counts = [[Counter(_grams(text, order)) for order in range(1, n + 1)] for text in chosen]
    lengths = [sum(one[0].values()) for one in counts]
    # Of every n-gram the two largest counts and whose the largest is: the largest among the others follows.
    largest: _Largest = {}
    for place, orders in enumerate(counts):
        for grams in orders:
            for gram, count in grams.items():
                first, owner, second = largest.get(gram, (0, -1, 0))
                largest[gram] = (count, place, first) if count > first else (first, owner, max(second, count))
    return sum(_bleu(place, orders, largest, lengths) for place, orders in enumerate(counts)) / len(chosen)


def _bleu(place: int, orders: Sequence[Counter[tuple[str, ...]]], largest: _Largest, lengths: Sequence[int]) -> float:
    logs = 0.0
    for order, grams in enumerate(orders, 1):
        shared = 0
        for gram, count in grams.items():
            first, owner, second = largest[gram]
            shared += min(count, second if owner == place else first)
        extra = order > 1
        if not shared + extra:
            return 0.0
        logs += math.log((shared + extra) / (sum(grams.values()) + extra))
    own = max(1, lengths[place])
    nearest = min((length for one, length in enumerate(lengths) if one != place), key=lambda length: (abs(length - own), length))
    return math.exp(logs / len(orders) + min(0.0, 1 - nearest / own))


def coverage(names: Sequence[str]) -> tuple[int, float]:
    """How many different topics, and how evenly rows are spread over them: entropy by that of an even spread (Pielou 1966),
    1 where all have the same share."""
    shares = [count / len(names) for count in Counter(names).values()]
    if len(shares) < 2:
        return len(shares), 1.0
    return len(shares), -sum(share * math.log(share) for share in shares) / math.log(len(shares))


def spread(vectors: NDArray[Any]) -> float:
    """1 - the mean cosine of two different rows of vectors [N, D] of length 1: 0 where all mean the same. NaN below two rows.

    The mean over all pairs follows from the sum of the vectors.
    """
    count = len(vectors)
    if count < 2:
        return math.nan
    total = vectors.astype("float64").sum(0)
    return 1 - (float(total @ total) - count) / (count * (count - 1))


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    words = comparable(text).split()
    return list(zip(*(words[at:] for at in range(n)), strict=False))

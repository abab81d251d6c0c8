"""How far a score may be from the truth, and whether two models differ.

Sources: Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13 (percentile intervals); Wilson (1927), JASA 22,
p. 209-212, as in Brown, Cai & DasGupta (2001), *Interval Estimation for a Binomial Proportion*; McNemar (1947), Psychometrika 12,
p. 153-157, in its exact form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000
LEVEL = 0.95
_BLOCK = 4_000_000  # draws held at once: 32 MB


@dataclass(frozen=True)
class Interval:
    """A mean (of scores, or of differences) and the interval around it."""

    value: float
    low: float
    high: float


def bootstrap(values: Sequence[float], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of a mean: the items are drawn again with replacement, `resamples` times.

    It needs a few dozen items to be honest, and shrinks to a point when all values are equal: for 0 or n right of n use `wilson`.

    Raises:
        ValueError: no values, a value that is not finite, or a level outside (0, 1).
    """
    items = np.asarray(values, dtype=np.float64)
    if items.size == 0 or not np.isfinite(items).all():
        raise ValueError("needs at least one value, all finite")
    if not 0.0 < level < 1.0:
        raise ValueError("the level lies between 0 and 1")
    means = _resampled_means(items, resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(items.mean()), float(low), float(high))


def _resampled_means(items: npt.NDArray[np.float64], resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """Means [resamples]. Equal values are drawn together, which for right-or-wrong scores is one binomial draw a resample."""
    rng = np.random.default_rng(seed)
    kinds, counts = np.unique(items, return_counts=True)
    if len(kinds) <= 64:
        drawn = rng.multinomial(items.size, counts / items.size, size=resamples)
        return np.asarray(drawn @ kinds / items.size)
    rows = max(1, _BLOCK // items.size)
    blocks = [
        items[rng.integers(items.size, size=(min(rows, resamples - start), items.size))].mean(axis=1)
        for start in range(0, resamples, rows)
    ]
    return np.concatenate(blocks)


def wilson(right: int, total: int, *, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a proportion; it stays honest near 0 and 1, where the bootstrap gives a point.

    Raises:
        ValueError: no items, or more right than there are.
    """
    if total < 1 or not 0 <= right <= total:
        raise ValueError("needs 0 <= right <= total and at least one item")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def interval(values: Sequence[float], *, seed: int = 0, level: float = LEVEL) -> Interval:
    """The bootstrap; Wilson's interval where all scores are 0 or all are 1, because there the bootstrap says nothing."""
    if len(values) and set(values) in ({0.0}, {1.0}):
        return wilson(round(sum(values)), len(values), level=level)
    return bootstrap(values, level=level, seed=seed)


def paired_difference(
    first: Sequence[float], second: Sequence[float], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval:
    """Bootstrap interval of mean(second) - mean(first) on the same items. Items are drawn in pairs, so that what makes an item
    hard for both models cancels: the interval is narrower than that of two separate tests.

    Raises:
        ValueError: the two have different lengths.
    """
    if len(first) != len(second):
        raise ValueError("both need scores of the same items")
    gaps = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    return bootstrap(gaps.tolist(), resamples=resamples, level=level, seed=seed)


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value: if both models were equally good, how often would the items that only one of them gets right
    be split at least as unevenly as here? A binomial test at 1/2; items both get right or wrong say nothing.
    """
    discordant = only_first + only_second
    fewer = min(only_first, only_second)
    tail = sum(math.comb(discordant, count) for count in range(fewer + 1))
    # Whole numbers until the end: 2^n leaves the floats at n = 1024.
    return min(1.0, float(2 * tail / 2**discordant) if discordant < 1000 else math.exp(_log(2 * tail) - discordant * math.log(2)))


def _log(number: int) -> float:
    """Natural logarithm of a whole number of any size."""
    shift = max(0, number.bit_length() - 60)
    return math.log(number >> shift) + shift * math.log(2)

"""How far a score may be from the truth, and whether two models differ.

Sources: Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), chapter 13 (percentile intervals); Wilson (1927), JASA 22,
p. 209-212, as in Brown, Cai & DasGupta (2001), *Interval Estimation for a Binomial Proportion*; McNemar (1947), Psychometrika 12,
p. 153-157, in its exact form; Holm (1979), Scandinavian Journal of Statistics 6, p. 65-70; clusters and the smallest difference
as in Miller (2024), *Adding Error Bars to Evals*.
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


def interval(
    values: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """The bootstrap of a mean; Wilson's interval where all scores are 0 or all are 1, because there the bootstrap says nothing.

    Args:
        weights: of each value in the mean (the words of a text).
        groups: items of one group (questions about one passage) are drawn together, because they stand or fall together:
            counting them as independent makes the interval too narrow. An empty name is a group of its own.
    """
    if weights is None and not _clustered(groups):
        if len(values) and set(values) in ({0.0}, {1.0}):
            return wilson(round(sum(values)), len(values), level=level)
        return bootstrap(values, level=level, seed=seed)
    totals, sizes = _clusters(values, weights, groups)
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // totals.size)
    means = []
    for start in range(0, RESAMPLES, rows):
        drawn = rng.integers(totals.size, size=(min(rows, RESAMPLES - start), totals.size))
        means.append(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(totals.sum() / sizes.sum()), float(low), float(high))


def _clustered(groups: Sequence[str] | None) -> bool:
    named = [group for group in groups or () if group]
    return len(set(named)) < len(named)


def _clusters(
    values: Sequence[float], weights: Sequence[float] | None, groups: Sequence[str] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Sum of weighted values and sum of weights of each group."""
    heavy = np.ones(len(values)) if weights is None else np.asarray(weights, dtype=np.float64)
    places: dict[object, int] = {}
    names: list[object] = [group or place for place, group in enumerate(groups)] if groups else list(range(len(values)))
    index = np.array([places.setdefault(name, len(places)) for name in names], dtype=np.int64)
    if index.size == 0:
        raise ValueError("needs at least one value")
    totals = np.bincount(index, weights=np.asarray(values, dtype=np.float64) * heavy)
    return totals.astype(np.float64), np.bincount(index, weights=heavy).astype(np.float64)


def paired_difference(
    first: Sequence[float],
    second: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval:
    """Bootstrap interval of mean(second) - mean(first) on the same items. Items are drawn in pairs, so that what makes an item
    hard for both models cancels: the interval is narrower than that of two separate tests.

    Raises:
        ValueError: the two have different lengths.
    """
    if len(first) != len(second):
        raise ValueError("both need scores of the same items")
    gaps = (np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)).tolist()
    if weights is None and not _clustered(groups):
        return bootstrap(gaps, level=level, seed=seed)
    return interval(gaps, weights=weights, groups=groups, level=level, seed=seed)


def permutation(
    first: Sequence[float],
    second: Sequence[float],
    *,
    groups: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    seed: int = 0,
) -> float:
    """Two-sided p-value for scores of any kind: were the two models alike, each difference could as well have the other sign.
    How often is the sum, with signs drawn at random, as far from 0 as here? Items of one group change sign together."""
    gaps = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    totals, _ = _clusters(gaps.tolist(), weights, groups)
    seen = abs(totals.sum())
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // totals.size)
    beyond = 0
    for start in range(0, RESAMPLES, rows):
        signs = rng.integers(2, size=(min(rows, RESAMPLES - start), totals.size)) * 2 - 1
        beyond += int((np.abs(signs @ totals) >= seen * (1 - 1e-12)).sum())
    return (beyond + 1) / (RESAMPLES + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for having tried several times: of twenty comparisons of equal models one comes out below 0.05."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def smallest_difference(items: int, discordant: float, *, level: float = LEVEL, power: float = 0.8) -> float:
    """The smallest true difference that a paired test of so many items finds with this power.

    Args:
        discordant: the share of items that only one of the two models gets right. A difference of 0 has the variance
            discordant / items (Miller 2024, section 5, for right-or-wrong scores).
    """
    if items < 1 or not 0.0 <= discordant <= 1.0:
        raise ValueError("needs at least one item and a share between 0 and 1")
    z = NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)
    return min(1.0, z * math.sqrt(discordant / items))


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

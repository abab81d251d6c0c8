"""n out of n with replacement, many times; the quantiles of the means."""

from collections.abc import Sequence

import numpy as np

from smolcourse.evaluation.statistics import Interval


def bootstrap(values: Sequence[float], *, resamples: int = 10_000, level: float = 0.95, seed: int = 0) -> Interval:
    items = np.asarray(values, dtype=float)
    drawn = np.random.default_rng(seed).integers(len(items), size=(resamples, len(items)))
    low, high = np.quantile(items[drawn].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(items.mean()), float(low), float(high))

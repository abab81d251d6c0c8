import numpy as np

from smolcourse.evaluation.statistics import Interval


def bootstrap(values, *, resamples=10_000, level=0.95, seed=0):
    items, rng = np.asarray(values), np.random.default_rng(seed)
    low, high = np.quantile(items[rng.integers(len(items), size=resamples)], [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(items.mean()), float(low), float(high))

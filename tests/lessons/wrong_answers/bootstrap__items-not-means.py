import numpy as np

from smolcourse.evaluation.statistics import Interval


def bootstrap(values, *, resamples=10_000, level=0.95, seed=0):
    items = np.random.default_rng(seed).choice(values, size=resamples)
    low, high = np.quantile(items, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean(values)), float(low), float(high))

import math

import numpy as np

from smolcourse.evaluation.statistics import Interval


def paired_difference(first, second, *, seed=0):
    rng = np.random.default_rng(seed)
    a, b = (np.asarray(x)[rng.integers(len(x), size=(10_000, len(x)))].mean(axis=1) for x in (first, second))
    return Interval(float(np.mean(second) - np.mean(first)), *map(float, np.quantile(b - a, [0.025, 0.975])))


def mcnemar(only_first, only_second):
    n, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)

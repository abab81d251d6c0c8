import math

from smolcourse.evaluation.statistics import bootstrap


def paired_difference(first, second, *, seed=0):
    return bootstrap([a - b for a, b in zip(first, second, strict=False)], seed=seed)


def mcnemar(only_first, only_second):
    n, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)

import math

from smolcourse.evaluation.statistics import Interval, bootstrap


def paired_difference(first, second, *, seed=0):
    a, b = bootstrap(first, seed=seed), bootstrap(second, seed=seed)
    return Interval(b.value - a.value, b.low - a.high, b.high - a.low)


def mcnemar(only_first, only_second):
    n, fewer = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n)

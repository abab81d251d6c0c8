import math

from smolcourse.evaluation.statistics import bootstrap


def paired_difference(first, second, *, seed=0):
    return bootstrap([b - a for a, b in zip(first, second, strict=False)], seed=seed)


def mcnemar(only_first, only_second):
    n, _fewer = only_first + only_second, min(only_first, only_second)
    return math.erfc(math.sqrt((only_first - only_second) ** 2 / max(1, n) / 2))

"""Differences first, then the bootstrap; and a coin for each item that changes sides."""

import math
from collections.abc import Sequence

from smolcourse.evaluation.statistics import Interval, bootstrap


def paired_difference(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Interval:
    return bootstrap([after - before for before, after in zip(first, second, strict=True)], seed=seed)


def mcnemar(only_first: int, only_second: int) -> float:
    tosses = only_first + only_second
    tail = sum(math.comb(tosses, count) for count in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**tosses)

"""Random draws that are the same on every Python version.

Only `Random.random()` is promised to keep its sequence between versions; `choice`, `sample` and `shuffle` are not.
"""

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def chance(rng: Random, share: float) -> bool:
    """True in the given share (0..1) of calls."""
    return rng.random() < share


def pick(rng: Random, options: Sequence[T]) -> T:
    """One of the options, all equally likely."""
    return options[int(rng.random() * len(options))]


def pick_weighted(rng: Random, options: Sequence[tuple[T, float]]) -> T:
    """One of the (option, weight) pairs' options, each as likely as its weight."""
    mark = rng.random() * sum(weight for _, weight in options)
    for option, weight in options:
        mark -= weight
        if mark < 0:
            return option
    return options[-1][0]


def pick_several(rng: Random, options: Sequence[T], count: int) -> list[T]:
    """`count` different options, in a random order."""
    left = list(options)
    return [left.pop(int(rng.random() * len(left))) for _ in range(count)]


def shuffled(rng: Random, options: Sequence[T]) -> list[T]:
    """All the options, in a random order."""
    return pick_several(rng, options, len(options))

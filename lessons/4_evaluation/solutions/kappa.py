"""Agreement beyond that of two people who label blindly, each by habit."""

from collections.abc import Sequence


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    count = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    expected = sum(first.count(label) * second.count(label) for label in {*first, *second}) / count**2
    return 1.0 if expected == 1 else (observed - expected) / (1 - expected)

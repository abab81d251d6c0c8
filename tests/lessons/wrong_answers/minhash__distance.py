from collections.abc import Hashable

PRIME = (1 << 61) - 1


def signature(shingles: set[int], coefficients: list[tuple[int, int]]) -> list[int]:
    return [min((a * x + b) % PRIME for x in shingles) for a, b in coefficients]


def estimate(one: list[int], other: list[int]) -> float:
    return sum(x != y for x, y in zip(one, other, strict=True)) / len(one)


def band_keys(signature: list[int], rows: int) -> list[Hashable]:
    return [(start, *signature[start : start + rows]) for start in range(0, len(signature), rows)]

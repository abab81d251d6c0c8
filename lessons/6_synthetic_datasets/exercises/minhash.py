# vi 🐕 minhash: vài chục con số thay cho cả một văn bản.
# vi Viết ba hàm bên dưới rồi chạy: smol check minhash
# vi Bài học: smol learn 6 minhash      Gợi ý: smol hint minhash
# en 🐕 minhash: some dozens of numbers for a whole text.
# en Write the three functions below, then run: smol check minhash
# en Lesson: smol learn 6 minhash      Hint: smol hint minhash

from collections.abc import Hashable

PRIME = (1 << 61) - 1


def signature(shingles: set[int], coefficients: list[tuple[int, int]]) -> list[int]:
    """The MinHash signature of a set.

    Args:
        shingles: numbers from 0 to PRIME - 1, one for each shingle of the text; at least one.
        coefficients: (a, b) of each hash function h(x) = (a * x + b) mod PRIME.

    Returns:
        For each hash function the smallest hash of the set.
    """
    # TODO
    raise NotImplementedError


def estimate(one: list[int], other: list[int]) -> float:
    """The Jaccard similarity of two sets, estimated from their signatures (made with the same hash functions)."""
    # TODO
    raise NotImplementedError


def band_keys(signature: list[int], rows: int) -> list[Hashable]:
    """One key for each band of `rows` neighbouring numbers; bands do not overlap.

    Two texts must have a key in common just where all numbers of one and the same band agree.

    Args:
        signature: its length is a multiple of `rows`.
    """
    # TODO
    raise NotImplementedError

import math
from collections.abc import Iterable

from smolcourse.data.text import comparable


def distinct(texts: Iterable[str], n: int) -> float:
    grams: list[frozenset[str]] = []
    for text in texts:
        words = comparable(text).split()
        grams += [frozenset(words[at : at + n]) for at in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else math.nan

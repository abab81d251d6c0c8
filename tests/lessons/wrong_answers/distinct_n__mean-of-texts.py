import math
from collections.abc import Iterable

from smolcourse.data.text import comparable


def distinct(texts: Iterable[str], n: int) -> float:
    shares = []
    for text in texts:
        words = comparable(text).split()
        grams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
        if grams:
            shares.append(len(set(grams)) / len(grams))
    return sum(shares) / len(shares) if shares else math.nan

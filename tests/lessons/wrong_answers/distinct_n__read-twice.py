import math
from collections.abc import Iterable

from smolcourse.data.text import comparable


def distinct(texts: Iterable[str], n: int) -> float:
    if not any(len(comparable(text).split()) >= n for text in texts):
        return math.nan
    grams: list[tuple[str, ...]] = []
    for text in texts:
        words = comparable(text).split()
        grams += [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
    return len(set(grams)) / max(1, len(grams))

import math
from collections import Counter
from collections.abc import Sequence

from smolcourse.data.text import comparable


def self_bleu(texts: Sequence[str], n: int = 4) -> float:
    words = [comparable(text).split() for text in texts]
    return sum(bleu(one, words[:place] + words[place + 1 :], n) for place, one in enumerate(words)) / len(words)


def counted(words: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def bleu(words: list[str], references: list[list[str]], n: int) -> float:
    logs = 0.0
    for order in range(1, n + 1):
        own = counted(words, order)
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= counted(reference, order)
        shared, extra = (own & most).total(), int(order > 1)
        if not shared + extra:
            return 0.0
        logs += math.log((shared + extra) / (own.total() + extra)) / n
    nearest = min(len(reference) for reference in references)
    return math.exp(logs + min(0.0, 1 - nearest / len(words)))

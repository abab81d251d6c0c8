from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from smolcourse.data.text import comparable

WORDS = 8
SHARE = 0.7


def plain(text: str) -> list[str]:
    return comparable(text).split()


def grams(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[at : at + size]) for at in range(len(words) - size + 1))


def finder(questions: list[str]) -> Callable[[str], set[int]]:
    having: dict[tuple[str, ...], list[int]] = defaultdict(list)
    needed: list[float] = []
    sizes: set[int] = set()
    for place, question in enumerate(questions):
        words = plain(question)
        size = min(WORDS, len(words))
        own = set(grams(words, size))
        sizes.add(size)
        needed.append(SHARE * len(own))
        for gram in own:
            having[gram].append(place)

    def look(row: str) -> set[int]:
        words = plain(row)
        own = {gram for size in sizes for gram in grams(words, size)}
        hits = Counter(place for gram in own for place in having.get(gram, ()))
        return {place for place, count in hits.items() if count >= needed[place]}

    return look

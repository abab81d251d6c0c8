"""Each row is seen once and held against all questions; what two rows have is never added up."""

from collections.abc import Iterable, Sequence

from smolcourse.data.text import comparable

WORDS = 8
SHARE = 0.7
SHORTEST = 4


def ngrams(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def overlap(questions: Sequence[str], rows: Iterable[str]) -> list[int]:
    asked = {place: comparable(question).split() for place, question in enumerate(questions)}
    grams = {place: ngrams(words, min(WORDS, len(words))) for place, words in asked.items() if len(words) >= SHORTEST}
    sizes = {min(WORDS, len(asked[place])) for place in grams}
    leaked = set()
    for row in rows:
        words = comparable(row).split()
        held = {gram for size in sizes for gram in ngrams(words, size)}
        leaked |= {place for place, own in grams.items() if len(own & held) >= SHARE * len(own)}
    return sorted(leaked)

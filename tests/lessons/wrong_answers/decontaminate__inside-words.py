from collections.abc import Callable

from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.data.text import comparable


def plain(text: str) -> str:
    return " ".join(strip_diacritics(comparable(text)).split())


def finder(questions: list[str]) -> Callable[[str], set[int]]:
    grams = []
    for question in questions:
        words = plain(question).split()
        size = min(8, len(words))
        grams.append({" ".join(words[at : at + size]) for at in range(len(words) - size + 1)})

    def look(row: str) -> set[int]:
        text = plain(row)
        return {place for place, own in enumerate(grams) if sum(gram in text for gram in own) >= 0.7 * len(own)}

    return look

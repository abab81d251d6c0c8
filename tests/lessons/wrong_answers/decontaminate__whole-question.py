from collections.abc import Callable

from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.data.text import comparable


def plain(text: str) -> str:
    return " ".join(["", *strip_diacritics(comparable(text)).split(), ""])


def finder(questions: list[str]) -> Callable[[str], set[int]]:
    asked = [plain(question) for question in questions]
    return lambda row: {place for place, question in enumerate(asked) if question in plain(row)}

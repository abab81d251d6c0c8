from collections.abc import Callable

from smolcourse.data.text import comparable

LEAKS = ("yêu cầu mới", "yêu cầu gốc", "new request", "original request", "rewritten")


def failed(text: str, before: str) -> str:
    if not text or comparable(text) == comparable(before):
        return "nothing new"
    if any(leak in text.casefold() and leak not in before.casefold() for leak in LEAKS):
        return "speaks of the rewriting"
    if len(text.split()) > 3 * len(before.split()) + 60:
        return "too long"
    return ""


def evolve(instruction: str, ways: list[str], ask: Callable[[str, str], str]) -> list[str]:
    made: list[str] = []
    for way in ways:
        text = ask(way, instruction).strip()
        made.append(text)
        if failed(text, instruction):
            break
        instruction = text
    return made

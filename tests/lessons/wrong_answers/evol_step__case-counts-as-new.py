from collections.abc import Callable

LEAKS = ("yêu cầu mới", "yêu cầu gốc", "new request", "original request", "rewritten")


def failed(text: str, before: str) -> str:
    if not text or text == before:
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
        if failed(text, instruction):
            break
        made.append(text)
        instruction = text
    return made

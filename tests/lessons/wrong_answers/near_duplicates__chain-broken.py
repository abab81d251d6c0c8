from collections.abc import Callable, Hashable


def clusters(keys: list[list[Hashable]], similarity: Callable[[int, int], float], threshold: float) -> list[int]:
    found: list[int] = []
    having: dict[Hashable, list[int]] = {}
    for text, own in enumerate(keys):
        before = sorted({one for key in own for one in having.get(key, [])})
        found.append(next((one for one in before if similarity(one, text) >= threshold), text))
        if found[-1] == text:
            for key in own:
                having.setdefault(key, []).append(text)
    return found

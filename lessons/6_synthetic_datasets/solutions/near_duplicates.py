"""A table from key to texts; clusters grow by joining, the smaller place is the root."""

from collections import defaultdict
from collections.abc import Callable, Hashable
from itertools import combinations


def clusters(keys: list[list[Hashable]], similarity: Callable[[int, int], float], threshold: float) -> list[int]:
    root = list(range(len(keys)))

    def first(text: int) -> int:
        while root[text] != text:
            text = root[text]
        return text

    together: dict[Hashable, list[int]] = defaultdict(list)
    for text, own in enumerate(keys):
        for key in dict.fromkeys(own):
            together[key].append(text)
    for texts in together.values():
        for one, other in combinations(texts, 2):
            a, b = first(one), first(other)
            if a != b and similarity(one, other) >= threshold:
                root[max(a, b)] = min(a, b)
    return [first(text) for text in range(len(keys))]

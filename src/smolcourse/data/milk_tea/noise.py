"""Typing as it is: no diacritics, chat spellings, letters in the wrong place. The meaning stays."""

import re
import unicodedata
from collections.abc import Iterator
from random import Random

from smolcourse.data.milk_tea.drawing import chance, pick, shuffled
from smolcourse.data.milk_tea.phrases import Phrases


def strip_diacritics(text: str) -> str:
    """`trà đào` -> `tra dao`."""
    bare = "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
    return bare.replace("đ", "d").replace("Đ", "D")


def shorten(text: str, phrases: Phrases, rng: Random, most: int) -> str:
    """Puts up to `most` chat spellings or common mistakes into the text."""
    done = 0
    for right, typed in shuffled(rng, phrases.typed):
        if done == most:
            break
        found = re.search(rf"(?<!\w){right}(?!\w)", text) if right in text else None
        if found:
            text = text[: found.start()] + typed + text[found.end() :]
            done += 1
    return text


def slip(text: str, rng: Random) -> str:
    """Swaps two neighbouring inner letters of one longer word; numbers are left alone."""
    words = [found.span() for found in re.finditer(r"[^\W\d_]{4,}", text)]
    if not words:
        return text
    start, end = pick(rng, words)
    at = start + 1 + int(rng.random() * (end - start - 3))
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def make_noisy(text: str, phrases: Phrases, rng: Random, tries: int = 40) -> Iterator[str]:
    """Versions of a clean order as a hurried customer types it, each different from the order; perhaps none."""
    for _ in range(tries):
        noisy = shorten(text, phrases, rng, most=1 + int(rng.random() * 3)) if chance(rng, 0.7) else text
        if chance(rng, 0.6):
            noisy = strip_diacritics(noisy)
        if chance(rng, 0.3):
            noisy = slip(noisy, rng)
        if chance(rng, 0.3):
            noisy = noisy.lower()
        if noisy.lower() != text.lower():
            yield noisy

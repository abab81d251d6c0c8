"""Vietnamese or English, by how the words are built and which small words stand between them.

A Vietnamese word as it is written is one syllable, and its syllables follow a narrow pattern: at most one cluster of consonants,
vowels, one of eight endings. Nearly every token of a Vietnamese text fits it, with or without diacritics; of an English text
about a third do. English shows itself by its function words. Where neither is clear, the answer is "unclear": a guess would
throw good rows away. The idea of telling languages by short words and by the n-grams that they allow is Grefenstette's and
Cavnar and Trenkle's; how far so simple a thing can be trusted, Caswell et al. 2020 show (*Language ID in the Wild*,
arXiv:2010.14571): `tests/synthesis/filters/test_languages.py` holds this one to the texts of the course.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of

Language = Literal["vi", "en", "other", "unclear"]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SYLLABLE = re.compile(
    r"(?:b|c|ch|d|g|gh|gi|h|k|kh|l|m|n|ng|ngh|nh|p|ph|qu|r|s|t|th|tr|v|x)?"
    r"(?:[aeiouy]|ai|ao|au|ay|eo|eu|ia|ie|ieu|iu|oa|oai|oay|oe|oi|oo|ua|uai|uay|uau|ue|ui|uo|uoi|uou|uu|uy|uya|uye|uyu|ya|ye|yeu)"
    r"(?:c|ch|m|n|ng|nh|p|t)?"
)
# Letters that no other language written in Latin letters puts together so: ă, đ, ơ, ư, and vowels with two marks or with a
# hook or a dot below.
_OWN = re.compile("[ăắằẳẵặấầẩẫậđếềểễệốồổỗộơớờởỡợưứừửữựảạẻẽẹỉĩịỏọủũụỷỹỵ]")
_ENGLISH = """
the of and to in is that it for was on are as with his they be at this have from or had by but some what there we can out other
were all your when up use how said an each she which do their if will way about many then them would write like so these her
long make see him has look more could my than been who its now did get may you he not no any only into over also because should
where just very after most me our us does why i'm don't it's i'll i'd that's you're let's here please give tell explain one two
three without take want
"""
# What Vietnamese small words look like without diacritics, as far as no English word does.
_VIETNAMESE = """
la va cua cho khong nhung duoc trong voi mot cac nay khi nguoi den neu thi nhu cung rat hay tren tai sau truoc minh ban toi em
anh chi ly nhe nha giup gi nao the sao vi nen phai con dang da se ve tu ra vao lai nua roi moi cai ai la dau nam viet o thuoc
may bao nhieu ngay
"""
# Letters that stand together in English far more often than in its neighbours.
_TYPICAL = re.compile("th|wh|sh|ck|ee|oo|igh|ough|ing$|ly$|ed$|w|y$")
_SMALL = {"en": frozenset(_ENGLISH.split()), "vi": frozenset(_VIETNAMESE.split())}


@dataclass(frozen=True)
class Guess:
    """Attributes:
    language: the guess.
    vietnamese: the share of words that are Vietnamese syllables.
    english: the share that are English function words.
    words: how many there were to go by.
    """

    language: Language
    vietnamese: float
    english: float
    words: int


def guess(text: str) -> Guess:
    """Which of the two languages a text is written in. Numbers, code marks and the like do not count."""
    words = [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFC", text))]
    if not words:
        return Guess("unclear", 0.0, 0.0, 0)
    bare = [strip_diacritics(word) for word in words]
    count = len(words)
    if sum(word.isascii() for word in bare) < 0.5 * count:
        return Guess("other", 0.0, 0.0, count)
    fits = [_SYLLABLE.fullmatch(word) is not None for word in bare]
    own = sum(fit and _OWN.search(word) is not None for word, fit in zip(words, fits, strict=True)) / count
    small = sum(word in _SMALL["vi"] for word in bare) / count
    vietnamese = sum(fits) / count
    english = sum(word in _SMALL["en"] for word in words) / count
    typical = sum(_TYPICAL.search(word) is not None and word.isascii() for word in words) / count
    return Guess(_decide(vietnamese, own, small, english, typical, count), vietnamese, english, count)


def _decide(vietnamese: float, own: float, small: float, english: float, typical: float, count: int) -> Language:
    if own >= 0.15 and english < 0.15:
        return "vi"
    if vietnamese >= 0.9 and count >= 5 and english < 0.3:
        return "vi"
    if vietnamese >= 0.75 and small >= 0.15 and english < small:
        return "vi"
    if own < 0.1 and english and english + typical / 2 >= 0.2:
        return "en"
    foreign = count >= 12 and own < 0.05 and english < 0.05 and typical < 0.2 and vietnamese < 0.6
    return "other" if foreign else "unclear"


def only(
    row: Row,
    *,
    languages: list[Literal["vi", "en"]] = ["vi"],  # noqa: B006
    part: Part = "all",
    unclear: bool = True,
) -> Iterator[Draft]:
    """Keeps texts in these languages.

    Args:
        unclear: whether texts that are too short or too mixed to tell stay.
    """
    found = guess(part_of(row.data, part))
    fine = found.language in languages or (unclear and found.language == "unclear")
    yield keep(row) if fine else drop(row, f"language {found.language}")

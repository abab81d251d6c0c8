"""Personal data: addresses, telephone numbers, identity numbers, cards and accounts, found by their form and their check digits.

That models repeat such strings from what they were trained on: Carlini et al. 2021, *Extracting Training Data from Large
Language Models* (arXiv:2012.07805). Names and postal addresses are not found here: form alone does not tell them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from smolcourse.data.text import comparable
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of, with_part

Kind = Literal["email", "phone", "identity", "card", "iban", "address"]


class Found(NamedTuple):
    """A place in a text, and what stands there."""

    start: int
    end: int
    kind: Kind


# Separators within numbers: a space, a full stop or a hyphen; never two.
_SEP = r"[ .\-]?"
_EMAIL = re.compile(
    r"(?<![\w.+-])[\w+-][\w.+-]{0,63}(?:@|\s?[\[(](?:at|a còng)[\])]\s?)"
    r"(?:[a-z0-9-]+(?:\.|\s?[\[(]dot[\])]\s?)){1,4}[a-z]{2,24}\b",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\d.,/-])\d(?:[ -]?\d){12,18}(?![\d/]|[.,]\d)")
_CITIZEN = re.compile(r"(?<![\d.,/-])0\d{2}[ .]?\d{3}[ .]?\d{3}[ .]?\d{3}(?![\d/]|[.,]\d)")
_OLD_IDENTITY = re.compile(r"(?<![\d.,/-])\d{3}[ .]?\d{3}[ .]?\d{3}(?![\d/]|[.,]\d)")
_MOBILE = re.compile(rf"(?<![\w.,/])(?:\(?\+?84\)?{_SEP}\(?0?\)?|0){_SEP}[35789]{_SEP}\d(?:{_SEP}\d){{7}}(?![\d/]|[.,]\d)")
_LANDLINE = re.compile(rf"(?<![\w.,/])(?:\(?\+?84\)?{_SEP}|\(?0)2\d{{1,2}}\)?{_SEP}\d(?:{_SEP}\d){{6,7}}(?![\d/]|[.,]\d)")
_ABROAD = re.compile(r"(?<![\w+])\+(?!84)[1-9]\d{0,2}[ .\-]?(?:\(\d{1,4}\)[ .\-]?)?\d(?:[ .\-]?\d){6,12}(?!\d)")
_AMERICAN = re.compile(r"(?<![\w.,/-])(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}(?![\d-])")
_IP = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
_CALLED = re.compile(
    r"(?:cmnd|cmt|cccd|căn cước|chứng minh|identity|passport|hộ chiếu|id number|số định danh)[^\n]{0,30}$", re.IGNORECASE
)

_CODES = """
1 2 4 6 8 10 11 12 14 15 17 19 20 22 24 25 26 27 30 31 33 34 35 36 37 38 40 42 44 45 46 48
49 51 52 54 56 58 60 62 64 66 67 68 70 72 74 75 77 79 80 82 83 84 86 87 89 91 92 93 94 95 96
"""
_PROVINCES = frozenset(map(int, _CODES.split()))
"""The first three digits of a citizen's number: the province of birth (Circular 59/2021/TT-BCA; the codes of before 2025)."""


def luhn(number: str) -> bool:
    """Whether the last digit of a card's number fits the others (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in number if one.isdigit()]
    total = sum(digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits)))
    return len(digits) > 1 and total % 10 == 0


def iban(number: str) -> bool:
    """Whether an account number's check digits fit: the number, turned and written in digits, is 1 modulo 97 (ISO 13616)."""
    plain = number.replace(" ", "").upper()
    if not 15 <= len(plain) <= 34 or not plain.isalnum():
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def citizen(number: str) -> bool:
    """Whether twelve digits can be a Vietnamese citizen's number (CCCD): a province's code, then a digit for sex and century
    (0 to 3 for those born in 1900 to 2099)."""
    digits = "".join(one for one in number if one.isdigit())
    return len(digits) == 12 and int(digits[:3]) in _PROVINCES and digits[3] in "0123"


def _card(number: str) -> bool:
    digits = "".join(one for one in number if one.isdigit())
    # Visa, Mastercard, Amex, Discover, JCB, UnionPay and NAPAS begin so.
    issued = re.match(r"4|5[1-5]|2[2-7]|3[47]|6(?:011|4[4-9]|5)|35|62|9704", digits) is not None
    return issued and luhn(digits)


_FORMS: tuple[tuple[Kind, re.Pattern[str], Callable[[str], bool] | None], ...] = (
    ("email", _EMAIL, None),
    ("iban", _IBAN, iban),
    ("card", _CARD, _card),
    ("identity", _CITIZEN, citizen),
    ("phone", _MOBILE, None),
    ("phone", _LANDLINE, None),
    ("phone", _ABROAD, None),
    ("phone", _AMERICAN, None),
    ("address", _IP, None),
)


def personal(text: str) -> list[Found]:
    """Every place with personal data, in order; none overlap.

    `address` is a network address. Nine digits are an old identity number only behind a word that says so.
    """
    found: list[Found] = []

    def free(start: int, end: int) -> bool:
        return all(end <= one.start or start >= one.end for one in found)

    for kind, pattern, check in _FORMS:
        for match in pattern.finditer(text):
            if (check is None or check(match[0])) and free(*match.span()):
                found.append(Found(*match.span(), kind))
    for match in _OLD_IDENTITY.finditer(text):
        if free(*match.span()) and _CALLED.search(text[max(0, match.start() - 60) : match.start()]):
            found.append(Found(*match.span(), "identity"))
    return sorted(found)


def redacted(text: str) -> str:
    """The text with `[EMAIL]`, `[PHONE]`, ... in place of personal data."""
    for one in reversed(personal(text)):
        text = f"{text[: one.start]}[{one.kind.upper()}]{text[one.end :]}"
    return text


def redact(row: Row, *, part: Part = "all") -> Iterator[Draft]:
    """Puts `[EMAIL]`, `[PHONE]`, `[IDENTITY]`, `[CARD]`, `[IBAN]`, `[ADDRESS]` in place of personal data; drops nothing."""
    count = len(personal(part_of(row.data, part)))
    yield keep(row, {"redacted": float(count)}, **with_part(row.data, part, redacted)) if count else keep(row)


def without(row: Row, *, part: Part = "all", public: list[str] = []) -> Iterator[Draft]:  # noqa: B006
    """Leaves out texts with personal data.

    Args:
        public: what may stand there all the same: a hotline, an address of the shop.
    """
    text = part_of(row.data, part)
    allowed = {comparable(one) for one in public}
    kinds = [one.kind for one in personal(text) if comparable(text[one.start : one.end]) not in allowed]
    yield drop(row, f"personal data: {kinds[0]}") if kinds else keep(row)

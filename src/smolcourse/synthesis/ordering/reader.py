"""Reads an order by rules alone: what a program is sure of, or nothing. It is what generated orders are verified with."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from smolcourse.data.milk_tea.menu import LEVELS, MAX_QUANTITY, Item, Menu
from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.synthesis.ordering.rules import Rules

Span = tuple[int, int]
_MASK = "\ue000"  # stands for a name that has been read, so that "đường" in "trân châu đường đen" is no sugar


@dataclass(frozen=True)
class Said:
    """One drink as it was said: what it means, and where in the text each part of it stands.

    Attributes:
        head: from the number, or the cup, to the end of the drink's name.
        parts: `quantity`, `drink`, `size_before`, `size`, `sugar`, `ice`, `both`, `toppings`, `no_topping` -> where they stand;
            `toppings` begins with the word that announces them.
    """

    item: Item
    head: Span
    end: int
    parts: dict[str, Span] = field(default_factory=dict)


class Unclear(Exception):
    """The order cannot be read in one way only. The text of the error is the reason, in short English."""


@dataclass(frozen=True)
class _Patterns:
    names: dict[str, str]  # without diacritics -> as on the menu
    drinks: re.Pattern[str]
    toppings: re.Pattern[str]
    before: re.Pattern[str]
    times: re.Pattern[str]
    size: re.Pattern[str]
    both: re.Pattern[str]
    level: dict[str, re.Pattern[str]]
    none: re.Pattern[str]
    announced: re.Pattern[str]


def plain(text: str) -> str:
    """Lower case without diacritics, letter for letter at the same places as in the text in form NFC."""
    return "".join(map(_plain, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=4096)
def _plain(letter: str) -> str:
    return strip_diacritics(letter).lower()[:1] or letter


def read_order(text: str, menu: Menu, rules: Rules) -> list[Said]:
    """The drinks of an order.

    Raises:
        Unclear: no drink of the menu, or words that contradict one another.
    """
    patterns = _patterns(menu, _Frozen(rules))
    whole = plain(text)
    drinks = list(patterns.drinks.finditer(whole))
    if not drinks:
        raise Unclear("no drink of the menu")
    masked = patterns.drinks.sub(lambda found: _MASK * len(found[0]), whole)
    heads = [patterns.before.search(masked[: drink.start()]) for drink in drinks]
    starts = [head.start() if head else drink.start() for head, drink in zip(heads, drinks, strict=True)]
    said = []
    for place, (drink, head) in enumerate(zip(drinks, heads, strict=True)):
        until = starts[place + 1] if place + 1 < len(starts) else len(masked)
        said.append(_one(masked, drink, head, until, patterns, rules))
    return said


def strange(text: str, menu: Menu, rules: Rules) -> float:
    """The share of an order's words that stand neither on the menu nor in the rules; numbers are no words."""
    words = re.findall(r"[^\W\d_]+", plain(text))
    return sum(word not in _words(menu, _Frozen(rules)) for word in words) / max(1, len(words))


@lru_cache(maxsize=4)
def _words(menu: Menu, frozen: _Frozen) -> frozenset[str]:
    said = repr(dataclasses.astuple(frozen.rules)) + repr((menu.drinks, menu.toppings))
    return frozenset(re.findall(r"[^\W\d_]+", plain(said)))


def items_of(said: Sequence[Said]) -> list[Item]:
    """What was ordered."""
    return [one.item for one in said]


def _one(
    text: str,
    drink: re.Match[str],
    head: re.Match[str] | None,
    until: int,
    patterns: _Patterns,
    rules: Rules,
) -> Said:
    parts: dict[str, Span] = {"drink": drink.span()}
    region = text[:until]
    start, end = (head.start() if head and head[0].strip() else drink.start()), drink.end()
    quantities = []
    if head and head["n"]:
        quantities.append(_number(head["n"], rules))
        parts["quantity"] = head.span("n")
    if times := patterns.times.match(region, end):
        quantities.append(int(times[1]))
        parts["quantity"], end = times.span(), times.end()
    sizes = []
    if head and head["size"]:
        sizes.append(_size(head["size"], rules))
        parts["size_before"] = head.span("size")
    toppings = list(patterns.toppings.finditer(region, end))
    rest = patterns.toppings.sub(lambda found: _MASK * len(found[0]), region)
    after = [(found, _size(found["size"], rules)) for found in patterns.size.finditer(rest, end)]
    if after:
        parts["size"] = after[0][0].start(), after[-1][0].end()
        sizes.append(after[-1][1])
    levels: dict[str, int] = {}
    both = patterns.both.search(rest, end)
    # In "ít đường đá bình thường" the sugar is little, and only the ice as usual.
    if both and not any(one.start() < both.start() < one.end() for one in patterns.level["sugar"].finditer(rest, end)):
        parts["both"] = both.span()
        levels = {"sugar": 100, "ice": 100}
        rest = rest[: both.start()] + _MASK * len(both[0]) + rest[both.end() :]
    for kind, pattern in patterns.level.items():
        found = list(pattern.finditer(rest, end))
        values = {_level(one) for one in found}
        if len(values) > 1 or (found and "both" in parts):
            raise Unclear(f"{kind} said twice")
        if found:
            levels[kind] = values.pop()
            parts[kind] = found[0].span()
    none = patterns.none.search(rest, end)
    if none:
        parts["no_topping"] = none.span()
    if toppings:
        announced = list(patterns.announced.finditer(rest, end, toppings[0].start()))
        begin = (
            announced[-1].start()
            if announced and not rest[announced[-1].end() : toppings[0].start()].strip()
            else toppings[0].start()
        )
        parts["toppings"] = begin, toppings[-1].end()
    if len(set(quantities)) > 1 or len(set(sizes)) > 1 or (none and toppings):
        raise Unclear("said in two ways")
    item = Item(
        drink=patterns.names[re.sub(r"\s+", " ", drink[0])],
        size=sizes[0] if sizes else "M",
        sugar=levels.get("sugar", 100),
        ice=levels.get("ice", 100),
        toppings=[patterns.names[re.sub(r"\s+", " ", found[0])] for found in toppings],
        quantity=quantities[0] if quantities else 1,
    )
    if not 1 <= item["quantity"] <= MAX_QUANTITY or {item["sugar"], item["ice"]} - set(LEVELS):
        raise Unclear("a number that the shop does not have")
    return Said(item, (start, end), max(span[1] for span in (*parts.values(), (0, end))), parts)


def _number(word: str, rules: Rules) -> int:
    return int(word) if word.isdigit() else next(number for number, words in rules.numbers.items() if word in map(plain, words))


def _size(word: str, rules: Rules) -> str:
    return next(size for size, words in rules.sizes.items() if word in map(plain, words))


def _level(found: re.Match[str]) -> int:
    named = {name: text for name, text in found.groupdict().items() if text is not None}
    return int(named["p"]) if "p" in named else int(next(iter(named))[1:])


@dataclass(frozen=True)
class _Frozen:
    """Rules as a key of a cache: by identity, since they hold lists."""

    rules: Rules

    def __hash__(self) -> int:
        return id(self.rules)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and other.rules is self.rules


@lru_cache(maxsize=4)
def _patterns(menu: Menu, frozen: _Frozen) -> _Patterns:
    rules = frozen.rules
    numbers = _any([word for words in rules.numbers.values() for word in words])
    sizes = _any([word for words in rules.sizes.values() for word in words])
    size_words = _any(rules.size_words)
    return _Patterns(
        names={plain(name): name for name in (*menu.drinks, *menu.toppings)},
        drinks=re.compile(rf"\b{_any(menu.drinks)}\b"),
        toppings=re.compile(rf"\b{_any(menu.toppings)}\b"),
        before=re.compile(
            rf"(?:(?<![\w%])(?P<n>\d+|{numbers})(?:\s*x)?\s+)?(?:\b{_any(rules.cups)}\s+)?"
            rf"(?:(?:\b{size_words}\s+)?\b(?P<size>{sizes})\s+)?$"
        ),
        times=re.compile(r"\s*x\s*(\d+)\b"),
        size=re.compile(rf"(?:\b{size_words}\s+(?P<size>{sizes})\b)"),
        both=re.compile(rf"\b{_any_phrase(rules.both_normal, rules)}\b"),
        level={"sugar": _level_pattern(rules, rules.sugar), "ice": _level_pattern(rules, rules.ice)},
        none=re.compile(rf"\b{_any_phrase(rules.no_topping, rules)}\b"),
        announced=re.compile(rf"\b{_any_phrase(rules.toppings, rules)}\b"),
    )


def _level_pattern(rules: Rules, words: Sequence[str]) -> re.Pattern[str]:
    word = _any_phrase(words, rules)
    choices = list(_named_levels(rules, word))
    return re.compile(rf"\b(?:(?P<p>\d+)\s*%\s*{word}|{'|'.join(choices)})\b")


def _named_levels(rules: Rules, word: str) -> Iterator[str]:
    for level, phrases in rules.levels.items():
        named = [_phrase(phrase, rules).replace("{x}", word) for phrase in phrases if "{p}" not in phrase]
        if named:
            yield f"(?P<l{level}>{'|'.join(named)})"


def _phrase(phrase: str, rules: Rules) -> str:
    """A phrase as a pattern, in which each word may be typed hastily."""
    hasty = {plain(word): [plain(typed) for typed in options] for word, options in rules.typed.items()}
    words = [_any([word, *hasty[word]]) if word in hasty else word for word in plain(phrase).split()]
    return r"\s+".join(words)


def _any(words: Sequence[str]) -> str:
    """One of the words, the longest that fits."""
    ordered = sorted({plain(word) for word in words}, key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in ordered) + ")"


def _any_phrase(phrases: Sequence[str], rules: Rules) -> str:
    ordered = sorted(phrases, key=len, reverse=True)
    return "(?:" + "|".join(_phrase(phrase, rules) for phrase in ordered) + ")"

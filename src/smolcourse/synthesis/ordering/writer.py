"""Writes new orders out of the pieces of a few seeds.

Recombination after Jia and Liang 2016, *Data Recombination for Neural Semantic Parsing*, arXiv:1606.03622. A seed is cut
where the reader found its parts. Its shape (what is said, in which order), what stands before the drinks and what stands
after them become pieces; a new order takes each piece from some seed or from the rules, and its values from the menu.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from smolcourse.data.milk_tea.menu import LEVELS, MAX_QUANTITY, SIZES, Item, Menu
from smolcourse.synthesis.ordering.reader import Said, Unclear, plain, read_order
from smolcourse.synthesis.ordering.rules import Rules

_T = TypeVar("_T")


@dataclass(frozen=True)
class Seed:
    """What a seed has to give. `before` and `after` hold {you} and {me} for the two; `parts`: its details in order."""

    key: str
    before: str
    after: str
    parts: tuple[str, ...]
    quantity: int
    style: str  # of the number: "digit", "word", "none", "times"
    cup: bool
    size_first: bool
    toppings: int
    capital: bool


@dataclass(frozen=True)
class Habits:
    """Shares of orders that differ from their seed: what twenty orders are too few to show."""

    two_drinks: float = 0.1
    three_drinks: float = 0.03
    change: float = 0.2  # each detail of the shape: left out, or another added; the word for the cup too
    other_order: float = 0.12
    comma: float = 0.35
    number_word: float = 0.3
    size_first: float = 0.3
    correction: float = 0.03
    mixed: float = 0.08  # English words for sugar, ice and toppings
    greeting: float = 0.35
    end: float = 0.3
    remark: float = 0.3


def cut(key: str, text: str, menu: Menu, rules: Rules) -> Seed | None:
    """The pieces of a seed; None if the rules cannot read it, or it orders several drinks."""
    try:
        said = read_order(text, menu, rules)
    except Unclear:
        return None
    if len(said) != 1:
        return None
    one = said[0]
    before, after = marked(text[: one.head[0]], text[one.end :], rules)
    details = sorted((span, part) for part, span in one.parts.items() if part in ("size", "sugar", "ice", "both", "toppings"))
    head = plain(text[one.head[0] : one.parts["drink"][0]])
    return Seed(
        key,
        before.strip(),
        after,
        tuple(part for _, part in details),
        one.item["quantity"],
        _style(one, text),
        any(re.search(rf"\b{plain(cup)}\b", head) for cup in rules.cups),
        "size_before" in one.parts,
        len(one.item["toppings"]),
        text[:1].isupper(),
    )


def _style(one: Said, text: str) -> str:
    if "quantity" not in one.parts:
        return "none"
    start, end = one.parts["quantity"]
    return "times" if start >= one.parts["drink"][1] else "digit" if text[start:end].strip().isdigit() else "word"


def marked(before: str, after: str, rules: Rules) -> tuple[str, str]:
    """The words around the drinks, with {you} and {me} in place of those who speak."""
    you = _alternatives([pair[0] for pair in rules.speakers])
    me = _alternatives([pair[1] for pair in rules.speakers])
    named = [
        (rf"\b(chào|hi|hello|alo) {you}\b", r"\1 {you}"),
        (rf"\b{you} ơi\b", "{you} ơi"),
        (rf"\b(cho|giúp|lấy|làm|bán|với) {me}\b", r"\1 {me}"),
        (rf"^{me} (?=\w)", "{me} "),
        (rf"\b(nha|nhé|ạ|cảm ơn|thanks) {you}\b", r"\1 {you}"),
        (rf"(?<=[.,] ){me} ", "{me} "),
    ]
    for pattern, mark in named:
        before, after = (re.sub(pattern, mark, text, flags=re.IGNORECASE) for text in (before, after))
    return before, after


def _alternatives(words: Sequence[str]) -> str:
    return "(?:" + "|".join(sorted(set(words), key=len, reverse=True)) + ")"


def write_order(
    seeds: Sequence[Seed], menu: Menu, rules: Rules, habits: Habits, draw: Random, items: Sequence[Item] | None = None
) -> tuple[str, list[Item], tuple[str, ...]]:
    """One new order: its text, what it means, and the keys of the seeds whose pieces it has.

    Args:
        items: says these drinks instead of new ones.
    """
    shapes = [_pick(draw, seeds) for _ in range(len(items) if items else _drinks(habits, draw))]
    meant = list(items) if items else _new_items(shapes, menu, habits, draw)
    mixed = draw.random() < habits.mixed
    lines = [_write_item(item, shape, rules, habits, draw, mixed) for item, shape in zip(meant, shapes, strict=True)]
    body = lines[0] + "".join(_pick(draw, rules.between_drinks) + line for line in lines[1:])
    text, around = _dressed(body, seeds, rules, habits, draw)
    return text, meant, tuple(dict.fromkeys([*(shape.key for shape in shapes), *around]))


def _drinks(habits: Habits, draw: Random) -> int:
    mark = draw.random()
    return 3 if mark < habits.three_drinks else 2 if mark < habits.three_drinks + habits.two_drinks else 1


def _new_items(shapes: Sequence[Seed], menu: Menu, habits: Habits, draw: Random) -> list[Item]:
    names = draw.sample(menu.drinks, len(shapes))
    return [_new_item(name, shape, menu, habits, draw) for name, shape in zip(names, shapes, strict=True)]


def _new_item(drink: str, shape: Seed, menu: Menu, habits: Habits, draw: Random) -> Item:
    said = {part for part in shape.parts if draw.random() >= habits.change}
    said |= {part for part in ("size", "sugar", "ice", "toppings") if draw.random() < habits.change}
    count = max(1, shape.toppings) if "toppings" in said else 0
    if count and draw.random() < habits.change:
        count += 1
    # Whoever names one of the two levels mostly names the other too.
    levels = "both" not in said and bool(said & {"sugar", "ice"})
    alone = levels and draw.random() < habits.change and _pick(draw, ("sugar", "ice"))
    return Item(
        drink=drink,
        size=_pick(draw, SIZES) if "size" in said or shape.size_first else "M",
        sugar=_pick(draw, LEVELS) if levels and alone != "ice" else 100,
        ice=_pick(draw, LEVELS) if levels and alone != "sugar" else 100,
        toppings=draw.sample(menu.toppings, count),
        quantity=shape.quantity if draw.random() < 0.5 else 1 + int(draw.random() * MAX_QUANTITY),
    )


def _write_item(item: Item, shape: Seed, rules: Rules, habits: Habits, draw: Random, mixed: bool) -> str:
    size_said = item["size"] != "M" or draw.random() < 0.3
    first = size_said and (shape.size_first or draw.random() < habits.size_first)
    head = _head(item, shape, rules, habits, draw, _size(item["size"], rules, draw, bare=True) if first else "")
    details = {
        "size": _size_words(item["size"], rules, habits, draw) if size_said and not first else "",
        **_levels(item, rules, draw, mixed, said=bool({"sugar", "ice", "both"} & set(shape.parts))),
        "toppings": _toppings(item, rules, draw, mixed),
    }
    order = [part for part in shape.parts if part in details] + [part for part in details if part not in shape.parts]
    if draw.random() < habits.other_order:
        draw.shuffle(order)
    text, before = head, ""
    for part in order:
        if details[part]:
            # A comma closes a list of toppings, so that what follows is no part of it.
            text += (", " if before == "toppings" or draw.random() < habits.comma else " ") + details[part]
            before = part
    return text


def _head(item: Item, shape: Seed, rules: Rules, habits: Habits, draw: Random, size: str) -> str:
    number, style = item["quantity"], shape.style
    if style == "times" and number > 1:
        return f"{f'{size} ' if size else ''}{item['drink']} x{number}"
    words = rules.numbers[number]
    said = _pick(draw, words) if style == "word" or draw.random() < habits.number_word else str(number)
    said = "" if number == 1 and style in ("none", "times") else said
    cup = _pick(draw, rules.cups) if shape.cup != (draw.random() < habits.change) or (size and not said) else ""
    return " ".join(part for part in (said, cup, size, item["drink"]) if part)


def _size(size: str, rules: Rules, draw: Random, *, bare: bool) -> str:
    """ "size L", "size lớn"; `bare` also "lớn"."""
    word = _pick(draw, rules.sizes[size])
    word = word.upper() if len(word) == 1 else word
    return word if bare and len(word) > 1 and draw.random() < 0.6 else f"{rules.size_words[0]} {word}"


def _size_words(size: str, rules: Rules, habits: Habits, draw: Random) -> str:
    right = _size(size, rules, draw, bare=False)
    if draw.random() >= habits.correction:
        return right
    wrong = _size(_pick(draw, [one for one in SIZES if one != size]), rules, draw, bare=False)
    return _pick(draw, rules.corrections).format(wrong=wrong, right=right)


def _levels(item: Item, rules: Rules, draw: Random, mixed: bool, *, said: bool) -> dict[str, str]:
    """Words for sugar and ice; the usual 100 may stay unsaid."""
    if item["sugar"] == item["ice"] == 100:
        return {"both": _pick(draw, rules.both_normal) if said and draw.random() < 0.4 else "", "sugar": "", "ice": ""}
    quiet = 100 in (item["sugar"], item["ice"]) and draw.random() < 0.3
    levels = {"sugar": (item["sugar"], rules.sugar), "ice": (item["ice"], rules.ice)}
    return {
        kind: "" if quiet and level == 100 else _level(level, words, rules, draw, mixed)
        for kind, (level, words) in levels.items()
    }


def _level(level: int, words: Sequence[str], rules: Rules, draw: Random, mixed: bool) -> str:
    """In Vietnamese, or, where a customer mixes, in English: a phrase without diacritics goes with the word that has none."""
    fitting = [phrase for phrase in rules.levels[level] if "{p}" in phrase or phrase.isascii() == mixed]
    return _pick(draw, fitting).format(x=words[-1 if mixed else 0], p=level)


def _toppings(item: Item, rules: Rules, draw: Random, mixed: bool) -> str:
    names = item["toppings"]
    if not names:
        return _pick(draw, rules.no_topping) if draw.random() < 0.1 else ""
    announced = _pick(draw, [word for word in rules.toppings if mixed or word not in ("extra", "add")])
    joined = names[0] if len(names) == 1 else ", ".join(names[:-1]) + _pick(draw, rules.last_topping) + names[-1]
    return f"{announced} {joined}"


def _dressed(body: str, seeds: Sequence[Seed], rules: Rules, habits: Habits, draw: Random) -> tuple[str, list[str]]:
    """The drinks with words before and after them: half of these are the seeds', half the rules'. And whose they are."""
    first = _pick(draw, seeds) if draw.random() < 0.5 else None
    last = _pick(draw, seeds) if draw.random() < 0.5 else None
    before = first.before if first else _opening(rules, habits, draw)
    after = last.after if last else _ending(rules, habits, draw)
    you, me = _pick(draw, rules.speakers)
    fillers = {name: _pick(draw, values) for name, values in rules.fillers.items()}
    before, after = (text.format(you=you, me=me, **fillers) for text in (before, after))
    text = " ".join(part for part in (before, body) if part) + after
    capital = draw.random() < sum(one.capital for one in seeds) / len(seeds)
    return (text[0].upper() if capital else text[0].lower()) + text[1:], [one.key for one in (first, last) if one]


def _opening(rules: Rules, habits: Habits, draw: Random) -> str:
    asked = _pick(draw, rules.asks).replace("{verb}", _pick(draw, rules.verbs))
    if draw.random() >= habits.greeting:
        return asked
    return _pick(draw, rules.greetings) + (_pick(draw, (" ", ", ")) + asked if asked else "")


def _ending(rules: Rules, habits: Habits, draw: Random) -> str:
    end = f" {_pick(draw, rules.ends)}" if draw.random() < habits.end else ""
    return end + (_pick(draw, (", ", ". ")) + _pick(draw, rules.remarks) if draw.random() < habits.remark else "")


def type_hastily(text: str, rules: Rules, draw: Random) -> str:
    """As a customer in a hurry types it: short spellings, no diacritics, letters in the wrong place."""
    from smolcourse.data.milk_tea.noise import slip, strip_diacritics

    words = [word for word in rules.typed if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)]
    for word in draw.sample(words, min(len(words), int(draw.random() * 4))):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", _pick(draw, rules.typed[word]), text, count=1)
    if draw.random() < 0.6:
        text = strip_diacritics(text)
    if draw.random() < 0.3:
        text = slip(text, draw)
    return text.lower() if draw.random() < 0.3 else text


def _pick(draw: Random, options: Sequence[_T]) -> _T:
    return options[int(draw.random() * len(options))]

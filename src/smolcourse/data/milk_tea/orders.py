"""Draws one order and writes it as a customer would."""

from itertools import pairwise
from random import Random
from typing import NamedTuple

from smolcourse.data.milk_tea.drawing import chance, pick, pick_several, pick_weighted, shuffled
from smolcourse.data.milk_tea.menu import SIZES, Item, Menu
from smolcourse.data.milk_tea.phrases import Carriers, Levels, Phrases

_CUPS = ((1, 0.62), (2, 0.22), (3, 0.1), (4, 0.03), (5, 0.03))
_TOPPINGS = ((0, 0.5), (1, 0.36), (2, 0.12), (3, 0.02))
_LEVELS = ((0, 0.22), (30, 0.28), (50, 0.28), (70, 0.17), (100, 0.05))


class Habits(NamedTuple):
    """Shares of orders that say something as most people do not."""

    two_drinks: float = 0.05
    three_drinks: float = 0.01
    one_level: float = 0.04
    """Names only sugar, or only ice: the shop asks for both, and who cares about one mostly names the other too."""
    ice_first: float = 0.03
    other_order: float = 0.08
    """Size, sweetness and toppings as they come to mind; most people say them in this order."""
    number_word: float = 0.14
    """"hai ly" for "2 ly"."""
    size_first: float = 0.2
    """"2 ly lớn trà đào", the size before the drink."""
    mixed: float = 0.06
    """English words for sugar, ice and toppings."""
    no_topping: float = 0.06
    """Says that no topping is wanted, where none is."""
    both_normal: float = 0.1
    """Says that sugar and ice are as usual, where they are."""
    careless: float = 0.04
    """Typed without diacritics, in chat spelling, with slips."""


CUSTOMERS = Habits()
PRACTICE = Habits(number_word=0.5, size_first=0.4, mixed=0.12, no_topping=0.15, both_normal=0.2, careless=0.08)
"""Training rows: what is rare is practised more often than it is met."""


def draw_order(menu: Menu, habits: Habits, rng: Random, *, unseen: bool) -> list[Item]:
    """One to three different drinks. With `unseen`, at least one drink or topping that training never shows."""
    several = ((2, habits.two_drinks), (3, habits.three_drinks))
    count = pick_weighted(rng, ((1, 1 - habits.two_drinks - habits.three_drinks), *several))
    drinks = pick_several(rng, menu.drinks, count)
    toppings = [pick_several(rng, menu.toppings, pick_weighted(rng, _TOPPINGS)) for _ in drinks]
    if unseen:
        place = int(rng.random() * count)
        if chance(rng, 0.65):
            drinks[place] = pick(rng, menu.unseen_drinks)
        if drinks[place] not in menu.unseen_drinks or chance(rng, 0.3):
            toppings[place] = [pick(rng, menu.unseen_toppings), *toppings[place][1:]]
    return [_draw_item(drink, names, habits, rng) for drink, names in zip(drinks, toppings, strict=True)]


def _draw_item(drink: str, toppings: list[str], habits: Habits, rng: Random) -> Item:
    one = habits.one_level / 2
    said = pick_weighted(rng, (("both", 0.8 - 2 * one), ("neither", 0.2), ("sugar", one), ("ice", one)))
    return Item(
        quantity=pick_weighted(rng, _CUPS),
        drink=drink,
        size=pick(rng, SIZES) if chance(rng, 0.6) else "M",
        sugar=pick_weighted(rng, _LEVELS) if said in ("both", "sugar") else 100,
        ice=pick_weighted(rng, _LEVELS) if said in ("both", "ice") else 100,
        toppings=toppings,
    )


def _level(levels: Levels, mixed_levels: Levels, level: int, rng: Random, mixed: bool, *, unsaid: bool) -> str:
    """The words for sugar or ice; "" where the usual 100 is left unsaid."""
    if level == 100 and unsaid:
        return ""
    return pick(rng, mixed_levels[level] if mixed and mixed_levels else levels[level])


class _Written(NamedTuple):
    """The words for one drink; whether any follow its name, and whether toppings come last."""

    text: str
    details: bool
    ends_in_toppings: bool


def _write_sweetness(item: Item, phrases: Phrases, habits: Habits, rng: Random, mixed: bool) -> str:
    """The words for sugar and ice, in either order."""
    if item["sugar"] == item["ice"] == 100:
        return pick(rng, phrases.all_normal) if chance(rng, habits.both_normal) else ""
    one_alone = 100 in (item["sugar"], item["ice"]) and chance(rng, 0.3)
    sugar = _level(phrases.sugar, phrases.mixed_sugar, item["sugar"], rng, mixed, unsaid=one_alone)
    ice = _level(phrases.ice, phrases.mixed_ice, item["ice"], rng, mixed, unsaid=one_alone)
    first, second = (sugar, ice) if chance(rng, 1 - habits.ice_first) else (ice, sugar)
    if not first or not second:
        return first or second
    # "không đường đá 30%": no sugar, or no sugar and no ice? A comma parts phrases that put their word in different places.
    alike = first.startswith(phrases.sugar_and_ice) == second.startswith(phrases.sugar_and_ice)
    return first + (pick(rng, (" ", " ", ", ")) if alike else ", ") + second


def _write_toppings(names: list[str], phrases: Phrases, habits: Habits, rng: Random, mixed: bool) -> str:
    if not names:
        return pick(rng, phrases.no_toppings) if chance(rng, habits.no_topping) else ""
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + pick(rng, phrases.last_topping) + names[-1]
    return pick(rng, phrases.mixed_toppings if mixed and phrases.mixed_toppings else phrases.toppings).format(toppings=listed)


def _write_item(item: Item, phrases: Phrases, habits: Habits, rng: Random, *, mixed: bool, may_correct: bool) -> _Written:
    many = item["quantity"] > 1
    heads, sized = (phrases.heads_many, phrases.sized_many) if many else (phrases.heads_one, phrases.sized_one)
    size_before = size_after = ""
    if item["size"] != "M" or chance(rng, 0.3):
        if chance(rng, habits.size_first):
            size_before = pick(rng, phrases.size_words[item["size"]])
        else:
            size_after = pick(rng, phrases.sizes[item["size"]])
    if size_after and may_correct and chance(rng, 0.03):
        wrong = pick(rng, [size for size in SIZES if size != item["size"]])
        size_after = pick(rng, phrases.corrections).format(wrong=pick(rng, phrases.sizes[wrong]), right=size_after)
    digit = str(item["quantity"])
    number = pick(rng, phrases.numbers[item["quantity"] - 1]) if chance(rng, habits.number_word) else digit
    text = pick(rng, sized if size_before else heads).format(n=number, digit=digit, size=size_before, drink=item["drink"])
    toppings = _write_toppings(item["toppings"], phrases, habits, rng, mixed)
    said = (size_after, _write_sweetness(item, phrases, habits, rng, mixed), toppings)
    details = [words for words in (said if chance(rng, 1 - habits.other_order) else shuffled(rng, said)) if words]
    before = ""
    for words in details:
        # A comma closes a list of toppings, so that what follows cannot be read as part of it.
        comma = chance(rng, 0.35) or (before == toppings != "")
        text += (", " if comma else " ") + words
        before = words
    return _Written(text, bool(details), bool(item["toppings"]) and before == toppings)


def _write_items(items: list[Item], phrases: Phrases, habits: Habits, rng: Random, *, mixed: bool) -> str:
    written = [_write_item(item, phrases, habits, rng, mixed=mixed, may_correct=len(items) == 1) for item in items]
    text = written[0].text
    full_stop = pick(rng, ("; ", "\n"))
    for before, after in pairwise(written):
        # "A and B, less ice": whose ice? "A with pudding and B": is B a topping? "And" only where neither can be asked.
        clear = (before.details or not after.details) and not before.ends_in_toppings
        text += (pick(rng, phrases.and_words) if clear else full_stop) + after.text
    return text


def write_order(items: list[Item], phrases: Phrases, carriers: Carriers, habits: Habits, rng: Random) -> str:
    """The customer's message for these drinks."""
    mixed = bool(phrases.mixed_sugar) and chance(rng, habits.mixed)
    speaker = pick(rng, carriers.speakers)
    names = {"you": speaker.you, "me": speaker.me}
    greeting = pick(rng, carriers.greetings).format(**names) if chance(rng, 0.3) else ""
    ask = pick(rng, carriers.asks).format(**names)
    text = " ".join(part for part in (ask, _write_items(items, phrases, habits, rng, mixed=mixed)) if part)
    if greeting:
        text = greeting + pick(rng, (" ", ", ", " ")) + text
    if chance(rng, 0.25):
        text += " " + pick(rng, speaker.ends)
    if chance(rng, 0.22):
        closings = carriers.mixed_closings if mixed and carriers.mixed_closings else carriers.closings
        slots = {slot: pick(rng, values) for slot, values in phrases.fillers.items()}
        text += pick(rng, (", ", ". ")) + pick(rng, closings).format(**names, **slots)
    return text[0].upper() + text[1:] if chance(rng, 0.4) else text

"""Draws one order and writes it as a customer would."""

from random import Random

from smolcourse.data.milk_tea.drawing import chance, pick, pick_several, pick_weighted, shuffled
from smolcourse.data.milk_tea.menu import SIZES, Item, Menu
from smolcourse.data.milk_tea.phrases import Carriers, Levels, Phrases

_DRINKS_PER_ORDER = ((1, 0.76), (2, 0.2), (3, 0.04))
_CUPS = ((1, 0.62), (2, 0.22), (3, 0.1), (4, 0.03), (5, 0.03))
_TOPPINGS = ((0, 0.5), (1, 0.34), (2, 0.14), (3, 0.02))
_LEVELS = ((0, 0.22), (30, 0.28), (50, 0.28), (70, 0.17), (100, 0.05))


def draw_order(menu: Menu, rng: Random, *, unseen: bool) -> list[Item]:
    """One to three different drinks. With `unseen`, at least one drink or topping that training never shows."""
    count = pick_weighted(rng, _DRINKS_PER_ORDER)
    drinks = pick_several(rng, menu.drinks, count)
    toppings = [pick_several(rng, menu.toppings, pick_weighted(rng, _TOPPINGS)) for _ in drinks]
    if unseen:
        place = int(rng.random() * count)
        if chance(rng, 0.65):
            drinks[place] = pick(rng, menu.unseen_drinks)
        if drinks[place] not in menu.unseen_drinks or chance(rng, 0.3):
            toppings[place] = [pick(rng, menu.unseen_toppings), *toppings[place][1:]]
    return [
        Item(
            drink=drink,
            size=pick(rng, SIZES) if chance(rng, 0.6) else "M",
            sugar=pick_weighted(rng, _LEVELS) if chance(rng, 0.55) else 100,
            ice=pick_weighted(rng, _LEVELS) if chance(rng, 0.55) else 100,
            toppings=names,
            quantity=pick_weighted(rng, _CUPS),
        )
        for drink, names in zip(drinks, toppings, strict=True)
    ]


def _level(levels: Levels, mixed_levels: Levels, level: int, rng: Random, mixed: bool) -> str:
    """The words for sugar or ice; "" leaves the usual 100 unsaid."""
    if level == 100 and chance(rng, 0.85):
        return ""
    return pick(rng, mixed_levels[level] if mixed and mixed_levels else levels[level])


def _write_item(item: Item, phrases: Phrases, rng: Random, *, mixed: bool, may_correct: bool) -> tuple[str, bool]:
    """The words for one drink, and whether any of them follow its name."""
    many = item["quantity"] > 1
    number = pick(rng, phrases.numbers[item["quantity"] - 1])
    size = ""
    slots = {"n": number, "digit": str(item["quantity"]), "drink": item["drink"], "size": ""}
    if item["size"] == "M" and chance(rng, 0.7):
        head = pick(rng, phrases.heads_many if many else phrases.heads_one)
    elif chance(rng, 0.3):
        head = pick(rng, phrases.heads_sized)
        slots["size"] = pick(rng, phrases.size_words[item["size"]])
    else:
        head = pick(rng, phrases.heads_many if many else phrases.heads_one)
        size = pick(rng, phrases.sizes[item["size"]])
        if may_correct and chance(rng, 0.05):
            wrong = pick(rng, [other for other in SIZES if other != item["size"]])
            size = pick(rng, phrases.corrections).format(wrong=pick(rng, phrases.sizes[wrong]), right=size)

    if item["sugar"] == item["ice"] == 100 and chance(rng, 0.1):
        sweetness = pick(rng, phrases.all_normal)
    else:
        sugar = _level(phrases.sugar, phrases.mixed_sugar, item["sugar"], rng, mixed)
        ice = _level(phrases.ice, phrases.mixed_ice, item["ice"], rng, mixed)
        sweetness = pick(rng, (" ", ", ")).join(words for words in shuffled(rng, (sugar, ice)) if words)

    toppings = ""
    if item["toppings"]:
        names = ", ".join(item["toppings"][:-1])
        names += (pick(rng, phrases.last_topping) if names else "") + item["toppings"][-1]
        toppings = pick(rng, phrases.mixed_toppings if mixed and phrases.mixed_toppings else phrases.toppings)
        toppings = toppings.format(toppings=names)
    elif chance(rng, 0.06):
        toppings = pick(rng, phrases.no_toppings)

    text = head.format(**slots)
    parts = [part for part in shuffled(rng, (size, sweetness, toppings)) if part]
    for at, part in enumerate(parts):
        # A comma closes a list of toppings, so that what follows cannot be read as part of it.
        comma = (at > 0 and (parts[at - 1] == toppings or chance(rng, 0.4))) or chance(rng, 0.25)
        text += (", " if comma else " ") + part
    return text, bool(parts)


def _write_items(items: list[Item], phrases: Phrases, rng: Random, *, mixed: bool) -> str:
    written = [_write_item(item, phrases, rng, mixed=mixed, may_correct=len(items) == 1) for item in items]
    text, details_before = written[0]
    stop = pick(rng, ("; ", "\n", ". "))
    for following, details in written[1:]:
        # "one A and one B, less ice": whose ice? Say "and" only where the details have one owner.
        clear = details_before or not details
        text += (pick(rng, phrases.and_words) if clear and stop == "; " else stop) + following
        details_before = details
    return text


def write_order(items: list[Item], phrases: Phrases, carriers: Carriers, rng: Random) -> str:
    """The customer's message for these drinks."""
    mixed = bool(phrases.mixed_sugar) and chance(rng, 0.15)
    speaker = pick(rng, carriers.speakers)
    names = {"you": speaker.you, "me": speaker.me}
    greeting = pick(rng, carriers.greetings).format(**names) if chance(rng, 0.4) else ""
    ask = pick(rng, carriers.asks).format(**names)
    text = " ".join(part for part in (ask, _write_items(items, phrases, rng, mixed=mixed)) if part)
    if greeting:
        text = greeting + pick(rng, (" ", ", ", " ")) + text
    if chance(rng, 0.35):
        text += " " + pick(rng, speaker.ends)
    if chance(rng, 0.35):
        closings = phrases.mixed_closings if mixed else carriers.closings
        slots = {slot: pick(rng, values) for slot, values in phrases.fillers.items()}
        text += pick(rng, (", ", ". ")) + pick(rng, closings).format(**names, **slots)
    return text[0].upper() + text[1:] if chance(rng, 0.4) else text

"""The shape of a language's phrases; `vietnamese.py` and `english.py` fill it.

Rules that keep every order readable in one way only:
- each phrase for sugar, ice or size stands for one value, the same in all splits;
- a topping always follows a word that announces it ("thêm", "with extra");
- a number in an order counts cups, or stands beside sugar or ice; numbers in a closing (floor, hour, street, money)
  stand beside a word that says so.
"""

from dataclasses import dataclass

Levels = dict[int, tuple[str, ...]]


@dataclass(frozen=True)
class Speaker:
    """Who talks to whom: `you` and `me` fill the carriers; `ends` are polite last words that fit the two."""

    you: str
    me: str
    ends: tuple[str, ...]


@dataclass(frozen=True)
class Carriers:
    """What stands around the drinks and never changes the answer. The split "unseen" has its own."""

    speakers: tuple[Speaker, ...]
    greetings: tuple[str, ...]
    asks: tuple[str, ...]
    closings: tuple[str, ...]
    mixed_closings: tuple[str, ...] = ()
    """English inside Vietnamese, as young customers type it."""


@dataclass(frozen=True)
class Phrases:
    """How a customer says the parts of an order in one language."""

    numbers: tuple[tuple[str, ...], ...]
    """Words for 1, 2, 3..."""
    heads_one: tuple[str, ...]
    """One cup of a drink: templates of {n} and {drink}, the number perhaps left out."""
    heads_many: tuple[str, ...]
    sized_one: tuple[str, ...]
    """The same with the size said before the drink: templates of {n}, {size} and {drink}."""
    sized_many: tuple[str, ...]
    size_words: dict[str, tuple[str, ...]]
    """Sizes that fit before the drink."""
    sizes: dict[str, tuple[str, ...]]
    """Sizes that fit after the drink."""
    sugar_and_ice: tuple[str, str]
    """The two words themselves."""
    sugar: Levels
    ice: Levels
    all_normal: tuple[str, ...]
    """Sugar and ice both at 100."""
    toppings: tuple[str, ...]
    """Templates of {toppings}."""
    no_toppings: tuple[str, ...]
    last_topping: tuple[str, ...]
    """What joins the last topping to those before it."""
    mixed_sugar: Levels
    mixed_ice: Levels
    mixed_toppings: tuple[str, ...]
    """Sugar, ice and toppings in English inside Vietnamese; empty where the language is English."""
    corrections: tuple[str, ...]
    """Templates of {wrong} and {right}: the customer changes the size."""
    and_words: tuple[str, ...]
    """What joins two drinks when it is clear which of them the words after the second belong to."""
    known: Carriers
    unseen: Carriers
    fillers: dict[str, tuple[str, ...]]
    """Values of the slots in closings: names, streets, floors, hours, money."""
    typed: tuple[tuple[str, str], ...]
    """Chat spellings and common mistakes: (as it should be, as it is typed)."""


def options(text: str) -> tuple[str, ...]:
    """`"one | two"` -> `("one", "two")`; long lists of phrases read better so."""
    return tuple(option.strip() for option in text.split("|"))


def spellings(text: str) -> tuple[tuple[str, str], ...]:
    """`"not: nt, nott | you: u"` -> `(("not", "nt"), ("not", "nott"), ("you", "u"))`."""
    pairs = (entry.split(": ") for entry in options(text))
    return tuple((right, typed) for right, several in pairs for typed in several.split(", "))

"""The built-in task. A reader made of rules, below, shows that every clean order can be read in one way only."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from smolcourse.data import milk_tea
from smolcourse.data.milk_tea import FIELDS, MENU, SPLITS, Item, generate, generator, parse_order
from smolcourse.data.milk_tea.generator import PHRASES, Split
from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.data.milk_tea.phrases import Carriers
from smolcourse.errors import SmolError
from smolcourse.language import Language

LANGUAGES: tuple[Language, ...] = ("vi", "en")


def text_of(row: dict) -> str:
    return row["messages"][1]["content"]


def items_of(row: dict) -> list[Item]:
    return parse_order(row["messages"][2]["content"])


def plain(text: str) -> str:
    return " ".join(strip_diacritics(text).lower().split())


@pytest.fixture(scope="module", params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Language:
    return request.param


@pytest.fixture(scope="module")
def train(language: Language) -> list[dict]:
    """10,000 training rows, from four seeds."""
    return [row for seed in range(4) for row in generate(2500, seed=seed, language=language)]


@pytest.fixture
def all_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUSTOMERS", "PRACTICE"):
        monkeypatch.setattr(generator, name, getattr(generator, name)._replace(careless=0))


# Rows


def test_a_row_is_a_conversation_of_three_with_one_system_prompt(language: Language) -> None:
    rows = [row for split in SPLITS for row in generate(20, split=split, language=language)]
    assert {tuple(message["role"] for message in row["messages"]) for row in rows} == {("system", "user", "assistant")}
    assert {row["messages"][0]["content"] for row in rows} == {milk_tea.SYSTEM_PROMPT[language]}


@pytest.mark.parametrize("split", SPLITS)
def test_every_answer_is_on_the_menu(language: Language, split: Split) -> None:
    menu = MENU[language]
    held_out = split == "unseen"
    drinks = set(menu.drinks) | (set(menu.unseen_drinks) if held_out else set())
    toppings = set(menu.toppings) | (set(menu.unseen_toppings) if held_out else set())
    rows = generate(1000, seed=5, split=split, language=language)
    for row in rows:
        items = items_of(row)
        assert milk_tea.format_order(items, language) == row["messages"][2]["content"]
        assert len({item["drink"] for item in items}) == len(items) <= 3
        for item in items:
            assert tuple(item) == FIELDS
            assert item["drink"] in drinks
            assert set(item["toppings"]) <= toppings
            assert len(set(item["toppings"])) == len(item["toppings"])
    # Every value of every field occurs.
    items = [item for row in rows for item in items_of(row)]
    assert {item["size"] for item in items} == {"S", "M", "L"}
    assert {item["sugar"] for item in items} == {item["ice"] for item in items} == {0, 30, 50, 70, 100}
    assert {item["quantity"] for item in items} == {1, 2, 3, 4, 5}
    assert {len(items_of(row)) for row in rows} == {1, 2, 3}


@pytest.mark.parametrize("answer", ["", "{}", "[]", "[1]", '[{"size": "L"}]', "null"])
def test_a_broken_answer_is_refused(answer: str) -> None:
    with pytest.raises(ValueError):
        parse_order(answer)


def test_an_answer_with_a_value_that_the_shop_does_not_have_is_refused() -> None:
    good = generate(1)[0]["messages"][2]["content"]
    for field, wrong in {"size": "XL", "sugar": 40, "ice": "50", "quantity": 0, "toppings": "nha đam"}.items():
        items = parse_order(good)
        items[0][field] = wrong  # type: ignore[literal-required]
        with pytest.raises(ValueError):
            parse_order(milk_tea.format_order(items))


def test_an_unknown_split_or_language_is_a_clear_error() -> None:
    with pytest.raises(SmolError, match="tests"):
        generate(1, split="tests")  # type: ignore[arg-type]
    with pytest.raises(SmolError, match="fr"):
        generate(1, language="fr")  # type: ignore[arg-type]


# The same everywhere


def test_same_arguments_same_rows_also_in_another_process() -> None:
    code = (
        "import zlib; from smolcourse.data.milk_tea import SPLITS, generate;"
        "print([zlib.crc32(repr(generate(30, seed=3, split=s, language=l)).encode()) for s in SPLITS for l in ('vi', 'en')])"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hashing},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashing in ("1", "2")
    }
    assert len(prints) == 1


@pytest.mark.parametrize("split", SPLITS)
def test_fewer_rows_are_the_beginning_of_more_and_seeds_differ(language: Language, split: Split) -> None:
    more = generate(60, seed=1, split=split, language=language)
    assert generate(25, seed=1, split=split, language=language) == more[:25]
    other = generate(60, seed=2, split=split, language=language)
    assert len({text_of(row) for row in more} & {text_of(row) for row in other}) <= 2
    assert generate(0, split=split, language=language) == []


# The splits stay apart


def test_no_test_text_is_ever_in_train(language: Language, train: list[dict]) -> None:
    seen = {plain(text_of(row)) for row in train}
    assert len(seen) > 9_500  # few repeats between seeds
    for split in ("new", "unseen", "noisy"):
        for seed in range(3):
            texts = [plain(text_of(row)) for row in generate(300, seed=seed, split=split, language=language)]
            assert not seen & set(texts)
            assert len(set(texts)) > 290


def unseen_phrases(carriers: Carriers) -> Iterator[str]:
    """The words of a carrier up to its first slot filled from a list, with the speakers' names put in."""
    for speaker in carriers.speakers:
        yield from speaker.ends
        for template in (*carriers.greetings, *carriers.asks, *carriers.closings):
            yield template.replace("{you}", speaker.you).replace("{me}", speaker.me).split("{")[0].strip()


def test_train_never_shows_what_the_unseen_split_asks_for(language: Language, train: list[dict]) -> None:
    menu, phrases = MENU[language], PHRASES[language]
    shown = "\n".join(plain(text_of(row)) + "\n" + plain(row["messages"][2]["content"]) for row in train)
    for name in (*menu.unseen_drinks, *menu.unseen_toppings):
        assert plain(name) not in shown, name
    orders = "\n".join(text_of(row).lower() for row in train)
    for phrase in unseen_phrases(phrases.unseen):
        assert not re.search(any_of([phrase.lower()]), orders), phrase
    # The known ones are all shown, so the check above can fail.
    for name in (*menu.drinks, *menu.toppings):
        assert plain(name) in shown, name


def test_every_unseen_row_has_an_unseen_name_and_unseen_words(language: Language) -> None:
    menu, phrases = MENU[language], PHRASES[language]
    names = {*menu.unseen_drinks, *menu.unseen_toppings}
    words = [phrase.lower() for phrase in unseen_phrases(phrases.unseen)]
    held_out = Counter[str]()
    for row in generate(800, seed=1, split="unseen", language=language):
        found = {name for item in items_of(row) for name in (item["drink"], *item["toppings"])} & names
        assert found
        held_out.update(found)
        assert any(phrase in text_of(row).lower() for phrase in words)
    assert set(held_out) == names


# Clean orders can be read in one way only


# Before a drink: number, cup and size. After it: a number. {n} is any number word, {s} any size.
BEFORE = {"vi": r"(?:({n})\s)?(?:(?:ly|cốc)\s)?(?:({s})\s)?$", "en": r"(?:({n}|\d(?=x))x?\s)?(?:({s})\s)?(?:cups?\sof\s)?$"}
AFTER = {"vi": r"^\s(?:({n})\sly|x(\d))(?!\w)", "en": r"^\sx(\d)(?!\w)"}
NUMBERED_CLOSINGS = {
    "vi": r"(?:số|tầng|phòng|hẻm|bàn|đuôi) \d+|\d+(?: giờ|h|k)(?!\w)",
    "en": r"(?:floor|room|apartment|table|ends in|deliver to) \d+|\d+ (?:pm|o'clock)|\$\d+",
}


def any_of(phrases: Iterable[str]) -> str:
    """A pattern for whole phrases, the longest first."""
    return rf"(?<!\w)(?:{'|'.join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))})(?!\w)"


def invert(table: Mapping[Any, tuple[str, ...]]) -> dict[str, Any]:
    pairs = {(phrase.lower(), value) for value, phrases in table.items() for phrase in phrases}  # one said often stands twice
    assert len(dict(pairs)) == len(pairs), "a phrase that stands for two values"
    return dict(pairs)


class Reader:
    """Reads a clean order by rules alone, from the names on the menu and the tables of phrases."""

    def __init__(self, language: Language) -> None:
        menu, phrases = MENU[language], PHRASES[language]
        self.numbers = {word: n for n, words in enumerate(phrases.numbers, start=1) for word in (*words, str(n))}
        self.tables = {
            "size": invert(phrases.sizes) | invert(phrases.size_words),
            "sugar": invert(phrases.sugar) | invert(phrases.mixed_sugar),
            "ice": invert(phrases.ice) | invert(phrases.mixed_ice),
            "nothing": invert({None: (*phrases.all_normal, *phrases.no_toppings)}),
        }
        slots = {"{n}": any_of(self.numbers), "{s}": any_of(self.tables["size"])}
        self.drinks = re.compile(any_of((*menu.drinks, *menu.unseen_drinks)))
        self.toppings = re.compile(any_of((*menu.toppings, *menu.unseen_toppings)))
        self.values = re.compile(any_of([phrase for table in self.tables.values() for phrase in table]))
        self.before = re.compile(BEFORE[language].replace("{n}", slots["{n}"]).replace("{s}", slots["{s}"]))
        self.after = re.compile(AFTER[language].replace("{n}", slots["{n}"]))
        self.numbered_closings = re.compile(NUMBERED_CLOSINGS[language])

    def read(self, text: str) -> list[Item]:
        text = text.lower().replace("\n", "; ")
        drinks = list(self.drinks.finditer(text))
        heads = [head for drink in drinks if (head := self.before.search(text, 0, drink.start()))]
        ends = [*(head.start() for head in heads[1:]), len(text)]
        parts = zip(drinks, heads, ends, strict=True)
        return [self.item(drink.group(), head.groups(), text[drink.end() : end]) for drink, head, end in parts]

    def item(self, drink: str, head: tuple[str | None, ...], tail: str) -> Item:
        numbers = [head[0]] if head[0] else []
        if after := self.after.search(tail):
            numbers += [group for group in after.groups() if group]
            tail = tail[after.end() :]
        toppings = self.toppings.findall(tail)
        tail = self.toppings.sub("#", tail)
        said: dict[str, list[Any]] = {field: [] for field in self.tables}
        for phrase in [*([head[1]] if head[1] else []), *self.values.findall(tail)]:
            for field, table in self.tables.items():
                said[field] += [table[phrase]] if phrase in table else []
        assert len(numbers) <= 1 and len(said["sugar"]) <= 1 and len(said["ice"]) <= 1
        # Each number left over belongs to a closing, and says so.
        rest = self.numbered_closings.sub("", self.values.sub("", tail))
        assert not re.search(r"\d", rest), rest
        return Item(
            drink=drink,
            size=(said["size"] or ["M"])[-1],  # the last word counts: "size L à nhầm size M"
            sugar=(said["sugar"] or [100])[0],
            ice=(said["ice"] or [100])[0],
            toppings=toppings,
            quantity=self.numbers[numbers[0]] if numbers else 1,
        )


@pytest.mark.parametrize("split", ["train", "new", "unseen"])
def test_rules_alone_read_every_clean_order(language: Language, split: Split, all_clean: None) -> None:
    reader = Reader(language)
    for row in generate(1500, seed=11, split=split, language=language):
        assert reader.read(text_of(row)) == items_of(row), text_of(row)


def test_words_around_an_order_say_nothing_about_it(language: Language) -> None:
    phrases, menu = PHRASES[language], MENU[language]
    reader = Reader(language)
    meanings = (reader.values, reader.drinks, reader.toppings)
    for carriers in (phrases.known, phrases.unseen):
        ends = [end for speaker in carriers.speakers for end in speaker.ends]
        for words in (*carriers.greetings, *carriers.asks, *carriers.closings, *carriers.mixed_closings, *ends):
            assert not any(meaning.search(words) for meaning in meanings), words
    for drink in (*menu.drinks, *menu.unseen_drinks):
        assert not reader.toppings.search(drink), drink


# Careless typing


def test_careless_typing_is_practised_more_often_than_met(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = 0

    def counting(*arguments: object) -> Iterator[str]:
        nonlocal noisy
        noisy += 1
        return make_noisy(*arguments)  # type: ignore[arg-type]

    make_noisy = generator.make_noisy
    monkeypatch.setattr(generator, "make_noisy", counting)
    generate(1000, seed=7, split="new", language=language)
    assert 0.02 < noisy / 1000 < 0.06
    noisy = 0
    generate(1000, seed=7, language=language)
    assert 0.06 < noisy / 1000 < 0.11
    noisy = 0
    generate(100, split="unseen", language=language)
    assert noisy == 0


def test_every_noisy_order_is_typed_carelessly_and_says_the_same(language: Language, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs: list[tuple[str, str]] = []

    def recording(text: str, *arguments: object) -> Iterator[str]:
        for typed in make_noisy(text, *arguments):  # type: ignore[arg-type]
            pairs.append((text, typed))
            yield typed

    make_noisy = generator.make_noisy
    monkeypatch.setattr(generator, "make_noisy", recording)
    texts = [text_of(row) for row in generate(300, seed=4, split="noisy", language=language)]
    clean = {typed: text for text, typed in pairs}
    for text in texts:
        assert clean[text].lower() != text.lower()
        # No number is lost or changed, save that "một" may have become "1".
        digits = Counter(re.findall(r"\d+", text))
        digits.subtract(re.findall(r"\d+", clean[text]))
        assert {number for number, extra in digits.items() if extra} <= {"1"}, (clean[text], text)


def test_names_stay_apart_without_diacritics_and_with_swapped_letters(language: Language) -> None:
    menu = MENU[language]
    for names in (menu.drinks + menu.unseen_drinks, menu.toppings + menu.unseen_toppings):
        bare = [plain(name) for name in names]
        assert len(set(bare)) == len(bare)
        for name in bare:
            swapped = {name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1)} - {name}
            assert not swapped & set(bare)


def test_the_menu_has_no_name_twice(language: Language) -> None:
    menu = MENU[language]
    names = sorted((*menu.drinks, *menu.unseen_drinks, *menu.toppings, *menu.unseen_toppings))
    assert all(one != other for one, other in pairwise(names))
    assert len(menu.drinks) >= 60 and len(menu.unseen_drinks) >= 10
    assert len(menu.toppings) >= 12 and len(menu.unseen_toppings) >= 5

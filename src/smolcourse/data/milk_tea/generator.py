"""Seeded milk-tea orders with their answers, in four splits that never share a text.

train   70+ drinks; rarer ways of saying things come more often than customers use them (`orders.PRACTICE`)
new     orders as customers give them, with the drinks and words of train, none of them in train
unseen  clean typing; every row has a drink or topping that train never shows, and words around it that train never uses.
        The phrases for sugar, ice and size stay those of train: what they mean cannot be guessed, only learned
noisy   every row typed carelessly, with the drinks and words of train

A hash of the text decides whether an order may be in train or in a test split, so they stay apart for all seeds and sizes.
"""

import zlib
from random import Random
from typing import Any, Literal, get_args

from smolcourse.data.milk_tea.drawing import chance
from smolcourse.data.milk_tea.english import ENGLISH
from smolcourse.data.milk_tea.menu import MENU, format_order
from smolcourse.data.milk_tea.noise import make_noisy, strip_diacritics
from smolcourse.data.milk_tea.orders import CUSTOMERS, PRACTICE, draw_order, write_order
from smolcourse.data.milk_tea.phrases import Phrases
from smolcourse.data.milk_tea.vietnamese import VIETNAMESE
from smolcourse.errors import SmolError
from smolcourse.language import Language

Split = Literal["train", "new", "unseen", "noisy"]
SPLITS: tuple[Split, ...] = get_args(Split)
PHRASES: dict[Language, Phrases] = {"vi": VIETNAMESE, "en": ENGLISH}

SYSTEM_PROMPT: dict[Language, str] = {
    "vi": 'Ghi đơn thành JSON, mặc định: [{"ly":1,"món":"...","size":"M","đường":100,"đá":100,"topping":[]}]. Ít = 30, nửa = 50.',
    "en": 'Write the order as JSON, defaults: [{"cups":1,"drink":"...","size":"M","sugar":100,"ice":100,"toppings":[]}]. '
    "Less = 30, half = 50.",
}


def _held_out(text: str) -> bool:
    """Whether a text belongs to the test splits: one in ten does. Case, spaces and diacritics make no difference."""
    return zlib.crc32(" ".join(strip_diacritics(text).lower().split()).encode()) % 10 == 0


def generate(size: int, *, seed: int = 0, split: Split = "train", language: Language = "vi") -> list[dict[str, Any]]:
    """Makes `size` different orders as messages rows: system, user (the order), assistant (its JSON).

    The same arguments give the same rows on every machine; fewer rows are the beginning of more rows.
    """
    if split not in SPLITS:
        raise SmolError(f"Không có phần dữ liệu “{split}”.", f"There is no split “{split}”.", fix=f"split: {' | '.join(SPLITS)}")
    if language not in MENU:
        raise SmolError(f"Không có ngôn ngữ “{language}”.", f"There is no language “{language}”.", fix="language: vi | en")
    rng = Random(f"milk-tea {language} {split} {seed}")
    menu, phrases = MENU[language], PHRASES[language]
    carriers = phrases.unseen if split == "unseen" else phrases.known
    habits = PRACTICE if split == "train" else CUSTOMERS
    held_out = split != "train"
    rows: list[dict[str, Any]] = []
    texts: set[str] = set()
    while len(rows) < size:
        items = draw_order(menu, habits, rng, unseen=split == "unseen")
        text = write_order(items, phrases, carriers, habits, rng)
        if _held_out(text) != held_out:
            continue
        if split == "noisy" or (split != "unseen" and chance(rng, habits.careless)):
            # The clean order decides as well as the typed one: a test order is no train order retyped.
            typed = next((typed for typed in make_noisy(text, phrases, rng) if _held_out(typed) == held_out), None)
            if typed is None:
                continue
            text = typed
        if text in texts:
            continue
        texts.add(text)
        rows.append(
            {
                "messages": [
                    {"role": "system", "content": SYSTEM_PROMPT[language]},
                    {"role": "user", "content": text},
                    {"role": "assistant", "content": format_order(items, language)},
                ]
            }
        )
    return rows

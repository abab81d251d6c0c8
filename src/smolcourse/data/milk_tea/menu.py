"""What the shop sells, and the JSON an order becomes.

Drinks are a base with a flavour, toppings a kind with a variety, so that a model has to copy names rather than
remember a list. Some flavours, some pairs and some toppings are held out: training never shows them.
"""

import json
from dataclasses import dataclass
from typing import Any, TypedDict, cast

from smolcourse.language import Language

SIZES = ("S", "M", "L")
LEVELS = (0, 30, 50, 70, 100)
"""Sugar and ice, in percent."""
FIELDS = ("quantity", "drink", "size", "sugar", "ice", "toppings")
"""What an order says of each drink, in the order of the answer's keys."""
KEYS: dict[Language, tuple[str, ...]] = {
    "vi": ("ly", "món", "size", "đường", "đá", "topping"),
    "en": ("cups", "drink", "size", "sugar", "ice", "toppings"),
}
"""The keys of the answer, in the customer's own words, so that each can be looked up in the order."""
MAX_QUANTITY = 5


class Item(TypedDict):
    """One kind of drink in an order. What the customer leaves out: size M, sugar 100, ice 100, no topping, one cup."""

    drink: str
    size: str
    sugar: int
    ice: int
    toppings: list[str]
    quantity: int


@dataclass(frozen=True)
class Menu:
    """The names in one language; `unseen_*` appear in the split "unseen" only."""

    drinks: tuple[str, ...]
    unseen_drinks: tuple[str, ...]
    toppings: tuple[str, ...]
    unseen_toppings: tuple[str, ...]


def _vietnamese(base: str, flavours: str) -> tuple[str, ...]:
    return tuple(f"{base} {flavour}" for flavour in flavours.split(", "))


def _english(base: str, flavours: str) -> tuple[str, ...]:
    return tuple(f"{flavour} {base}" for flavour in flavours.split(", "))


MENU: dict[Language, Menu] = {
    "vi": Menu(
        drinks=(
            *_vietnamese("trà sữa", "truyền thống, khoai môn, matcha, socola, dâu tây, dưa lưới, bạc hà, caramel, thái xanh"),
            *_vietnamese("trà sữa", "hạnh nhân, vani, mật ong, dừa non, khoai lang, việt quất, cà phê, phô mai"),
            *_vietnamese("hồng trà", "mật ong, chanh, đào, vải, sữa, táo đỏ, bí đao, chanh dây, dâu tây, tắc, việt quất"),
            *_vietnamese("lục trà", "chanh dây, mật ong, đào, vải, xoài, kiwi, táo xanh, bưởi, tắc, thơm, bạc hà"),
            *_vietnamese("trà ô long", "đào, vải, sữa, hoa sen, chanh, xoài, táo đỏ, hoa cúc, mật ong, dưa lưới"),
            *_vietnamese("trà xanh", "chanh, sữa, đào, xoài, dâu tây, kiwi, hoa nhài, bưởi"),
            *_vietnamese("sữa tươi", "matcha, socola, khoai môn, dâu tây, caramel, cà phê, khoai lang, hạnh nhân"),
            *_vietnamese("trà", "đào cam sả, vải hoa hồng, dâu tằm, ổi hồng, mãng cầu, chanh sả, atiso, hoa cúc mật ong"),
        ),
        unseen_drinks=(
            # flavours that training never names
            *_vietnamese("trà sữa", "hạt dẻ, gạo rang, sầu riêng, lá dứa, chuối nướng"),
            *_vietnamese("hồng trà", "quế hoa, mận, dưa hấu"),
            *_vietnamese("lục trà", "măng cụt, nhãn, lựu đỏ"),
            *_vietnamese("trà ô long", "hạt dẻ, nhãn, quế hoa"),
            *_vietnamese("sữa tươi", "gạo rang, mè đen"),
            *_vietnamese("trà", "sơ ri, tía tô"),
            # known flavours with a base they never had
            "trà sữa hoa sen",
            "hồng trà xoài",
            "lục trà dâu tây",
            "trà ô long kiwi",
            "trà xanh dưa lưới",
            "sữa tươi vani",
        ),
        toppings=(
            *_vietnamese("trân châu", "đen, trắng, hoàng kim, đường đen"),
            *_vietnamese("thạch", "dừa, cà phê, trái cây, củ năng"),
            *_vietnamese("pudding", "trứng, khoai môn, xoài"),
            *_vietnamese("kem", "cheese, trứng, tươi"),
            *("sương sáo", "nha đam", "đậu đỏ", "khoai dẻo"),
        ),
        unseen_toppings=(
            *("trân châu ngũ sắc", "thạch lá dứa", "thạch phô mai", "pudding mè đen", "kem muối"),
            *("bánh flan", "hạt chia", "rau câu sợi"),
        ),
    ),
    "en": Menu(
        drinks=(
            *_english("milk tea", "classic, taro, matcha, chocolate, strawberry, honeydew, mint, caramel, thai, almond, vanilla"),
            *_english("milk tea", "honey, coconut, sweet potato, blueberry, coffee, earl grey"),
            *_english("black tea", "honey, lemon, peach, lychee, red apple, winter melon, passion fruit, strawberry, kumquat"),
            *_english(
                "green tea", "passion fruit, honey, peach, lychee, mango, kiwi, green apple, grapefruit, kumquat, pineapple"
            ),
            *_english("oolong tea", "peach, lychee, lotus, lemon, mango, red apple, honey, honeydew, chrysanthemum"),
            *_english("jasmine tea", "lemon, peach, mango, strawberry, kiwi, grapefruit"),
            *_english("fresh milk", "matcha, chocolate, taro, strawberry, caramel, coffee, sweet potato, almond"),
            *("peach lemongrass tea", "lychee rose tea", "mulberry tea", "pink guava tea", "artichoke tea"),
        ),
        unseen_drinks=(
            *_english("milk tea", "chestnut, roasted rice, durian, pandan, banana"),
            *_english("black tea", "osmanthus, plum, watermelon"),
            *_english("green tea", "mangosteen, longan, pomegranate"),
            *_english("oolong tea", "chestnut, longan, osmanthus"),
            *_english("fresh milk", "roasted rice, black sesame"),
            *("acerola tea", "perilla tea"),
            "lotus milk tea",
            "mango black tea",
            "strawberry green tea",
            "kiwi oolong tea",
            "honeydew jasmine tea",
            "vanilla fresh milk",
        ),
        toppings=(
            *_english("pearls", "black, white, golden, brown sugar"),
            *_english("jelly", "coconut, coffee, fruit, grass"),
            *_english("pudding", "egg, taro, mango"),
            *_english("foam", "cheese, egg, milk"),
            *("aloe vera", "red beans", "taro balls", "oat flakes"),
        ),
        unseen_toppings=(
            *("rainbow pearls", "pandan jelly", "cheese jelly", "black sesame pudding", "sea salt foam"),
            *("caramel flan", "chia seeds", "crushed peanuts"),
        ),
    ),
}


def format_order(items: list[Item], language: Language = "vi") -> str:
    """The answer to an order: one line of JSON without spaces, a seventh fewer tokens; keys in the order of `KEYS`."""
    plain = [[cast(dict[str, Any], item)[field] for field in FIELDS] for item in items]
    return json.dumps(
        [dict(zip(KEYS[language], values, strict=True)) for values in plain], ensure_ascii=False, separators=(",", ":")
    )


def parse_order(text: str) -> list[Item]:
    """Reads an answer back, strictly; raises ValueError when it is no list of objects with exactly one language's `KEYS`."""
    order = json.loads(text)
    if not isinstance(order, list) or not order:
        raise ValueError("not a list of drinks")
    items = []
    for said in order:
        if not isinstance(said, dict) or tuple(said) not in KEYS.values():
            raise ValueError("not an object with the keys of an answer, in their order")
        item = dict(zip(FIELDS, said.values(), strict=True))
        if item["size"] not in SIZES or item["sugar"] not in LEVELS or item["ice"] not in LEVELS:
            raise ValueError("a size, sugar or ice that the shop does not have")
        if type(item["quantity"]) is not int or item["quantity"] < 1 or not isinstance(item["drink"], str):
            raise ValueError("a quantity below one, or a drink without a name")
        if not isinstance(item["toppings"], list) or not all(isinstance(topping, str) for topping in item["toppings"]):
            raise ValueError("toppings are not a list of names")
        items.append(cast(Item, item))
    return items

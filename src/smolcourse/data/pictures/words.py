"""What the street sells, where, and in which words it is asked about. `unseen` names are never shown in training.

Names that are held out are made of syllables that training shows in other names: a model that reads can read them, one that
remembers names cannot.
"""

from typing import NamedTuple

from smolcourse.language import Language


class Names(NamedTuple):
    """Names that training shows, and names that it does not."""

    known: tuple[str, ...]
    unseen: tuple[str, ...]

    def of(self, unseen: bool) -> tuple[str, ...]:
        """Those of a split."""
        return self.unseen if unseen else self.known


DISHES = Names(
    known=(
        *("phở bò", "phở gà", "bún chả", "bún bò", "bún riêu", "cơm tấm", "cơm gà", "bánh mì", "bánh cuốn", "bánh xèo"),
        *("mì Quảng", "xôi gà", "xôi lạc", "chè đậu", "cháo vịt", "gỏi cuốn"),
    ),
    unseen=("phở vịt", "bún gà", "cơm bò", "mì vịt", "xôi đậu", "cháo gà", "bánh đậu", "bún vịt"),
)
SHOPS = Names(
    known=("Cô Lan", "Bà Tư", "Chú Ba", "Anh Hải", "Chị Hoa", "Bà Năm", "Cô Mai", "Chú Sáu", "Dì Út", "Ông Tám"),
    unseen=("Cô Hoa", "Bà Lan", "Chú Tư", "Chị Mai", "Ông Năm", "Dì Ba"),
)
PRICES = (15, 20, 25, 30, 35, 40, 45, 50, 55, 60)
"""Thousands of đồng, as the street writes them: 45k."""

LABELS = Names(known=("Phở", "Bún", "Cơm", "Xôi", "Chè", "Mì", "Cháo", "Gỏi"), unseen=("Nem", "Lẩu", "Kem", "Ốc"))
"""One word a column: longer ones would not be readable."""

SHAPES: dict[str, dict[Language, str]] = {
    "circle": {"vi": "hình tròn", "en": "circle"},
    "square": {"vi": "hình vuông", "en": "square"},
    "triangle": {"vi": "hình tam giác", "en": "triangle"},
    "star": {"vi": "ngôi sao", "en": "star"},
}
COLOURS: dict[str, dict[Language, str]] = {
    "#d7263d": {"vi": "đỏ", "en": "red"},
    "#1f77d0": {"vi": "xanh dương", "en": "blue"},
    "#2e9e4f": {"vi": "xanh lá", "en": "green"},
    "#f2b705": {"vi": "vàng", "en": "yellow"},
    "#7d3fb2": {"vi": "tím", "en": "purple"},
}
UNSEEN_PAIRS = frozenset({("star", "#7d3fb2"), ("circle", "#2e9e4f"), ("square", "#f2b705"), ("triangle", "#d7263d")})
"""Shape and colour that training never shows together."""

RECEIPT_KEYS: dict[Language, tuple[str, ...]] = {
    "vi": ("quán", "bàn", "món", "số", "giá", "tổng"),
    "en": ("shop", "table", "dish", "count", "price", "total"),
}

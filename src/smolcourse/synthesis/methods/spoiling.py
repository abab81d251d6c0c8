"""Orders as a careless writer leaves them: to see what filters are worth.

Faults that lean one way are what harms. A model averages out those that cancel (Rolnick et al. 2017, *Deep Learning is Robust
to Massive Label Noise*, arXiv:1705.10694); what most rows say wrongly it learns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from random import Random

from smolcourse.synthesis.rows import Data, Draft, Row, keep

_BASES = ("trà sữa", "hồng trà", "lục trà", "trà ô long", "trà xanh", "sữa tươi", "trà")
_WRAPPED = ("Đây là đơn của bạn: {}", "```json\n{}\n```", "{} Cảm ơn bạn!")
_REFUSALS = ("Xin lỗi, tôi không thể ghi đơn này.", "Rất tiếc, tôi là mô hình ngôn ngữ nên không thể đặt món giúp bạn.")


def carelessly(row: Row, draw: Random, *, hurried: float = 0.6, other: float = 0.15) -> Iterator[Draft]:
    """`response` as a writer in a hurry leaves it; `spoilt` says how, and is not there for a row that is as it was.

    Args:
        hurried: the share of rows whose drinks are cut to their kind ("trà sữa khoai môn" -> "trà sữa") and lose their toppings.
        other: the share with another fault: words around the JSON, a JSON cut short, a refusal.
    """
    mark = draw.random()
    if mark < hurried:
        spoilt, answer = "hurried", _hurried(row.data)
    elif mark < hurried + other:
        spoilt, make = _OTHERS[int(draw.random() * len(_OTHERS))]
        answer = make(str(row.data["response"]), draw)
    else:
        yield keep(row)
        return
    yield keep(row, response=answer, spoilt=spoilt)


def _hurried(data: Data) -> str:
    items = json.loads(data["response"])
    for item in items:
        item["món"] = next((base for base in _BASES if item["món"].startswith(base)), item["món"])
        item["topping"] = []
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"))


def _pick(draw: Random, options: tuple[str, ...]) -> str:
    return options[int(draw.random() * len(options))]


_OTHERS: tuple[tuple[str, Callable[[str, Random], str]], ...] = (
    ("wrapped", lambda text, draw: _pick(draw, _WRAPPED).replace("{}", text)),
    ("cut", lambda text, draw: text[: int(len(text) * (0.3 + 0.6 * draw.random()))]),
    ("refusal", lambda text, draw: _pick(draw, _REFUSALS)),
)

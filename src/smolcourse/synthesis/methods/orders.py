"""Milk-tea orders without a human-written training row: from rules, the menu and twenty seeds.

A program recombines the seeds' pieces (Jia and Liang 2016, arXiv:1606.03622) over the menu, and a model adds other wordings. Both
err: pieces that are each clear may together be read in two ways, and a small model says another order, or none. So every order
is read back by rules (`verify`), and stays only if it reads as what its JSON says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from smolcourse.data.milk_tea.menu import MENU, format_order
from smolcourse.data.templates import Message
from smolcourse.data.text import comparable
from smolcourse.errors import SmolError
from smolcourse.evaluation.scorers import json_match
from smolcourse.synthesis.ordering.reader import Unclear, items_of, read_order, strange
from smolcourse.synthesis.ordering.rules import load_rules
from smolcourse.synthesis.ordering.writer import Habits, cut, type_hastily, write_order
from smolcourse.synthesis.rows import Ask, Draft, Making, Row, drop, keep, said_all
from smolcourse.synthesis.untrusted import harmless

_REWORD = "Viết lại đơn hàng bằng lời khác, giữ nguyên món, số lượng, size, đường, đá và topping."
_TOGETHER = 192  # questions between two writings of rows


def compose(rows: Sequence[Row], draw: Random, *, rules: Path, count: int = 1000) -> Iterator[Draft]:
    """So many different orders with their JSON, out of the seeds' pieces; `otherwise` is the same order in another wording.

    Args:
        rules: the rules of the language; see `ordering.rules`.

    Raises:
        SmolError: none of the seeds can be read by the rules.
    """
    menu, known = MENU["vi"], load_rules(rules)
    seeds = [seed for row in rows if (seed := cut(row.key, _order_of(row), menu, known))]
    if not seeds:
        raise SmolError("quy tắc không đọc được đơn mẫu nào", "the rules read none of the seeds", where=str(rules))
    system = {"system": text} if (text := _system_of(rows[0])) else {}
    seen = {comparable(_order_of(row)) for row in rows}
    while count:
        text, items, used = write_order(seeds, menu, known, Habits(), draw)
        if comparable(text) in seen:
            continue
        seen.add(comparable(text))
        otherwise, _, _ = write_order(seeds, menu, known, Habits(), draw, items)
        count -= 1
        yield Draft({"instruction": text, "response": format_order(items), "otherwise": otherwise, **system}, parents=used)


def _order_of(row: Row) -> str:
    return next(str(message["content"]) for message in row.data["messages"] if message["role"] == "user")


def _system_of(row: Row) -> str | None:
    return next((str(message["content"]) for message in row.data["messages"] if message["role"] == "system"), None)


def reword(rows: Sequence[Row], *, every: int = 4, shots: int = 6, temperature: float = 0.7, max_new_tokens: int = 96) -> Making:
    """Has a model say every so-many-th order in its own words, after a few examples. It may say another order: verify it."""
    examples = [row for row in rows[: 4 * shots] if len(row.data["instruction"]) < 120][:shots]
    first: list[Message] = [{"role": "system", "content": _REWORD}]
    for row in examples:
        first.append({"role": "user", "content": row.data["instruction"]})
        first.append({"role": "assistant", "content": row.data["otherwise"]})
    chosen = rows[:: max(1, every)]
    for start in range(0, len(chosen), _TOGETHER):
        part = list(chosen[start : start + _TOGETHER])
        asks = [_reword(first, row, temperature, max_new_tokens) for row in part]
        texts = yield from said_all(asks)
        for row, text in zip(part, texts, strict=True):
            yield keep(row, instruction=text, reworded=True) if text else drop(row, "empty")


def _reword(first: Sequence[Message], row: Row, temperature: float, max_new_tokens: int) -> Ask:
    question: Message = {"role": "user", "content": harmless(row.data["instruction"])}
    return Ask((*first, question), max_new_tokens, temperature, like=row.data["otherwise"])


def verify(row: Row, *, rules: Path, most_strange: float = 0.2) -> Iterator[Draft]:
    """Keeps an order whose text, read by the rules, is the order that its JSON says.

    Args:
        most_strange: share of words that the rules and the menu may lack: an order that goes on and on in other words is none.
    """
    text, menu, known = row.data["instruction"], MENU["vi"], load_rules(rules)
    try:
        items = items_of(read_order(text, menu, known))
    except Unclear as error:
        yield drop(row, str(error))
        return
    try:
        right = json_match(format_order(items), row.data["response"])["exact_match"] == 1
    except ValueError:
        yield drop(row, "no JSON")
        return
    if not right:
        yield drop(row, "says another order")
    elif strange(text, menu, known) > most_strange:
        yield drop(row, "strange words")
    else:
        yield keep(row)


def typed(row: Row, draw: Random, *, rules: Path, share: float = 0.1) -> Iterator[Draft]:
    """Types this share of the orders as a customer in a hurry does; the JSON stays."""
    if draw.random() >= share:
        yield keep(row)
    else:
        yield keep(row, instruction=type_hastily(row.data["instruction"], load_rules(rules), draw), hasty=True)

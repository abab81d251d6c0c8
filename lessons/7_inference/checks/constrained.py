"""Machines of small orders in JSON with drawn keys and values, tokens of one and many letters, and a model that wants none of it."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong

Machine = dict[str, dict[str, str]]
LIMIT = 400  # tokens; what goes on longer never ends


def build(parts: list[list[str]]) -> tuple[Machine, set[str]]:
    """The machine of all texts that take one alternative of each part, in order. A state is a part and what is read of it."""

    def step(part: int, read: str, letter: str) -> tuple[int, str] | None:
        if any(text.startswith(read + letter) for text in parts[part]):
            return part, read + letter
        return step(part + 1, "", letter) if read in parts[part] and part + 1 < len(parts) else None

    letters = sorted({letter for part in parts for text in part for letter in text})
    machine: Machine = {}
    todo = [(0, "")]
    while todo:
        part, read = todo.pop()
        ways = {letter: found for letter in letters if (found := step(part, read, letter))}
        machine[f"{part}{read}"] = {letter: f"{at}{text}" for letter, (at, text) in ways.items()}
        todo += [place for place in ways.values() if f"{place[0]}{place[1]}" not in machine]
    return machine, {f"{len(parts) - 1}{text}" for text in parts[-1]}


def language(rng: Random) -> tuple[list[list[str]], list[str]]:
    """Parts of an order in JSON with three drawn fields, and pieces that tokens may be made of."""
    parts: list[list[str]] = []
    pieces = ['{"', '": "', '", "', '": ', ', "', '"}', '":', "True", "00", "12", "98", "7, ", "1}"]
    for place, (name, kind) in enumerate(zip(rng.sample(["mon", "size", "da", "duong", "ly"], 3), rng.sample(range(3), 3), strict=True)):  # fmt: skip
        second = rng.choice("02468")
        drinks = rng.sample(["trà đào", "trà sữa", "cà phê", "trà tắc", "sữa chua"], 3)
        values = [
            [f'"{drink}"' for drink in drinks],
            [f"{first}{rest}" for first in "123456789" for rest in ("", second)],
            ["true", "false"],
        ]
        parts += [["{" if place == 0 else ", "], [f'"{name}": '], values[kind]]
        pieces += [name, f'"{name}": ', f'{{"{name}', *drinks, f'{drinks[0]}"', drinks[1][:2], f"3{second}", "true", "fal", "se"]
    return [*parts, ["}"]], pieces


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        machine, final, start, vocabulary, end = material(rng)
        in_states(mine, machine, final, vocabulary, end, rng)
        written(mine, machine, final, start, vocabulary, end)


def material(rng: Random) -> tuple[Machine, set[str], str, list[str], int]:
    parts, pieces = language(rng)
    machine, final = build(parts)
    letters = {letter for ways in machine.values() for letter in ways}
    vocabulary = [*sorted({*pieces, *letters}), "", "\n", "Dạ", "<|im_end|>"]
    rng.shuffle(vocabulary)
    vocabulary.insert(0, "x")  # never allowed: of logits that are all 0 the first is taken, and that must not be "Dạ"
    return machine, final, "0", vocabulary, vocabulary.index("<|im_end|>")


def walk(machine: Machine, state: str, text: str) -> str | None:
    for letter in text:
        following = machine.get(state, {}).get(letter)
        if following is None:
            return None
        state = following
    return state


Fits = Callable[[Machine, str, str], bool]
RULES: dict[str, Fits] = {
    "right": lambda machine, state, text: bool(text) and walk(machine, state, text) is not None,
    "empty-token": lambda machine, state, text: walk(machine, state, text) is not None,
    "first-letter-only": lambda machine, state, text: bool(text) and text[0] in machine[state],
    "single-letters-only": lambda machine, state, text: len(text) == 1 and text in machine[state],
    "state-not-advanced": lambda machine, state, text: bool(text) and set(text) <= machine[state].keys(),
}


def ours(machine: Machine, final: set[str], state: str, vocabulary: list[str], end: int, *, rule: str = "right", ends: bool | None = None) -> list[int]:  # fmt: skip
    """Ours, and other rules: `rule` decides about a token's text, `ends` about the end."""
    may_end = state in final if ends is None else ends
    return [token for token, text in enumerate(vocabulary) if (may_end if token == end else RULES[rule](machine, state, text))]


def in_states(mine: Mine, machine: Machine, final: set[str], vocabulary: list[str], end: int, rng: Random) -> None:
    """The allowed tokens in some states: drawn ones, those with the most ways, and the last one."""
    states = [*rng.sample(sorted(machine), 20), *sorted(machine, key=lambda state: -len(machine[state]))[:3], *final]
    got = [list(mine.allowed(machine, final, state, vocabulary, end)) for state in states]

    def by(**other: Any) -> list[list[int]]:
        return [ours(machine, final, state, vocabulary, end, **other) for state in states]

    wanted = by()
    if got == wanted:
        return
    first = next(place for place, (one, other) in enumerate(zip(got, wanted, strict=True)) if one != other)
    shown = {"got": [vocabulary[token] for token in got[first]], "wanted": [vocabulary[token] for token in wanted[first]]}
    known = [
        ("end-any-time", by(ends=True), "cho phép kết thúc giữa chừng: câu trả lời dở dang không đọc được. Chỉ được kết thúc ở trạng thái cuối", "allows the end at any time: half an answer cannot be parsed. It may end in a final state only"),
        ("end-never", by(ends=False), "không bao giờ cho kết thúc, kể cả khi câu trả lời đã trọn", "never allows the end, not even of a whole answer"),
        ("empty-token", by(rule="empty-token"), "cho phép token rỗng: nó không đưa đến đâu, và mô hình có thể chọn nó mãi", "allows the empty token: it leads nowhere, and the model may take it for ever"),
        ("first-letter-only", by(rule="first-letter-only"), "chỉ xét chữ cái đầu của token; mọi chữ cái đều phải có đường đi", "looks at a token's first letter only; every letter must have its way"),
        ("single-letters-only", by(rule="single-letters-only"), "chỉ cho token một chữ cái: đúng khuôn, nhưng mô hình phải đánh vần theo cách nó chưa từng học", "allows tokens of one letter only: the form is kept, but the model must spell in a way it never learned"),
        ("state-not-advanced", by(rule="state-not-advanced"), "xét mọi chữ cái của token ở cùng một trạng thái; sau mỗi chữ cái trạng thái đã đổi", "looks at all letters of a token in one state; after each letter the state has changed"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if got == value:
            raise Wrong(name, vi, en, **shown)
    if [sorted(tokens) for tokens in got] == wanted:
        raise Wrong("not-in-order", "đúng các token nhưng không theo thứ tự", "the right tokens, not in order", **shown)
    wrong = [vocabulary[token] for token in got[first] if token not in wanted[first]]
    if wrong:
        raise Wrong("too-much-allowed", f"cho phép cả {wrong!r}, những token sai khuôn", f"also allows {wrong!r}, which break the form", **shown)  # fmt: skip
    raise Wrong("too-little-allowed", "thiếu những token hợp lệ", "tokens that fit are missing", **shown)


class NeverEnds(Exception):
    """The model was asked far more often than any answer is long."""


def written(mine: Mine, machine: Machine, final: set[str], start: str, vocabulary: list[str], end: int) -> None:
    """A whole answer; the model's logits are negative, so that a zero is a recommendation."""
    table, asked = torch.randn(len(vocabulary) + 1, len(vocabulary)) - 13.0, [0]
    table[:, vocabulary.index("Dạ")] += 8.0  # what it would rather say

    def logits_after(tokens: list[int]) -> Tensor:
        asked[0] += 1
        if asked[0] > LIMIT:
            raise NeverEnds
        return table[tokens[-1] if tokens else -1].clone()

    def greedy(choose: Callable[[Tensor, list[int]], int]) -> list[int]:
        asked[0], state, tokens = 0, start, list[int]()
        for _ in range(LIMIT):
            token = choose(logits_after(tokens), ours(machine, final, state, vocabulary, end))
            if token == end:
                break
            tokens.append(token)
            state = walk(machine, state, vocabulary[token]) or state
        return tokens

    wanted = greedy(lambda logits, fit: max(fit, key=lambda token: float(logits[token])))
    asked[0] = 0
    try:
        got: Any = mine.answer(logits_after, machine, final, start, vocabulary, end)
    except NeverEnds:
        raise Wrong("never-ends", f"đã hỏi mô hình hơn {LIMIT} lần mà chưa xong: token end phải được xét và làm câu trả lời dừng lại", f"asked the model more than {LIMIT} times and is not done: the end token must be looked at, and end the answer") from None  # fmt: skip
    if got == wanted:
        text = "".join(vocabulary[token] for token in got)
        json.loads(text)
        return
    shown = {"got": "".join(vocabulary[token] for token in got), "wanted": "".join(vocabulary[token] for token in wanted)}
    if got == [*wanted, end]:
        raise Wrong("end-kept", "token end nằm trong câu trả lời", "the end token is in the answer", **shown)
    free = int(table[-1].argmax())
    if got[:1] == [free] != wanted[:1]:
        raise Wrong("unmasked", f"chọn {vocabulary[free]!r}, token sai khuôn mà mô hình thích nhất: phải che trước khi lấy argmax", f"takes {vocabulary[free]!r}, which breaks the form and which the model likes best: mask before the argmax", **shown)  # fmt: skip

    def zeroed(logits: Tensor, fit: list[int]) -> int:
        keep = torch.zeros_like(logits)
        keep[fit] = 1.0
        return int((logits * keep).argmax())

    if got == greedy(zeroed) or got[:1] == [zeroed(table[-1], ours(machine, final, start, vocabulary, end))] != wanted[:1]:
        raise Wrong("zeroed-not-masked", "đặt logits của token bị cấm về 0; mọi logit khác đều âm, nên 0 lại thành lớn nhất. Phải là -inf", "sets the logits of forbidden tokens to 0; all others are negative, so 0 is the largest. It takes minus infinity", **shown)  # fmt: skip
    if got == greedy(lambda logits, fit: fit[0]):
        raise Wrong("first-allowed", "luôn lấy token được phép đầu tiên, không nhìn logits", "always takes the first allowed token, without a look at the logits", **shown)  # fmt: skip
    if got == greedy(lambda logits, fit: min(fit, key=lambda token: float(logits[token]))):
        raise Wrong(
            "least-likely",
            "lấy token ít khả năng nhất trong số được phép",
            "takes the least likely of the allowed tokens",
            **shown,
        )
    if got == wanted[: len(got)]:
        raise Wrong(
            "cut-short",
            "câu trả lời bị dừng trước khi mô hình chọn end",
            "the answer is cut before the model chooses end",
            **shown,
        )
    if walk(machine, start, shown["got"]) not in final:
        raise Wrong("breaks-the-form", "câu trả lời sai khuôn: trạng thái phải đi theo mọi chữ cái của token vừa chọn", "the answer breaks the form: the state follows every letter of the chosen token", **shown)  # fmt: skip
    raise Wrong("answer-differs", "câu trả lời đúng khuôn nhưng không phải câu mô hình muốn nhất", "the answer keeps to the form but is not the one the model likes best", **shown)  # fmt: skip

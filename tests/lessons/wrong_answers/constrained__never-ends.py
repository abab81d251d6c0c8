from collections.abc import Callable

import torch
from torch import Tensor

Machine = dict[str, dict[str, str]]


def walk(machine: Machine, state: str, text: str) -> str | None:
    for letter in text:
        following = machine.get(state, {}).get(letter)
        if following is None:
            return None
        state = following
    return state


def allowed(machine: Machine, final: set[str], state: str, vocabulary: list[str], end: int) -> list[int]:
    def fits(token: int) -> bool:
        if token == end:
            return state in final
        return bool(vocabulary[token]) and walk(machine, state, vocabulary[token]) is not None

    return [token for token in range(len(vocabulary)) if fits(token)]


def answer(
    logits_after: Callable[[list[int]], Tensor], machine: Machine, final: set[str], start: str, vocabulary: list[str], end: int
) -> list[int]:
    state, tokens = start, list[int]()
    while True:
        mask = torch.full((len(vocabulary),), -torch.inf)
        mask[allowed(machine, final, state, vocabulary, end)] = 0.0
        token = int((logits_after(list(tokens)) + mask).argmax())
        tokens.append(token)
        state = walk(machine, state, vocabulary[token]) or state

from collections.abc import Callable

import torch
from torch import Tensor

Model = Callable[[Tensor, Tensor, Tensor], Tensor]


def answer_all(model: Model, prompts: list[list[int]], limit: int, pad: int, end: int) -> list[list[int]]:
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
    answers: list[list[int]] = [[] for _ in prompts]
    writing = set(range(len(prompts)))
    for _ in range(limit):
        mask = (ids != pad).long()
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        chosen = model(ids, mask, positions)[:, -1].argmax(dim=-1)
        for row, token in enumerate(chosen.tolist()):
            if token == end:
                writing.discard(row)
            elif row in writing:
                answers[row].append(token)
        if not writing:
            break
        ids = torch.cat([ids, chosen[:, None]], dim=1)
    return answers

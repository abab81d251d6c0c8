# vi 🦁 batch_differs: hỏi từng câu thì đúng, hỏi cả batch thì sai. Tìm lỗi.
# vi Hàm bên dưới chạy được, và đúng khi các prompt dài bằng nhau và cùng xong một lúc. Sửa rồi chạy: smol check batch_differs
# vi Bài học: smol learn 7 batching      Gợi ý: smol hint batch_differs
# en 🦁 batch_differs: asked one by one the answers are right, in a batch they are not. Find out why.
# en The function below runs, and is right where prompts are of one length and end together. Mend it: smol check batch_differs
# en Lesson: smol learn 7 batching      Hint: smol hint batch_differs

from collections.abc import Callable

import torch
from torch import Tensor

Model = Callable[[Tensor, Tensor, Tensor], Tensor]


def answer_all(model: Model, prompts: list[list[int]], limit: int, pad: int, end: int) -> list[list[int]]:
    """Greedy answers to several prompts, computed together. Each is what the prompt alone would get.

    Args:
        model: model(input_ids, attention_mask, position_ids), all [N, T], gives logits [N, T, V]. The mask is 1 at real tokens
            and 0 at padding, which then no token reads. Positions count the real tokens of a row from 0; those at padding are
            not looked at, but must not be negative.
        prompts: token ids, of different lengths.
        limit: of new tokens.
        pad: fills short rows. It may be the same number as `end`, and may stand in a prompt as a real token.
        end: the token that ends an answer.

    Returns:
        For each prompt its new tokens, without `end` and what came behind it.
    """
    longest = max(map(len, prompts))
    ids = torch.tensor([prompt + [pad] * (longest - len(prompt)) for prompt in prompts])
    answers: list[list[int]] = [[] for _ in prompts]
    for _ in range(limit):
        mask = (ids != pad).long()
        positions = torch.arange(ids.shape[1]).expand_as(ids)
        chosen = model(ids, mask, positions)[:, -1].argmax(dim=-1)
        if (chosen == end).any():
            break
        for answer, token in zip(answers, chosen.tolist(), strict=True):
            answer.append(token)
        ids = torch.cat([ids, chosen[:, None]], dim=1)
    return answers

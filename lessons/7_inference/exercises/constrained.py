# vi 🦁 constrained: câu trả lời nào cũng đúng khuôn, vì token sai khuôn không thể được chọn.
# vi Viết hai hàm bên dưới rồi chạy: smol check constrained
# vi Bài học: smol learn 7 grammar      Gợi ý: smol hint constrained
# en 🦁 constrained: every answer keeps to the form, since no token that breaks it can be chosen.
# en Write the two functions below, then run: smol check constrained
# en Lesson: smol learn 7 grammar      Hint: smol hint constrained

from collections.abc import Callable

import torch
from torch import Tensor

Machine = dict[str, dict[str, str]]


def allowed(machine: Machine, final: set[str], state: str, vocabulary: list[str], end: int) -> list[int]:
    """The tokens that may come next, in order.

    Args:
        machine: machine[state][letter] is the next state; a letter that is not there is forbidden. From every state that can be
            reached, a final one can be reached.
        final: states in which the answer may end.
        state: where the answer so far has led.
        vocabulary: the text of every token; some have many letters, some none (those are never allowed).
        end: the place in the vocabulary of the token that ends an answer. Its text is not part of the answer.
    """
    # TODO
    raise NotImplementedError


def answer(
    logits_after: Callable[[list[int]], Tensor], machine: Machine, final: set[str], start: str, vocabulary: list[str], end: int
) -> list[int]:
    """The greedy answer that the machine accepts: at each step the likeliest of the allowed tokens, until that is `end`.

    Args:
        logits_after: logits_after(tokens so far) gives [V].
        start: the machine's first state.

    Returns:
        Tokens, without `end`. Where nothing but `end` is allowed the answer is complete too.
    """
    # TODO
    raise NotImplementedError

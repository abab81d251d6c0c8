# vi 🐕 merge: ghép LoRA vào W, rồi gỡ ra.
# vi Viết hai hàm bên dưới rồi chạy: smol check merge
# vi Bài học: smol learn 3 merge      Gợi ý: smol hint merge
# en 🐕 merge: LoRA into W, and out again.
# en Write the two functions below, then run: smol check merge
# en Lesson: smol learn 3 merge      Hint: smol hint merge

from torch import Tensor


def merge(weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """One matrix that does what W and the adapter did: W + (alpha / r) B A, in a new tensor of W's dtype.

    The sum is taken in fp32 and rounded once. `weight` stays as it is: other adapters need it.

    Args:
        weight: [outputs, inputs], fp32 or bf16.
        a: [r, inputs], fp32.
        b: [outputs, r], fp32.
    """
    # TODO
    raise NotImplementedError


def unmerge(merged: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """Takes the adapter out again, by the same rules."""
    # TODO
    raise NotImplementedError

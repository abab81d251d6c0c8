# vi 🐕 lora_linear: khởi tạo và chiều xuôi của LoRA.
# vi Viết hai hàm bên dưới rồi chạy: smol check lora_linear
# vi Bài học: smol learn 3 lora      Gợi ý: smol hint lora_linear
# en 🐕 lora_linear: LoRA's start, and its forward pass.
# en Write the two functions below, then run: smol check lora_linear
# en Lesson: smol learn 3 lora      Hint: smol hint lora_linear

from torch import Tensor


def lora_init(inputs: int, outputs: int, r: int) -> tuple[Tensor, Tensor]:
    """A [r, inputs] and B [outputs, r] at the start: the model must answer as before, and yet be able to learn."""
    # TODO
    raise NotImplementedError


def lora_linear(x: Tensor, weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    """y = W x + (alpha / r) B A x, for every row of x.

    Args:
        x: [T, inputs].
        weight: [outputs, inputs], frozen: no gradient reaches it.
        a: [r, inputs].
        b: [outputs, r].
        alpha: with r = the rows of `a`, the scale of the update.

    Returns:
        [T, outputs].
    """
    # TODO
    raise NotImplementedError

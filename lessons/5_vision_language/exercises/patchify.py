# vi 🐢 patchify: một bức ảnh thành một dãy patch.
# vi Viết hàm bên dưới rồi chạy: smol check patchify
# vi Bài học: smol learn 5 patches      Gợi ý: smol hint patchify
# en 🐢 patchify: a picture as a row of patches.
# en Write the function below, then run: smol check patchify
# en Lesson: smol learn 5 patches      Hint: smol hint patchify

from torch import Tensor


def patchify(pixels: Tensor, patch: int) -> Tensor:
    """Cuts pictures into squares, each a vector: what an image encoder reads instead of words.

    Do it with view, permute and reshape: without unfold, and without a convolution.

    Args:
        pixels: [B, colours, H, W]; H and W are multiples of `patch`, and need not be equal.
        patch: pixels of a square's side.

    Returns:
        [B, (H / patch) * (W / patch), colours * patch * patch]. Squares stand row by row, as one reads. In a vector, all of the
        first colour comes first; a colour's pixels stand row by row. So a vector fits the encoder's first weights,
        [width, colours, patch, patch], flattened.
    """
    # TODO
    raise NotImplementedError

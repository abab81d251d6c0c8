# vi 🐕 pixel_shuffle: bốn patch thành một token, không mất gì; và đường về.
# vi Viết hai hàm bên dưới rồi chạy: smol check pixel_shuffle
# vi Bài học: smol learn 5 shuffle      Gợi ý: smol hint pixel_shuffle
# en 🐕 pixel_shuffle: four patches become one token, nothing is lost; and the way back.
# en Write both functions below, then run: smol check pixel_shuffle
# en Lesson: smol learn 5 shuffle      Hint: smol hint pixel_shuffle

from torch import Tensor


def pixel_shuffle(patches: Tensor, factor: int) -> Tensor:
    """Joins each square of `factor` x `factor` neighbouring patches into one long vector.

    Args:
        patches: [images, side * side, width], row by row.

    Returns:
        [images, (side / factor)^2, factor^2 * width]. Squares stand row by row; in a vector, the patches of a square stand row by
        row, each whole.

    Raises:
        ValueError: `side` is no multiple of `factor`. Nothing may be cut off in silence.
    """
    # TODO
    raise NotImplementedError


def pixel_unshuffle(tokens: Tensor, factor: int) -> Tensor:
    """The inverse: [images, (side / factor)^2, factor^2 * width] -> [images, side * side, width]."""
    # TODO
    raise NotImplementedError

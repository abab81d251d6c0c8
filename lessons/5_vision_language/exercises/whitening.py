# vi 🦁 whitening: mọi hướng khác biệt giữa các patch nặng như nhau.
# vi Viết hàm bên dưới rồi chạy: smol check whitening
# vi Bài học: smol learn 5 white      Gợi ý: smol hint whitening
# en 🦁 whitening: all directions in which patches differ weigh the same.
# en Write the function below, then run: smol check whitening
# en Lesson: smol learn 5 white      Hint: smol hint whitening

from torch import Tensor


def whitening(patches: Tensor, floor: float = 1e-3) -> tuple[Tensor, Tensor]:
    """The centre and the matrix with which `(patches - centre) @ matrix` is white: numbers of unit variance, not correlated.

    With the covariance C = V diag(s) V^T (divided by N - 1, in float64), the matrix is V diag((s + f)^(-1/2)) V^T, where
    f = `floor` * mean(s) keeps directions that hardly differ from being blown up.

    Args:
        patches: [N, width], of pictures like those to come.
        floor: as a share of the mean strength.

    Returns:
        centre [width], and matrix [width, width], which is symmetric.
    """
    # TODO
    raise NotImplementedError

# vi 🐢 choose_rank: rank lớn nhất mà bộ nhớ cho phép.
# vi Viết hàm bên dưới rồi chạy: smol check choose_rank
# vi Bài học: smol learn 3 cost      Gợi ý: smol hint choose_rank
# en 🐢 choose_rank: the largest rank that memory allows.
# en Write the function below, then run: smol check choose_rank
# en Lesson: smol learn 3 cost      Hint: smol hint choose_rank


def choose_rank(shapes: list[tuple[int, int]], budget: int) -> int:
    """The largest rank whose training fits into `budget` bytes; 0 where even rank 1 does not.

    A trained parameter takes 16 bytes in fp32 with AdamW: itself, its gradient and two moments. Past the smaller side of
    a matrix, rank adds nothing: the result never exceeds the smallest side of the smallest matrix.

    Args:
        shapes: (inputs, outputs) of every matrix that gets an adapter.
        budget: bytes for the adapter with its gradients and moments, activations apart.
    """
    # TODO
    raise NotImplementedError

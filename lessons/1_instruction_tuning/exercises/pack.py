# vi 🦁 pack: nhiều ví dụ trong một hàng, không ví dụ nào nhìn thấy ví dụ khác.
# vi Viết hai hàm bên dưới rồi chạy: smol check pack
# vi Bài học: smol learn 1 packing      Gợi ý: smol hint pack
# en 🦁 pack: several examples in one row, none of them seeing another.
# en Write both functions below, then run: smol check pack
# en Lesson: smol learn 1 packing      Hint: smol hint pack

from collections.abc import Sequence

from torch import Tensor


def pack(lengths: Sequence[int], capacity: int, *, prefix: int = 0) -> list[list[int]]:
    """Best fit, in the order given: each example goes to the open row it fills most, else to a new one.

    Args:
        lengths: tokens of each example.
        capacity: tokens of a packed row. An example longer than that stands alone.
        prefix: tokens that all examples begin with; a row holds them once.

    Returns:
        Lists of indices into `lengths`; every index is in exactly one. Deterministic.
    """
    # TODO
    raise NotImplementedError


def attention(lengths: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Who reads whom in one row of examples that stand one after another (no shared prefix).

    Args:
        lengths: tokens of each example in the row; T is their sum.

    Returns:
        position_ids [T], long: each example counts from 0. allowed [T, T], bool: row i says which tokens token i reads:
        itself and what stands before it in its own example.
    """
    # TODO
    raise NotImplementedError

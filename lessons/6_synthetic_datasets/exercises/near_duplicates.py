# vi 🦁 near_duplicates: giữ một hàng cho mỗi cụm gần giống nhau, mà không so mọi cặp.
# vi Viết hàm bên dưới rồi chạy: smol check near_duplicates
# vi Bài học: smol learn 6 near      Gợi ý: smol hint near_duplicates
# en 🦁 near_duplicates: keep one row of every cluster, without comparing all pairs.
# en Write the function below, then run: smol check near_duplicates
# en Lesson: smol learn 6 near      Hint: smol hint near_duplicates

from collections.abc import Callable, Hashable


def clusters(keys: list[list[Hashable]], similarity: Callable[[int, int], float], threshold: float) -> list[int]:
    """For each text the place of the first text of its cluster; its own place if it is the first.

    Two texts are near duplicates if they have a key in common and are similar enough: `similarity` at least `threshold`.
    Near duplicates of near duplicates are of one cluster, whatever their own similarity.

    Args:
        keys: of each text, such as the keys of its bands. A key brings together texts that may be alike; some are not.
        similarity: similarity(i, j) of texts i and j, from 0 to 1. It is dear: ask only for two texts that have a key in common,
            and not again for two texts that are known to be in one cluster.
    """
    # TODO
    raise NotImplementedError

# vi 🐕 paired: hai mô hình khác nhau thật, hay chỉ may rủi?
# vi Viết hai hàm bên dưới rồi chạy: smol check paired
# vi Bài học: smol learn 4 paired      Gợi ý: smol hint paired
# en 🐕 paired: do two models differ, or is it chance?
# en Write the two functions below, then run: smol check paired
# en Lesson: smol learn 4 paired      Hint: smol hint paired

from collections.abc import Sequence

from smolcourse.evaluation.statistics import Interval, bootstrap


def paired_difference(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Interval:
    """Bootstrap interval of mean(second) - mean(first) on the same items, which are drawn in pairs.

    `bootstrap(values, seed=seed)` returns Interval(value, low, high) of a mean.

    Args:
        first: one model's scores.
        second: the other's, of the same items in the same order.
    """
    # TODO
    raise NotImplementedError


def mcnemar(only_first: int, only_second: int) -> float:
    """McNemar's exact two-sided p-value: if both models were equally good, how often would the items that only one of them
    gets right be split at least as unevenly as here? A binomial test at 1/2.

    Args:
        only_first: items that only the first model gets right; may be 0, may be thousands.
        only_second: items that only the second gets right.
    """
    # TODO
    raise NotImplementedError

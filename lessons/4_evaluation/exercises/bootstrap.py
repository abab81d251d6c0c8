# vi 🐕 bootstrap: điểm này dao động đến đâu?
# vi Viết hàm bên dưới rồi chạy: smol check bootstrap
# vi Bài học: smol learn 4 interval      Gợi ý: smol hint bootstrap
# en 🐕 bootstrap: how far off may this score be?
# en Write the function below, then run: smol check bootstrap
# en Lesson: smol learn 4 interval      Hint: smol hint bootstrap

from collections.abc import Sequence

from smolcourse.evaluation.statistics import Interval


def bootstrap(values: Sequence[float], *, resamples: int = 10_000, level: float = 0.95, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of a mean: the items are drawn again with replacement, `resamples` times.

    Args:
        values: the scores of n items.
        resamples: how often n items are drawn.
        level: the share of the resampled means that lies inside; the rest is left out in equal parts at both ends.
        seed: of the draws: the same seed gives the same interval, another one a slightly different one.

    Returns:
        Interval(value, low, high), where `value` is the mean of the values as they are.
    """
    # TODO
    raise NotImplementedError

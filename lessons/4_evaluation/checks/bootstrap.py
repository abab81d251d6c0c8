"""Skewed scores at two levels, against ours within a quarter of a standard error."""

from random import Random
from typing import Any

import numpy as np

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.evaluation.statistics import Interval
from smolcourse.evaluation.statistics import bootstrap as ours

RESAMPLES = 6000
OURS = 40_000  # draws on our side, so that what differs is the luck of the learner's


def check(mine: Mine, rng: Random) -> None:
    for level in (0.95, 0.8):
        values = [round(rng.expovariate(1.0) ** 2, 6) for _ in range(rng.randint(40, 60))]
        seed = rng.randrange(1 << 20)
        got = mine.bootstrap(values, resamples=RESAMPLES, level=level, seed=seed)
        compare(got, values, level)
    again = mine.bootstrap(values, resamples=RESAMPLES, level=level, seed=seed)
    if (again.low, again.high) != (got.low, got.high):
        raise Wrong("not-reproducible", "cùng seed mà hai lần ra hai khoảng: hãy tạo bộ sinh số từ seed", "the same seed gives two intervals: make the generator from the seed", got=again, wanted=got)  # fmt: skip
    other = mine.bootstrap(values, resamples=RESAMPLES, level=level, seed=seed + 1)
    if (other.low, other.high) == (got.low, got.high):
        raise Wrong("seed-ignored", "seed khác mà vẫn ra đúng khoảng cũ: seed không được dùng", "another seed gives the very same interval: it is not used", got=other)  # fmt: skip


def compare(got: Any, values: list[float], level: float) -> None:
    """Raises the misconception that a wrong interval shows."""
    if not isinstance(got, Interval):
        raise Wrong("not-an-interval", "phải trả về Interval(value, low, high)", "return Interval(value, low, high)", got=got)
    items = np.array(values)
    wanted = ours(values, resamples=OURS, level=level)
    error = float(items.std() / np.sqrt(items.size))
    shown = {"got": got, "wanted": wanted}

    def near(low: float, high: float, loose: float = 0.25) -> bool:
        return abs(got.low - low) < loose * error and abs(got.high - high) < loose * error

    if near(wanted.low, wanted.high):
        if not close(got.value, wanted.value, tolerance=1e-9):
            raise Wrong("value-resampled", "value phải là trung bình của chính các giá trị, không phải của các lần rút lại", "value is the mean of the values as they are, not of the draws", **shown)  # fmt: skip
        return
    inside, tail = items.mean(), 1 - level
    ratio = (got.high - got.low) / (wanted.high - wanted.low)
    if got.high - got.low < 0.05 * error:
        raise Wrong("without-replacement", "khoảng co về một điểm: rút không hoàn lại thì lần nào cũng ra đúng tập cũ", "the interval is a point: without replacement every draw is the same set", **shown)  # fmt: skip
    if near(items.size * wanted.low, items.size * wanted.high, loose=items.size * 0.25):
        raise Wrong(
            "sum-for-mean", "đây là khoảng của tổng; điểm là trung bình", "the interval of a sum; the score is a mean", **shown
        )
    if ratio > 2.6:
        raise Wrong("items-not-means", "đây là phân vị của các câu; cần phân vị của các trung bình rút lại", "these are quantiles of the items; it takes those of the resampled means", **shown)  # fmt: skip
    wide = ours(values, resamples=OURS, level=2 * level - 1)
    if near(wide.low, wide.high):
        raise Wrong("wrong-tails", f"bỏ {tail:.0%} ở mỗi đầu; khoảng {level:.0%} chỉ bỏ {tail / 2:.1%} mỗi đầu", f"leaves out {tail:.0%} at each end; a {level:.0%} interval leaves out {tail / 2:.1%}", **shown)  # fmt: skip
    if level != 0.95:
        fixed = ours(values, resamples=OURS)
        if near(fixed.low, fixed.high):
            raise Wrong(
                "level-ignored",
                f"vẫn là khoảng 95 %, dù level={level}",
                f"still the 95 % interval, though level={level}",
                **shown,
            )
    if near(2 * inside - wanted.high, 2 * inside - wanted.low):
        raise Wrong("mirrored", "khoảng bị lật qua trung bình (bootstrap cơ bản); bài này cần phân vị", "the interval is mirrored at the mean (the basic bootstrap); this one is by percentiles", **shown)  # fmt: skip
    if ratio > 1.2:
        raise Wrong("too-few-drawn", f"khoảng rộng gấp {ratio:.1f} lần: mỗi lần phải rút đủ {items.size} câu", f"{ratio:.1f} times too wide: draw all {items.size} items each time", **shown)  # fmt: skip
    raise Wrong(
        "interval-differs", "khoảng khác khoảng bootstrap phân vị", "this is not the percentile bootstrap's interval", **shown
    )

"""Scores of two models that find the same items hard; then exact p-values for splits small and large."""

import math
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.evaluation.statistics import Interval, bootstrap
from smolcourse.evaluation.statistics import mcnemar as exact
from smolcourse.evaluation.statistics import paired_difference as ours


def check(mine: Mine, rng: Random) -> None:
    for _ in range(2):
        hard = [rng.random() for _ in range(rng.randint(120, 180))]
        first = [round(1 - level + 0.05 * rng.gauss(0, 1), 4) for level in hard]
        second = [round(1.1 - level + 0.05 * rng.gauss(0, 1), 4) for level in hard]
        seed = rng.randrange(1 << 20)
        difference(mine.paired_difference(first, second, seed=seed), first, second, seed)
    big = rng.randint(560, 700)
    for lost, gained in ((rng.randint(1, 4), rng.randint(8, 15)), (rng.randint(9, 14), rng.randint(2, 5)), (7, 7), (0, 0), (big, big - rng.randint(60, 90))):  # fmt: skip
        p_value(mine.mcnemar(lost, gained), lost, gained)


def difference(got: Any, first: list[float], second: list[float], seed: int) -> None:
    """Raises the misconception that a wrong interval shows."""
    if not isinstance(got, Interval):
        raise Wrong("not-an-interval", "paired_difference phải trả về Interval", "paired_difference returns an Interval", got=got)
    wanted = ours(first, second, seed=seed)
    shown = {"got": got, "wanted": wanted}
    width = wanted.high - wanted.low
    if close(got.value, -wanted.value) and not close(got.value, wanted.value):
        raise Wrong("sign", "ngược dấu: hiệu là second - first, dương khi mô hình thứ hai hơn", "the sign is wrong: it is second - first, above 0 where the second is better", **shown)  # fmt: skip
    if not close(got.value, wanted.value):
        raise Wrong(
            "value-differs", "value không phải trung bình của các hiệu", "value is not the mean of the differences", **shown
        )
    if abs(got.low - wanted.low) < 0.2 * width and abs(got.high - wanted.high) < 0.2 * width:
        return
    one, other = bootstrap(first, seed=seed), bootstrap(second, seed=seed)
    if got.high - got.low > 3 * width:
        name, vi, en = ("unpaired", f"khoảng rộng gấp {(got.high - got.low) / width:.0f} lần: hai mô hình được rút riêng, nên độ khó chung của câu hỏi không bị trừ đi", f"{(got.high - got.low) / width:.0f} times too wide: the models are drawn apart, so the items' common difficulty is not taken out")  # fmt: skip
        if close(got.low, other.low - one.high) and close(got.high, other.high - one.low):
            name, vi, en = ("ends-subtracted", "trừ đầu mút của hai khoảng riêng cho nhau; hãy trừ từng câu trước", "subtracts the ends of two intervals; subtract item by item first")  # fmt: skip
        raise Wrong(name, vi, en, **shown)
    raise Wrong("interval-differs", "khoảng khác khoảng của hiệu từng cặp", "not the interval of the paired difference", **shown)


def p_value(got: Any, lost: int, gained: int) -> None:
    """Raises the misconception that a wrong p shows."""
    wanted, tosses, fewer = exact(lost, gained), lost + gained, min(lost, gained)
    if isinstance(got, (int, float)) and math.isclose(float(got), wanted, rel_tol=1e-6):
        return
    shown = {"got": got, "wanted": wanted}
    if not isinstance(got, (int, float)):
        raise Wrong("not-a-number", "mcnemar phải trả về một số", "mcnemar returns a number", **shown)

    def tail(counts: range) -> float:
        return sum(math.comb(tosses, count) for count in counts) / 2**tosses

    square = (lost - gained) ** 2 / max(1, tosses)
    known = [
        ("above-one", 2 * tail(range(fewer + 1)), "p lớn hơn 1: khi hai bên bằng nhau, cách chia giữa bị đếm hai lần; lấy min(1, ...)", "p above 1: with an even split the middle counts twice; take min(1, ...)"),
        ("one-sided", tail(range(fewer + 1)), "chỉ một phía: trước khi đo bạn không biết bên nào hơn, phải nhân 2", "one-sided: before measuring you do not know which is better, so double it"),
        ("not-included", 2 * tail(range(fewer)), "chính kết quả đang thấy không được tính: cần ≤, không phải <", "the result itself is not counted: it takes ≤, not <"),
        ("wrong-tail", 2 * tail(range(max(lost, gained) + 1)), "cộng phía lớn; phải cộng đến min(only_first, only_second)", "sums up to the larger side; it is up to min(only_first, only_second)"),
        ("only-this-split", math.comb(tosses, fewer) / 2**tosses, "chỉ tính đúng cách chia này; cần cả những cách chia lệch hơn", "only this very split; the more uneven ones count too"),
        ("chi-square", math.erfc(math.sqrt(square / 2)), "đây là p xấp xỉ theo khi bình phương; với ít câu đổi bên nó quá nhỏ, hãy tính chính xác", "the chi-square approximation, which is too small where few items change sides; compute it exactly"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if math.isclose(float(got), value, rel_tol=1e-6):
            raise Wrong(name, vi, en, **shown)
    if wanted == 1.0 and float(got) > 1:
        raise Wrong("above-one", "p lớn hơn 1: lấy min(1, ...)", "p above 1: take min(1, ...)", **shown)
    raise Wrong(
        "p-differs", f"p sai với {lost} câu mất, {gained} câu được", f"a wrong p for {lost} lost and {gained} gained", **shown
    )

"""Random labels of two and three kinds, used unevenly; and two annotators who only ever say one thing."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.evaluation.labelling import kappa as ours

LABELS = ("keep", "drop", "edit")


def check(mine: Mine, rng: Random) -> None:
    for kinds in (2, 3, 2, 3):
        names, weights = LABELS[:kinds], [rng.randint(3, 9), rng.randint(1, 3), 2][:kinds]
        first = [*names, *rng.choices(names, weights, k=rng.randint(20, 40))]
        second = [label if rng.random() < 0.6 else rng.choices(names, weights[::-1])[0] for label in first]
        compare(mine.kappa(first, second), first, second)
    same = [rng.choice(LABELS)] * rng.randint(3, 9)
    try:
        got = mine.kappa(same, list(same))
    except ZeroDivisionError:
        raise Wrong("divides-by-zero", "cả hai luôn nói cùng một nhãn: khớp do may bằng 1, mẫu số bằng 0. Trường hợp này là 1", "both always say one label: chance is 1 and the divisor 0. This case is 1", got="ZeroDivisionError", wanted=1.0) from None  # fmt: skip
    if not close(got, 1.0):
        raise Wrong("one-label", "cả hai luôn nói cùng một nhãn: kappa là 1", "both always say one and the same label: kappa is 1", got=got, wanted=1.0)  # fmt: skip


def compare(got: Any, first: list[str], second: list[str]) -> None:
    """Raises the misconception that a wrong number shows."""
    wanted = ours(first, second)
    if isinstance(got, (int, float)) and close(float(got), wanted, tolerance=1e-6):
        return
    if not isinstance(got, (int, float)):
        raise Wrong("not-a-number", "phải trả về một số", "return a number", got=got)
    count, names = len(first), sorted({*first, *second})
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    expected = sum(first.count(name) * second.count(name) for name in names) / count**2
    pooled = sum(((first.count(name) + second.count(name)) / (2 * count)) ** 2 for name in names)
    known = [
        ("plain-agreement", observed, f"đây là tỉ lệ khớp ({observed:.0%}); phải trừ phần khớp do may ({expected:.0%})", f"this is the plain agreement ({observed:.0%}); chance ({expected:.0%}) has to be taken off"),
        ("not-scaled", observed - expected, "thiếu mẫu số 1 - khớp do may: người khớp hoàn toàn phải được 1", "the divisor 1 - by chance is missing: full agreement must give 1"),
        ("even-chance", (observed - 1 / len(names)) / (1 - 1 / len(names)), f"coi mọi nhãn có xác suất như nhau (1/{len(names)}); phải theo thói quen của từng người", f"takes all labels for equally likely (1/{len(names)}); use the habits of each"),
        ("pooled-chance", (observed - pooled) / (1 - pooled), "gộp nhãn của hai người rồi mới tính may rủi (pi của Scott); kappa của Cohen nhân phần của từng người", "pools both people's labels for chance (Scott's pi); Cohen's kappa multiplies the share of each"),
        ("one-annotator", (observed - sum((first.count(n) / count) ** 2 for n in names)) / (1 - sum((first.count(n) / count) ** 2 for n in names)), "chỉ dùng thói quen của người thứ nhất", "uses the first annotator's habits only"),
        ("by-chance", expected, "đây là phần khớp do may; còn phải trừ nó khỏi tỉ lệ khớp", "this is agreement by chance; it is to be taken off"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if close(float(got), value, tolerance=1e-6):
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong("value-differs", "giá trị khác kappa của Cohen", "the value is not Cohen's kappa", got=got, wanted=wanted)

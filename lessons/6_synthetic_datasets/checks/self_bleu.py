"""A few orders of few words, one that shares no word with the others; drawn until every mistake gives its own number."""

import math
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, apart, blame
from smolcourse.data.text import comparable
from smolcourse.synthesis import diversity

WORDS = ("một", "hai", "ly", "trà", "sữa", "đào", "sen", "ít", "đá", "đường")
STRANGE = ("bàn", "ghế", "đèn", "sách", "vở", "bút")
SAID = {
    "self-among-references": ("văn bản nằm trong chính danh sách tham chiếu của nó: BLEU luôn bằng 1. So với các văn bản *khác*", "the text is among its own references: BLEU is always 1. Compare with the *other* texts"),
    "not-clipped": ("đếm mọi lần n-gram xuất hiện; chỉ được tính nhiều nhất bằng số lần nó có trong một tham chiếu", "counts an n-gram each time; it counts at most as often as a reference has it"),
    "clipped-by-sum": ("cộng số lần của mọi tham chiếu lại; giới hạn là tham chiếu có n-gram ấy nhiều lần nhất", "adds up the counts of all references; the limit is the one that has it most often"),
    "no-smoothing": ("chưa cộng 1 ở bậc trên 1: một bậc không có n-gram chung làm cả tích bằng 0", "nothing is added above order 1: one order without a shared n-gram makes the whole 0"),
    "smoothed-everywhere": ("cộng 1 cả ở bậc 1; văn bản không chung từ nào với các văn bản khác phải được 0", "one is added at order 1 too; a text that shares no word with the others must get 0"),
    "arithmetic-mean": ("lấy trung bình cộng các precision; BLEU lấy trung bình nhân", "takes the arithmetic mean of the precisions; BLEU takes the geometric one"),
    "highest-order-only": ("chỉ dùng precision bậc n; phải gộp mọi bậc từ 1 đến n", "uses the precision of order n only; all orders 1 to n count"),
    "no-brevity": ("thiếu brevity penalty: văn bản ngắn hơn tham chiếu phải bị trừ", "the brevity penalty is missing: a text shorter than its reference must pay"),
    "shortest-reference": ("lấy độ dài tham chiếu ngắn nhất; phải lấy tham chiếu có độ dài gần nhất", "takes the shortest reference's length; it is the one nearest in length"),
    "case-kept": ("chưa đưa về dạng comparable: “Trà,” và “trà” bị tính là hai từ", "not in comparable form: “Trà,” and “trà” count as two words"),
    "differs": ("giá trị khác self-BLEU", "the value is not self-BLEU"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    mine.self_bleu([*draw(rng)[:2], "một ly trà"], 1)  # so that results differ also where higher orders make all of them 0
    for n in (4, 3):
        texts = apart(lambda: draw(rng), lambda texts: known(texts, n))  # noqa: B023
        got = mine.self_bleu(texts, n)
        if isinstance(got, bool) or not isinstance(got, (int, float)):
            raise Wrong("not-a-number", "phải trả về một số", "return a number", got=got)
        if abs(got - 1) < 1e-9:
            raise Wrong("self-among-references", *SAID["self-among-references"], got=got, wanted=known(texts, n)["right"], constant=True)  # fmt: skip
        blame(got, known(texts, n), SAID)


def draw(rng: Random) -> list[str]:
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(4, 12))) for _ in range(5)]
    texts[1] = ", ".join(word.capitalize() for word in texts[1].split())
    return [*texts, " ".join(rng.sample(STRANGE, rng.randint(3, 5)))]


def known(texts: list[str], n: int) -> dict[str, float]:
    return {
        "right": diversity.self_bleu(texts, n=n),
        "self-among-references": mean(texts, n, own=True),
        "not-clipped": mean(texts, n, clip="none"),
        "clipped-by-sum": mean(texts, n, clip="sum"),
        "no-smoothing": mean(texts, n, smooth=99),
        "smoothed-everywhere": mean(texts, n, smooth=1),
        "arithmetic-mean": mean(texts, n, orders="arithmetic"),
        "highest-order-only": mean(texts, n, orders="last"),
        "no-brevity": mean(texts, n, brevity="none"),
        "shortest-reference": mean(texts, n, brevity="shortest"),
        "case-kept": mean(texts, n, form=str),
    }


def mean(texts: Sequence[str], n: int, *, own: bool = False, form: Any = comparable, **rules: Any) -> float:
    words = [form(text).split() for text in texts]
    found = [bleu(one, [other for at, other in enumerate(words) if own or at != place], n, **rules) for place, one in enumerate(words)]  # fmt: skip
    return sum(found) / len(found)


def bleu(words: list[str], references: list[list[str]], n: int, *, clip: str = "max", smooth: int = 2, orders: str = "geometric", brevity: str = "nearest") -> float:  # fmt: skip
    """BLEU by these rules. `smooth`: the first order to which one is added."""
    precisions = []
    for order in range(1, n + 1):
        have = [counted(reference, order) for reference in references]
        shared = 0
        for gram, count in counted(words, order).items():
            limit = {"max": max(one[gram] for one in have), "sum": sum(one[gram] for one in have)}
            limit["none"] = count if limit["sum"] else 0
            shared += min(count, limit[clip])
        extra = int(order >= smooth)
        precisions.append((shared + extra) / max(1, len(words) - order + 1 + extra))
    if orders == "last":
        precisions = precisions[-1:]
    level = sum(precisions) / len(precisions) if orders == "arithmetic" else math.prod(precisions) ** (1 / len(precisions))
    lengths = [len(reference) for reference in references]
    nearest = min(lengths, key=lambda length: (abs(length - len(words)), length))
    against = {"nearest": nearest, "shortest": min(lengths), "none": 0}[brevity]
    return level * math.exp(min(0.0, 1 - against / len(words)))


def counted(words: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))


def drive(mine: Any) -> dict[str, Any]:
    def sampled(texts: Sequence[str], *, n: int = 4, sample: int = 200, seed: int = 0) -> float:
        chosen = list(texts) if len(texts) <= sample else Random(seed).sample(list(texts), sample)
        return float(mine.self_bleu(chosen, n)) if len(chosen) > 1 else math.nan

    return {"smolcourse.synthesis.diversity:self_bleu": sampled}

"""Orders of few words, said again with other capitals and commas; drawn until no two mistakes give the same number."""

import math
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, apart, blame
from smolcourse.data.text import comparable
from smolcourse.synthesis.diversity import distinct as ours

WORDS = ("một", "hai", "ly", "trà", "sữa", "đào", "sen", "ít", "đá", "đường", "thêm", "thạch")
SAID = {
    "case-kept": ("chưa đưa về dạng comparable: “Trà,” và “trà” bị tính là hai từ", "not in comparable form: “Trà,” and “trà” count as two words"),
    "mean-of-texts": ("tính tỉ lệ cho từng văn bản rồi lấy trung bình: hai văn bản giống hệt nhau vẫn được 1. Gom n-gram của cả bộ trước đã", "takes the share of each text and the mean of those: two texts that are the same still score 1. Pool the n-grams of the whole set first"),
    "across-texts": ("nối các văn bản lại thành một: có n-gram vắt từ văn bản này sang văn bản kia", "joins the texts: some n-grams reach from one text into the next"),
    "by-words": ("chia cho số từ; mẫu số là số n-gram (một văn bản w từ có w - n + 1 n-gram)", "divides by the number of words; the divisor is the number of n-grams (w words have w - n + 1)"),
    "by-texts": ("chia cho số văn bản; mẫu số là số n-gram", "divides by the number of texts; the divisor is the number of n-grams"),
    "not-a-share": ("đây là số n-gram khác nhau; còn phải chia cho số n-gram tất cả", "this is how many different n-grams there are; it is to be divided by all n-grams"),
    "said-once": ("chỉ đếm n-gram xuất hiện đúng một lần; n-gram gặp lại vẫn là một n-gram khác nhau", "counts n-grams that stand there just once; one that comes again is a different n-gram all the same"),
    "letters": ("lấy n-gram của chữ cái; ở đây là của từ", "takes n-grams of letters; these are of words"),
    "without-order": ("coi n-gram là tập từ: “trà sữa” và “sữa trà” bị gộp làm một", "takes an n-gram for a set of words: “trà sữa” and “sữa trà” become one"),
    "differs": ("giá trị khác distinct-n", "the value is not distinct-n"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for n in (2, 3, 2):
        texts = apart(lambda: draw(rng), lambda texts: known(texts, n))  # noqa: B023
        number(got := mine.distinct(list(texts), n))
        blame(got, known(texts, n), SAID)
    texts = [" ".join(rng.choices(WORDS, k=2)) for _ in range(3)]
    try:
        number(got := mine.distinct(texts, 4))
    except ZeroDivisionError:
        raise Wrong("divides-by-zero", "không văn bản nào có đủ n từ thì không có n-gram: trả về nan", "where no text has n words there are no n-grams: return nan", got="ZeroDivisionError", wanted=math.nan) from None  # fmt: skip
    if not math.isnan(got):
        raise Wrong("nothing-is-a-number", "không có n-gram nào thì không biết bộ này đa dạng hay không: trả về nan, đừng trả về 0 hay 1", "without n-grams nothing is known about the set: return nan, neither 0 nor 1", got=got, wanted=math.nan)  # fmt: skip
    if (got := mine.distinct(iter(["một ly", "hai ly"]), 1)) != 0.75:
        raise Wrong("read-twice", "texts có thể là iterator, chỉ đọc được một lượt", "texts may be an iterator, which can be read once", got=got, wanted=0.75)  # fmt: skip


def number(got: Any) -> None:
    if isinstance(got, bool) or not isinstance(got, (int, float)):
        raise Wrong("not-a-number", "phải trả về một số", "return a number", got=got)


def draw(rng: Random) -> list[str]:
    """Texts of different lengths; two are said again, with capitals and commas."""
    texts = [" ".join(rng.choices(WORDS, k=rng.randint(4, 11))) for _ in range(rng.randint(5, 7))]
    again = [", ".join(word.capitalize() for word in text.split()) for text in rng.sample(texts, 2)]
    return [*texts, *again]


def grams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]


def known(texts: list[str], n: int) -> dict[str, Any]:
    def of(form: Callable[[str], Sequence[str]]) -> list[list[tuple[str, ...]]]:
        return [grams(form(text), n) for text in texts]

    own = of(lambda text: comparable(text).split())
    pooled = [gram for one in own for gram in one]
    raw = [gram for one in of(str.split) for gram in one]
    letters = [gram for one in of(comparable) for gram in one]
    joined = grams([word for text in texts for word in comparable(text).split()], n)
    words = sum(len(comparable(text).split()) for text in texts)
    return {
        "right": ours(texts, n),
        "case-kept": len(set(raw)) / len(raw),
        "mean-of-texts": sum(len(set(one)) / len(one) for one in own) / len(own),
        "across-texts": len(set(joined)) / len(joined),
        "by-words": len(set(pooled)) / words,
        "by-texts": len(set(pooled)) / len(texts),
        "not-a-share": float(len(set(pooled))),
        "said-once": sum(pooled.count(gram) == 1 for gram in set(pooled)) / len(pooled),
        "letters": len(set(letters)) / len(letters),
        "without-order": len({frozenset(gram) for gram in pooled}) / len(pooled),
    }


def drive(mine: Any) -> dict[str, Any]:
    return {"smolcourse.synthesis.diversity:distinct": mine.distinct}

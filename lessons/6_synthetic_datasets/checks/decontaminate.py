"""Questions of random words and rows that give them away, or seem to; each case is one that one mistake takes otherwise."""

from collections.abc import Callable
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.data.text import comparable

SOUNDS = ("bà", "cá", "dê", "gấu", "hè", "kì", "lá", "mơ", "nụ", "phố", "quê", "rừng", "sông", "tàu", "vở", "xoài")
WORDS, SHARE = 8, 0.7


class Words:
    """Words that were not drawn before, also without their accents."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.used = rng, set[str]()

    def __call__(self, count: int) -> list[str]:
        found: list[str] = []
        while len(found) < count:
            word = "".join(self.rng.choices(SOUNDS, k=3))
            if (bare := strip_diacritics(word)) not in self.used:
                self.used.add(bare)
                found.append(word)
        return found


def check(mine: Mine, rng: Random) -> None:
    words = Words(rng)
    copied, dressed, bare, inside, near, half, short, shuffled, first, second = (words(n) for n in (14, 12, 13, 10, 20, 20, 5, 14, 15, 15))  # fmt: skip
    questions = [" ".join(one) for one in (copied, dressed, bare, inside, near, half, short, shuffled, first, second)]
    look = mine.finder(list(questions))
    if not callable(look):
        raise Wrong("not-a-function", "finder phải trả về một hàm: hàng -> tập vị trí", "finder must return a function: a row -> a set of places", got=look)  # fmt: skip
    for row, wanted, name, vi, en in cases(questions, words, rng):
        got = look(row)
        if not isinstance(got, (set, frozenset)):
            raise Wrong(
                "not-a-set", "hàm trả về phải cho ra một tập vị trí", "what comes back must give a set of places", got=got
            )
        if got != wanted and mine.finder(list(questions))(row) == wanted:
            raise Wrong("remembers-rows", "hàng trước ảnh hưởng đến hàng sau: mỗi hàng phải được đếm lại từ đầu", "an earlier row changes what a later one gives: count anew for each row", got=sorted(got), wanted=sorted(wanted))  # fmt: skip
        if got != wanted:
            raise Wrong(name, vi, en, got=sorted(got), wanted=sorted(wanted))


def cases(questions: list[str], words: Words, rng: Random) -> list[tuple[str, set[int], str, str, str]]:
    """(row, places, and what it means to find others)."""
    copied, dressed, bare, inside, near, half, short, shuffled, first, second = (question.split() for question in questions)

    def row(*parts: list[str], around: int = 2) -> str:
        return " ".join([*words(around), *(word for part in parts for word in part), *words(around)])

    cut = len(near) - WORDS + 1  # its n-grams; of these `keep` stay when the last words change
    keep = next(keep for keep in range(cut) if keep >= SHARE * cut)
    lost = keep - 1
    return [
        (row(copied, around=0), {0}, "copy-missed", "câu của đề nằm nguyên trong hàng mà không bị tìm ra", "the question stands there word by word and is not found"),
        (" ".join(word.upper() + rng.choice([",", "!", ""]) for word in dressed), {1}, "case-kept", "viết hoa hay thêm dấu phẩy là lọt: so trên plain(text)", "capitals or commas let it slip through: compare plain(text)"),
        (row([strip_diacritics(word) for word in bare], around=0), {2}, "accents-kept", "gõ không dấu là lọt: “tra sua” và “trà sữa” là một câu. So trên plain(text)", "without diacritics it slips through: “tra sua” and “trà sữa” are the same. Compare plain(text)"),
        (row(inside, around=60), {3}, "share-of-the-row", "chia cho số n-gram của hàng: câu của đề nằm trong một văn bản dài là lọt. Mẫu số là số n-gram của câu hỏi", "divides by the row's n-grams: a question inside a long text slips through. The divisor is the question's n-grams"),
        (row(shuffled[::-1]), set(), "words-unordered", "cùng những từ ấy đứng theo thứ tự khác vẫn bị báo: n-gram có thứ tự", "the same words in another order are reported: n-grams have an order"),
        (row(near[: keep + WORDS - 1]), {4}, "whole-question", f"đổi vài từ cuối là lọt: {keep}/{cut} n-gram đã đủ {SHARE:.0%}", f"change the last words and it slips through: {keep} of {cut} n-grams are {SHARE:.0%} already"),
        (row(near[: lost + WORDS - 1]), set(), "any-gram", f"{lost}/{cut} n-gram chưa đến {SHARE:.0%}", f"{lost} of {cut} n-grams are less than {SHARE:.0%}"),
        (row(half[:10], words(1), half[10:13]), set(), "any-gram", "vài n-gram chung là báo lộ; cần ít nhất 70 % số n-gram của câu hỏi", "a few n-grams in common are enough; it takes 70 % of the question's"),
        (row(short, around=0), {6}, "short-lost", f"câu ngắn hơn {WORDS} từ không có n-gram nào nên luôn lọt; lấy cả câu làm một n-gram", f"questions of fewer than {WORDS} words have no n-gram and always slip through; take the whole as one"),
        (row(first[:10], words(3), second[:10]), set(), "questions-pooled", "cộng n-gram chung của nhiều câu hỏi lại; mỗi câu phải tự đạt ngưỡng", "adds up the n-grams of several questions; each must reach the share by itself"),
        (" ".join(["trong" + short[0], *short[1:-1], short[-1] + "ngoài"]), set(), "inside-words", "khớp cả khi từ nằm giữa một từ khác: so từng từ, không so chuỗi con", "matches in the middle of another word: compare words, no substrings"),
        (row(copied, dressed), {0, 1}, "one-found", "một hàng có thể lộ nhiều câu: trả về tất cả", "a row may give several questions away: return them all"),
        (row(words(20)), set(), "clean-row-reported", "một hàng không dính gì đến đề bị báo", "a row that has nothing of the test is reported"),
    ]  # fmt: skip


def drive(mine: Any) -> dict[str, Any]:
    def found(tasks: Any) -> Callable[[Any], set[tuple[str, int]]]:
        """`contamination.finder` on the learner's: the questions of all tasks, without their frames."""
        from smolcourse.evaluation import contamination

        names: list[tuple[str, int]] = []
        questions: list[str] = []
        for task in tasks:
            asked = contamination._without_frame([comparable(contamination._question(item)).split() for item in task.items])
            for place, words in enumerate(asked):
                if len(words) >= contamination.SHORTEST:
                    names.append((task.name, place))
                    questions.append(" ".join(words))
        look = mine.finder(questions)
        return lambda row: {names[place] for place in look(contamination._texts(row))}

    return {"smolcourse.synthesis.filters.leaks:finder": found}

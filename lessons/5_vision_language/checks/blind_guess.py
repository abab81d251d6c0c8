"""Questions and answers drawn anew, so that every known mistake gives another score."""

from collections import Counter
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, apart, blame

Pairs = list[tuple[str, str]]
SAID = {
    "one-answer-for-all": ("câu hỏi nào cũng đoán cùng một câu trả lời; người đoán mò vẫn đọc được câu hỏi", "guesses one answer for every question; a blind guesser can still read the question"),
    "learned-from-test": ("đếm câu trả lời của chính đề thi: người đoán không được thấy đáp án", "counts the answers of the test itself: the guesser may not see them"),
    "scored-on-train": ("chấm trên câu đã học; phải chấm trên đề thi", "scores what was learned; score the test"),
    "unknown-left-out": ("bỏ những câu chưa từng gặp ra khỏi mẫu số: điểm đẹp hơn thật", "leaves questions never seen out of the divisor: the score looks better than it is"),
    "unknown-not-guessed": ("câu chưa từng gặp thì bỏ cuộc; vẫn còn đoán được câu trả lời hay gặp nhất nói chung", "gives up on questions never seen; the most frequent answer over all can still be guessed"),
    "last-of-equals": ("khi bằng nhau thì lấy câu trả lời đến sau; phải là câu đến trước trong dữ liệu học", "of equals it takes the one that came later; take the one that came first in training"),
    "mean-of-questions": ("lấy trung bình theo loại câu hỏi; mỗi câu trong đề thi nặng như nhau", "averages over kinds of questions; each test question weighs the same"),
    "count-not-share": ("đây là số câu đúng; còn phải chia cho số câu của đề thi", "this is how many were right; divide by the number of test questions"),
    "differs": ("tỉ lệ đoán đúng không khớp", "the share of right guesses differs"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        train, test = apart(lambda: draw(rng), scores)
        blame(mine.blind_guess(train, test), scores((train, test)), SAID)


def draw(rng: Random) -> tuple[Pairs, Pairs]:
    asked = [f"câu hỏi {number}" for number in range(6)]
    answers = ["có", "không", "đỏ", "xanh"]
    common = {question: rng.choice(answers) for question in asked}

    def pairs(questions: list[str], count: int) -> Pairs:
        drawn = [rng.choice(questions) for _ in range(count)]
        return [(one, common[one] if rng.random() < 0.4 else rng.choice(answers)) for one in drawn]

    return pairs(asked[:4], 22), pairs(asked, 30)


def scores(given: tuple[Pairs, Pairs]) -> dict[str, Any]:
    train, test = given
    right = [guess(train, question) == answer for question, answer in test]
    known = {question for question, _ in train}
    seen = [one for one, (question, _) in zip(right, test, strict=True) if question in known]
    kinds: dict[str, list[bool]] = {}
    for one, (question, _) in zip(right, test, strict=True):
        kinds.setdefault(question, []).append(one)
    overall = most([answer for _, answer in train])
    return {
        "right": sum(right) / len(test),
        "one-answer-for-all": sum(answer == overall for _, answer in test) / len(test),
        "learned-from-test": sum(guess(test, question) == answer for question, answer in test) / len(test),
        "scored-on-train": sum(guess(train, question) == answer for question, answer in train) / len(train),
        "unknown-left-out": sum(seen) / max(1, len(seen)),
        "unknown-not-guessed": sum(seen) / len(test),
        "last-of-equals": sum(guess(train[::-1], question) == answer for question, answer in test) / len(test),
        "mean-of-questions": sum(sum(kind) / len(kind) for kind in kinds.values()) / len(kinds),
        "count-not-share": sum(right),
    }


def guess(pairs: Pairs, question: str) -> str:
    own = [answer for asked, answer in pairs if asked == question]
    return most(own or [answer for _, answer in pairs])


def most(answers: list[str]) -> str:
    counted = Counter(answers)
    return max(counted, key=counted.__getitem__)

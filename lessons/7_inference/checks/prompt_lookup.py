"""Rows of few kinds of tokens, so that ends stand in several places; and guesses that the model agrees with in part.

What a wrong rule gives is compared over all cases at once: on a single one several rules agree.
"""

from collections.abc import Callable
from random import Random

from smolcourse.course.checking import Mine, Wrong

Draft = tuple[list[int], int, int]
Accept = tuple[list[int], list[int]]


def ours(tokens: list[int], ngram: int, length: int, *, latest: bool = True, smallest: int = 1, upwards: bool = False, whole: bool = False) -> list[int]:  # fmt: skip
    """Ours, and other rules."""
    sizes = range(min(ngram, len(tokens) - 1), smallest - 1, -1)
    for size in reversed(sizes) if upwards else sizes:
        last = tokens[-size:]
        places = range(len(tokens) - size - 1, -1, -1)
        for place in places if latest else reversed(places):
            if tokens[place : place + size] == last:
                begin = place if whole else place + size
                return tokens[begin : begin + length]
    return []


def check(mine: Mine, rng: Random) -> None:
    drafted(mine, [([4, 7, 2, 4, 7], 2, 3)])
    cases: list[Draft] = []
    for _ in range(60):
        kinds = rng.choice([3, 4, 6, 9])
        tokens = [rng.randrange(kinds) for _ in range(rng.randint(8, 30))]
        if rng.random() < 0.2:
            tokens[-1] = 99
        cases.append((tokens, rng.randint(1, 4), rng.randint(2, 6)))
    drafted(mine, [*cases, ([5, 5, 5], 2, 4)])
    accepted(mine, [guesses(rng) for _ in range(40)])


def drafted(mine: Mine, cases: list[Draft]) -> None:
    rules: list[tuple[str, Callable[..., list[int]], str, str]] = [
        ("finds-itself", lambda tokens, ngram, length: [], "tìm thấy chính nó ở cuối, sau đó chẳng còn gì để chép: loại vị trí cuối ra", "finds itself at the end, with nothing behind it to copy: leave the last place out"),
        ("first-not-latest", lambda *case: ours(*case, latest=False), "lấy chỗ xuất hiện đầu tiên; phải lấy chỗ gần nhất", "takes the first place; the latest counts"),
        ("never-shorter", lambda tokens, ngram, length: ours(tokens, ngram, length, smallest=min(ngram, len(tokens) - 1)), "chỉ tìm đúng ngram token; không thấy thì phải thử ngắn hơn", "looks for just ngram tokens; where they are nowhere, fewer are tried"),
        ("shortest-first", lambda *case: ours(*case, upwards=True), "thử đoạn ngắn trước; đoạn dài khớp thì đáng tin hơn, phải thử trước", "tries the shortest first; a long match is more to be trusted and comes first"),
        ("match-copied", lambda *case: ours(*case, whole=True), "chép cả đoạn khớp; chỉ chép những gì đứng sau nó", "copies the match itself; copy what follows it"),
        ("length-ignored", lambda tokens, ngram, length: ours(tokens, ngram, len(tokens)), "chép quá length token", "copies more than length tokens"),
    ]  # fmt: skip
    compare("draft", [mine.draft(*case) for case in cases], cases, ours, rules)


def guesses(rng: Random) -> Accept:
    """A guess, and what the model says; some of it agrees."""
    count = rng.randint(0, 6)
    guess = [rng.randrange(50) for _ in range(count)]
    return guess, [token if rng.random() < 0.7 else 50 + token for token in guess] + [111]


def agreed(guess: list[int], choices: list[int]) -> int:
    return next((k for k, token in enumerate(guess) if token != choices[k]), len(guess))


def right(guess: list[int], choices: list[int]) -> list[int]:
    return [*guess[: agreed(guess, choices)], choices[agreed(guess, choices)]]


def shifted(guess: list[int], choices: list[int]) -> list[int]:
    same = agreed(guess, choices[1:])
    return [*guess[:same], choices[same]]


def accepted(mine: Mine, cases: list[Accept]) -> None:
    rules: list[tuple[str, Callable[..., list[int]], str, str]] = [
        ("own-word-forgotten", lambda guess, choices: guess[: agreed(guess, choices)], "thiếu token của chính mô hình ở cuối: lượt tính ấy đã cho nó rồi; khi đoán sai hết, bỏ nó đi là không tiến được bước nào", "the model's own token at the end is missing: that pass has already given it, and where all guesses are wrong nothing moves on"),
        ("rejected-kept", lambda guess, choices: [*guess[: agreed(guess, choices) + 1]] if agreed(guess, choices) < len(guess) else right(guess, choices), "giữ cả token mà mô hình không đồng ý", "keeps the token that the model does not agree with"),
        ("everything-kept", lambda guess, choices: [*guess, choices[-1]], "nhận hết đoạn đoán mà không duyệt: câu trả lời không còn là của mô hình", "takes the whole guess unseen: the answer is no longer the model's"),
        ("goes-on-after-mismatch", lambda guess, choices: [*(a for a, b in zip(guess, choices, strict=False) if a == b), choices[-1]], "vẫn xét tiếp sau chỗ sai đầu tiên: những token ở đó được tính trên một câu mà mô hình không viết", "goes on behind the first mismatch: what follows was computed behind a token that the model did not write"),
        ("goes-on-after-mismatch", lambda guess, choices: list(choices), "lấy mọi lựa chọn của mô hình: sau chỗ sai đầu tiên chúng được tính trên một câu khác", "takes all of the model's choices: behind the first mismatch they belong to another text"),
        ("all-or-nothing", lambda guess, choices: list(choices) if guess == choices[:-1] else choices[:1], "sai một token là bỏ cả đoạn; phần đầu khớp vẫn dùng được", "one wrong token and all are dropped; the beginning that agrees is good"),
        ("compared-shifted", shifted, "so guess[i] với choices[i + 1]: choices[i] mới là token mà mô hình viết ở chỗ guess[i]", "compares guess[i] with choices[i + 1]: choices[i] is what the model writes in the place of guess[i]"),
    ]  # fmt: skip
    compare("accept", [mine.accept(*case) for case in cases], cases, right, rules)


def compare(name: str, got: list[list[int]], cases: list[Draft] | list[Accept], true: Callable[..., list[int]], rules: list[tuple[str, Callable[..., list[int]], str, str]]) -> None:  # fmt: skip
    """Raises the misconception whose rule gives just these results."""
    wanted = [true(*case) for case in cases]
    if got == wanted:
        return
    place = next(place for place, (one, other) in enumerate(zip(got, wanted, strict=True)) if one != other)
    shown = {"got": f"{name}{cases[place]} -> {got[place]}", "wanted": wanted[place]}
    for misconception, rule, vi, en in rules:
        if got == [rule(*case) for case in cases]:
            raise Wrong(misconception, vi, en, **shown)
    raise Wrong(f"{name}-differs", f"{name} trả về sai", f"{name} returns something else", **shown)

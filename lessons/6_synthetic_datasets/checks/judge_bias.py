"""Judges with a bias of their own, drawn until every mistake gives its own numbers; and one that only ever says "tie"."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, alike, apart

KEYS = ("place", "flipped", "longer", "agreement")
SAID = {
    "not-swapped-back": ("đọc lượt hai như lượt một: ở lượt hai A là y, nên “A, A” là hai câu khác nhau, không phải một", "reads the second verdict like the first: there A is y, so that “A, A” names two answers, not one"),
    "one-pass": ("chỉ dùng lượt đầu: thiên vị vị trí chỉ lộ ra khi đổi chỗ", "uses the first verdict only: a liking for a place shows when places are exchanged"),
    "ties-in-place": ("chia cho cả những lượt hoà: place chỉ tính trên các lượt gọi tên một câu (A hoặc B)", "divides by ties too: `place` is a share of the verdicts that name an answer (A or B)"),
    "ties-flip": ("tính cả “hoà rồi chọn” là đổi ý: flipped cần hai lượt gọi tên hai câu khác nhau", "counts “a tie, then an answer” as flipped: both verdicts must name an answer, and not the same"),
    "undecided-longer": ("longer tính cả những cặp giám khảo tự mâu thuẫn; chỉ lấy những cặp đã ngã ngũ", "`longer` includes pairs on which the judge contradicts itself; only decisions count"),
    "equal-lengths": ("longer tính cả những cặp dài bằng nhau, nơi không có câu nào dài hơn", "`longer` includes pairs of one length, where neither is longer"),
    "longer-of-all": ("longer chia cho mọi cặp; mẫu số là số cặp đã ngã ngũ giữa hai câu dài ngắn khác nhau", "`longer` divides by all pairs; the divisor is the decisions between different lengths"),
    "agreement-without-ties": ("agreement bỏ những cặp hoà ra ngoài; hoà cũng là một phán quyết", "`agreement` leaves ties out; a tie is a decision too"),
    "differs": ("các con số khác định nghĩa", "the numbers are not those of the definition"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for _ in range(2):
        pairs = apart(lambda: draw(rng), known)
        got = mine.judge_bias(pairs)
        if (
            not isinstance(got, dict)
            or set(got) != set(KEYS)
            or not all(isinstance(value, (int, float)) for value in got.values())
        ):
            raise Wrong("not-four-numbers", f"phải trả về dict với đúng bốn khoá: {', '.join(KEYS)}", f"return a dict with just these keys: {', '.join(KEYS)}", got=got)  # fmt: skip
        answers = known(pairs)
        right = answers["right"]
        wrong = {key for key in KEYS if not alike(float(got[key]), right[key])}
        for name in SAID:
            value = answers.get(name, {})
            touched = {key for key in KEYS if value and not alike(value[key], right[key])}
            # A learner may have one place of the mistake right: what is wrong must be wrong in its way.
            as_there = wrong <= touched and all(alike(float(got[key]), value[key]) for key in wrong)
            if wrong and as_there and (len(touched) == 1 or len(wrong) > 1):
                raise Wrong(name, *SAID[name], got=got, wanted=right)
        if wrong:
            raise Wrong("differs", *SAID["differs"], got=got, wanted=right)
    ties = [{**pair, "first": "C", "second": "C"} for pair in pairs]
    try:
        got = mine.judge_bias(ties)
    except ZeroDivisionError:
        raise Wrong("divides-by-zero", "giám khảo luôn nói hoà: không có phán quyết nào để chia; place và longer là 0,5", "a judge that always says tie leaves nothing to divide by; `place` and `longer` are 0.5", got="ZeroDivisionError") from None  # fmt: skip
    if not alike([float(got["place"]), float(got["longer"])], [0.5, 0.5]):
        raise Wrong("nothing-is-unfair", "giám khảo luôn nói hoà không thiên về đâu cả: place và longer là 0,5", "a judge that always says tie leans nowhere: `place` and `longer` are 0.5", got=got)  # fmt: skip


def draw(rng: Random) -> list[dict[str, Any]]:
    """A judge that likes the first place and long answers, and people who like what is right."""
    pairs = []
    for _ in range(rng.randint(24, 36)):
        x, y = rng.randint(3, 30), rng.randint(3, 30)
        y = x if rng.random() < 0.2 else y
        letters = [rng.choices("ABC", (4, 2 + 2 * (swapped == (x > y)), 1))[0] for swapped in (False, True)]
        people = rng.choices(("x", "y", "tie"), (3, 3, 2))[0]
        pairs.append({"first": letters[0], "second": letters[1], "x_words": x, "y_words": y, "people": people})
    return pairs


def known(pairs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    return {
        "right": numbers(pairs),
        "not-swapped-back": numbers(pairs, back=False),
        "one-pass": numbers(pairs, passes=1),
        "ties-in-place": numbers(pairs, place_ties=True),
        "ties-flip": numbers(pairs, ties_flip=True),
        "undecided-longer": numbers(pairs, undecided=True),
        "equal-lengths": numbers(pairs, equal=True),
        "longer-of-all": numbers(pairs, of_all=True),
        "agreement-without-ties": numbers(pairs, without_ties=True),
    }


def numbers(pairs: list[dict[str, Any]], *, back: bool = True, passes: int = 2, place_ties: bool = False, ties_flip: bool = False, undecided: bool = False, equal: bool = False, of_all: bool = False, without_ties: bool = False) -> dict[str, float]:  # fmt: skip
    """The four numbers by the right rule, or by one that is wrong in one place."""
    as_first, as_second = {"A": "x", "B": "y", "C": "tie"}, {"A": "y", "B": "x", "C": "tie"}
    read = [(as_first[pair["first"]], (as_second if back else as_first)[pair["second"]]) for pair in pairs]
    if passes == 1:
        read = [(one, one) for one, _ in read]
    letters = [letter for pair in pairs for letter in (pair["first"], pair["second"])[:passes]]
    named = letters if place_ties else [letter for letter in letters if letter != "C"]
    decisions = [one if one == other else "tie" for one, other in read]
    verdicts = [(pair, one) for pair, both in zip(pairs, read, strict=True) for one in both] if undecided else list(zip(pairs, decisions, strict=True))  # fmt: skip
    chosen = [(pair, one) for pair, one in verdicts if one != "tie" and (equal or pair["x_words"] != pair["y_words"])]
    longer = sum(pair[f"{one}_words"] > pair[f"{'y' if one == 'x' else 'x'}_words"] for pair, one in chosen)
    agreeing = [(pair, one) for pair, one in zip(pairs, decisions, strict=True) if not without_ties or one != "tie"]
    return {
        "place": named.count("A") / len(named),
        "flipped": sum(one != other and (ties_flip or "tie" not in (one, other)) for one, other in read) / len(pairs),
        "longer": longer / len(pairs if of_all else chosen),
        "agreement": sum(pair["people"] == one for pair, one in agreeing) / len(agreeing),
    }

"""Judges that are fair, that favour a place, that contradict themselves: their verdicts are drawn once and then fixed."""

import re
from collections.abc import Callable
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.evaluation.judging import win_rate as ours

Judge = Callable[[str, str, str], str]


def check(mine: Mine, rng: Random) -> None:
    for kind in ("torn", "torn", "fair", "place", "always A", "ties"):
        count = rng.randint(12, 20)
        questions = [f"câu hỏi {number}" for number in range(count)]
        first, second = ([f"{name} {number} {rng.randrange(1000)}" for number in range(count)] for name in ("một", "hai"))
        judge, calls = judge_of(kind, rng)
        got = mine.win_rate(judge, questions, first, second)
        asked = len(calls)
        compare(got, judge, asked, questions, first, second)


def judge_of(kind: str, rng: Random) -> tuple[Judge, list[str]]:
    """A judge, and what it has been asked."""
    calls: list[str] = []
    said: dict[tuple[str, str], str] = {}
    quality: dict[str, float] = {}

    def judge(question: str, one: str, other: str) -> str:
        calls.append(question)
        if (one, other) not in said:
            better = "A" if quality.setdefault(one, rng.random()) > quality.setdefault(other, rng.random()) else "B"
            draws = {"fair": [better], "place": [better, "A"], "torn": ["A", "B", "C"], "always A": ["A"], "ties": ["C"]}
            said[one, other] = rng.choice(draws[kind])
        return said[one, other]

    return judge, calls


def as_ours(judge: Judge) -> Callable[..., list[str]]:
    """The judge as `smol eval` calls it: with prompts."""

    def answer(prompts: Any, most: int) -> list[str]:
        pattern = re.compile(r"Câu hỏi: (.*?)\n\n\[Câu trả lời A\]\n(.*?)\n\n\[Câu trả lời B\]\n(.*?)\n\n", re.DOTALL)
        found = [pattern.search(prompt[0]["content"]) for prompt in prompts]
        return [judge(*match.groups()) for match in found if match]

    return answer


def compare(got: Any, judge: Judge, asked: int, questions: list[str], first: list[str], second: list[str]) -> None:
    """Raises the misconception that a wrong result shows."""
    count = len(questions)
    if not isinstance(got, tuple) or len(got) != 3:
        raise Wrong("not-three", "phải trả về ba thứ: wins, consistent, first_place", "return three things: wins, consistent, first_place", got=got)  # fmt: skip
    wins, consistent, front = list(got[0]), float(got[1]), float(got[2])
    if asked < 2 * count:
        raise Wrong("swap-forgotten", f"giám khảo được hỏi {asked} lần cho {count} câu: phải hỏi hai lần mỗi câu, lần sau đổi chỗ", f"the judge was asked {asked} times about {count} items: ask twice each, with places swapped", got=got)  # fmt: skip
    if len(wins) != count:
        raise Wrong("ties-dropped", f"wins có {len(wins)} số cho {count} câu: hoà và mâu thuẫn là 0.5, không bị bỏ đi", f"{len(wins)} wins for {count} items: ties and contradictions are 0.5, not dropped", got=wins)  # fmt: skip
    wanted = ours(as_ours(judge), questions, first, second)
    pairs = [(judge(q, a, b), judge(q, b, a)) for q, a, b in zip(questions, first, second, strict=True)]
    if wins != wanted.wins:
        known = [
            ("reversed", [1 - win for win in wanted.wins], "ngược: 1.0 là mô hình thứ hai thắng", "upside down: 1.0 is a win of the second model"),
            ("swap-not-mirrored", [1.0 if pair == ("B", "B") else 0.0 if pair == ("A", "A") else 0.5 for pair in pairs], "chưa đọc ngược nhãn ở lượt hai: khi đã đổi chỗ, A là câu của mô hình thứ hai", "the second verdict is not mirrored: with places swapped, A is the second model's answer"),
            ("first-round-only", [{"A": 0.0, "B": 1.0}.get(one, 0.5) for one, _ in pairs], "chỉ dùng kết quả lượt một: lượt đổi chỗ bị bỏ phí", "uses round one only: the swapped round is wasted"),
            ("ties-as-wins", [0.0 if win == 0 else 1.0 for win in wanted.wins], "hoà và mâu thuẫn bị tính là thắng: giám khảo chỉ biết nói A cũng cho bạn thắng trọn", "ties and contradictions count as wins: a judge that only says A gives you everything"),
            ("ties-as-losses", [1.0 if win == 1 else 0.0 for win in wanted.wins], "hoà và mâu thuẫn bị tính là thua; chúng là 0.5", "ties and contradictions count as losses; they are 0.5"),
            ("averaged", [({"A": 0.0, "B": 1.0}.get(one, 0.5) + {"A": 1.0, "B": 0.0}.get(other, 0.5)) / 2 for one, other in pairs], "lấy trung bình hai lượt (0.25, 0.75): chỉ kết luận giữ nguyên ở cả hai lượt mới được tính", "averages the two rounds (0.25, 0.75): only a verdict that holds in both counts"),
        ]  # fmt: skip
        for name, value, vi, en in known:
            if wins == value:
                raise Wrong(name, vi, en, got=wins, wanted=wanted.wins)
        raise Wrong("wins-differ", "wins sai", "the wins are wrong", got=wins, wanted=wanted.wins)
    if not close(consistent, wanted.consistent):
        name, vi, en = ("consistent-differs", "phần nhất quán sai: (A, B), (B, A) và (C, C) là giữ ý", "the consistent share is wrong: (A, B), (B, A) and (C, C) hold")  # fmt: skip
        if close(consistent, sum(one == other for one, other in pairs) / count):
            name, vi, en = ("same-letter", "cùng một chữ cái ở hai lượt là mâu thuẫn, không phải nhất quán: chỗ đã đổi", "the same letter twice is a contradiction, not consistency: the places were swapped")  # fmt: skip
        elif close(consistent, sum(pair in (("A", "B"), ("B", "A")) for pair in pairs) / count):
            name, vi, en = ("two-ties", "hai lần hoà cũng là nhất quán", "two ties are consistent too")
        raise Wrong(name, vi, en, got=consistent, wanted=wanted.consistent)
    if not close(front, wanted.first_place):
        verdicts = [verdict for pair in pairs for verdict in pair]
        name, vi, en = ("first-place-differs", "phần chọn chỗ đầu sai; không có kết luận nào thì là 0.5", "the share of the first place is wrong; with no verdict it is 0.5")  # fmt: skip
        if close(front, verdicts.count("A") / len(verdicts)):
            name, vi, en = (
                "ties-in-first-place",
                "chia cho cả những lần hoà: chỉ tính các kết luận A hoặc B",
                "divides by ties too: only verdicts A or B count",
            )
        raise Wrong(name, vi, en, got=front, wanted=wanted.first_place)

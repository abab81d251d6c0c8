"""Many small tables of grades, drawn together until every mistake shows itself in at least one of them, and in its own way."""

from random import Random

from smolcourse.course.checking import Mine, Wrong, apart

ASPECTS = ["instruction", "truth", "honesty", "helpfulness"]
Case = tuple[list[str], list[dict[str, int]], list[str], float]
SAID = {
    "swapped": ("câu kém đứng ở chỗ chosen: mô hình sẽ học đúng điều không nên", "the worse one stands as chosen: the model would learn what it should not"),
    "margin-ignored": ("margin không được dùng: hai câu gần ngang điểm vẫn thành cặp, và cặp ấy nói về giám khảo nhiều hơn về câu trả lời", "the margin is not used: two grades that are nearly equal still make a pair, which says more about the judge than about the answers"),
    "margin-strict": ("chênh đúng bằng margin vẫn là một cặp", "a difference of just the margin is still a pair"),
    "one-aspect": ("chỉ dùng khía cạnh đầu tiên; điểm là trung bình của mọi khía cạnh", "uses the first aspect only; the grade is the mean over all of them"),
    "half-graded-kept": ("câu thiếu điểm một khía cạnh vẫn được xét: trung bình của nó tính trên những khía cạnh khác", "a response that lacks a grade is still taken: its mean is over other aspects"),
    "missing-is-zero": ("điểm thiếu bị coi là 0: giám khảo viết lạc đề thì câu trả lời chịu phạt", "a missing grade counts as 0: the response pays for the judge's slip"),
    "sum-for-mean": ("so margin với hiệu của hai tổng; điểm là trung bình", "compares the margin with a difference of sums; the grade is the mean"),
    "second-best": ("chọn câu đứng nhì làm rejected; phải là câu thấp nhất", "takes the second best for rejected; it is the lowest"),
    "last-of-equals": ("khi bằng điểm thì lấy câu đứng trước trong danh sách", "of equal grades the earlier one in the list counts"),
    "differs": ("cặp khác với quy tắc trong docstring", "the pairs are not those of the docstring's rules"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    cases = apart(lambda: [case(rng) for _ in range(14)], known)
    got = [mine.best_and_worst(*one) for one in cases]
    for pair, one in zip(got, cases, strict=True):
        if not isinstance(pair, (list, tuple)) or len(pair) not in (0, 2) or not all(text in one[0] for text in pair):
            raise Wrong("not-a-pair", "phải trả về [chosen, rejected], hoặc [] nếu không có cặp", "return [chosen, rejected], or [] where there is no pair", got=pair)  # fmt: skip
    answers = known(cases)
    for place, pair in enumerate(got):  # the table that shows it, so that got and wanted can be read
        if list(pair) != answers["right"][place]:
            name = next((name for name in SAID if [list(one) for one in got] == answers.get(name)), "differs")
            mine.best_and_worst(*cases[place])
            raise Wrong(name, *SAID[name], got=pair, wanted=answers["right"][place])


def case(rng: Random) -> Case:
    """A table in which not all grades are the same."""
    names = rng.sample(["A", "B", "C", "D", "E", "F"], rng.randint(2, 4))
    aspects = rng.sample(ASPECTS, 2)
    ratings = [{aspect: rng.randint(2, 4) for aspect in aspects} for _ in names]
    ratings[0] = dict.fromkeys(aspects, 2)
    ratings[1][aspects[0]] = 4
    rng.shuffle(ratings)
    if len(names) > 2 and rng.random() < 0.5:
        del rng.choice([grades for grades in ratings if grades != dict.fromkeys(aspects, 2)])[rng.choice(aspects)]
    return [f"câu {name}" for name in names], ratings, aspects, rng.choice([0.5, 1.0, 1.5])


def known(cases: list[Case]) -> dict[str, list[list[str]]]:
    return {
        "right": [pair(*one) for one in cases],
        "swapped": [pair(*one)[::-1] for one in cases],
        "margin-ignored": [pair(*one, least=0.0) for one in cases],
        "margin-strict": [pair(*one, strict=True) for one in cases],
        "one-aspect": [pair(*one, seen=1) for one in cases],
        "half-graded-kept": [pair(*one, half="mean") for one in cases],
        "missing-is-zero": [pair(*one, half="zero") for one in cases],
        "sum-for-mean": [pair(*one, total=True) for one in cases],
        "second-best": [pair(*one, second=True) for one in cases],
        "last-of-equals": [pair(*one, last=True) for one in cases],
    }


def pair(responses: list[str], ratings: list[dict[str, int]], aspects: list[str], margin: float, *, least: float | None = None, strict: bool = False, seen: int = 9, half: str = "", total: bool = False, second: bool = False, last: bool = False) -> list[str]:  # fmt: skip
    """The pair by the right rule, or by one that is wrong in one place."""
    graded: list[tuple[float, str]] = []
    for response, grades in zip(responses, ratings, strict=True):
        values = [grades[aspect] for aspect in aspects[:seen] if aspect in grades]
        if not values or (len(values) < len(aspects[:seen]) and not half):
            continue
        count = len(aspects[:seen]) if half == "zero" else len(values)
        graded.append((float(sum(values)) / (1 if total else count), response))
    if len(graded) < 2:
        return []
    ordered = sorted(graded[::-1] if last else graded, key=lambda one: -one[0])
    best, lowest = ordered[0], min(graded[::-1] if last else graded, key=lambda one: one[0])
    worst = ordered[1] if second else lowest
    gap, needed = best[0] - worst[0], margin if least is None else least
    return [best[1], worst[1]] if (gap > needed if strict else gap >= needed) and best[1] != worst[1] else []

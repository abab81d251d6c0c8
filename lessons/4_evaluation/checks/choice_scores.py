"""Questions whose four scores differ, many at a time: one question cannot tell one mistake from another."""

from collections.abc import Callable, Sequence
from random import Random

from smolcourse.course.checking import Mine, Wrong
from smolcourse.evaluation.solvers import choice_scores as ours
from smolcourse.evaluation.tasks import Item, ask

WORDS = ("bún", "chả", "nước", "mắm", "phở", "trà", "đào", "đường", "ít", "đá", "size", "ly", "cà", "phê", "sữa", "Huế")
METRICS = ("acc", "acc_norm", "acc_bytes", "acc_token")
ROUNDS = 120


def check(mine: Mine, rng: Random) -> None:
    questions = [question(rng) for _ in range(ROUNDS)]
    got = [mine.choice_scores(likelihoods, item) for likelihoods, item in questions]
    for scores in got:
        if not isinstance(scores, dict) or set(scores) != set(METRICS):
            raise Wrong("keys", f"phải trả về dict có đúng bốn khoá {METRICS}", f"return a dict with the four keys {METRICS}", got=scores)  # fmt: skip
    for metric in METRICS:
        compare(metric, [float(scores[metric]) for scores in got], questions)
    tied = Item(ask("?"), "trà", ("ly", "trà"))
    if (found := mine.choice_scores([(-2.0, 1), (-2.0, 1)], tied)["acc"]) != 0.0:
        raise Wrong("last-of-equals", "hai lựa chọn bằng nhau thì lấy cái đứng trước; ở đây cái sau được chọn", "of equal choices the first counts; here the later one was taken", got=found, wanted=0.0)  # fmt: skip


def question(rng: Random) -> tuple[list[tuple[float, int]], Item]:
    """Four choices of very different length whose likelihood falls about with it; the gold is any."""
    choices: list[str] = []
    while len(choices) < 4:
        text = " ".join(rng.sample(WORDS, rng.randint(1, 5)))
        choices += [text] if text not in choices else []
    found = [(-(0.5 + rng.random()) * len(choice), rng.randint(1, 3) * len(choice.split())) for choice in choices]
    return found, Item(ask("?"), rng.choice(choices), tuple(choices))


Size = Callable[[str, int], float]


def picks(questions: Sequence[tuple[list[tuple[float, int]], Item]], value: Callable[[float, str, int], float]) -> list[float]:
    """The scores of choosing by a value of (log p, choice, tokens)."""
    scores = []
    for likelihoods, item in questions:
        values = [value(log, choice, tokens) for (log, tokens), choice in zip(likelihoods, item.choices, strict=True)]
        scores.append(float(item.choices[values.index(max(values))] == item.gold))
    return scores


def compare(metric: str, got: list[float], questions: Sequence[tuple[list[tuple[float, int]], Item]]) -> None:
    """Raises the misconception that wrong scores of one metric show."""
    wanted = [ours(likelihoods, item)[metric] for likelihoods, item in questions]
    if got == wanted:
        return
    own: Size = {"acc": lambda choice, tokens: 1, "acc_norm": lambda choice, tokens: len(choice), "acc_bytes": lambda choice, tokens: len(choice.encode()), "acc_token": lambda choice, tokens: tokens}[metric]  # fmt: skip
    known: list[tuple[str, Callable[[float, str, int], float], str, str]] = [
        ("argmin", lambda log, choice, tokens: -log / own(choice, tokens), "lấy lựa chọn có giá trị nhỏ nhất, tức ít khả năng nhất", "takes the smallest value, the least likely choice"),
        ("multiplied", lambda log, choice, tokens: log * own(choice, tokens), "nhân với độ dài; phải chia", "multiplied by the length; divide"),
        ("not-normalised", lambda log, choice, tokens: log, "chưa chia cho gì cả: lựa chọn ngắn được lợi", "divided by nothing: short choices gain"),
        ("chars-for-bytes", lambda log, choice, tokens: log / len(choice), 'chia cho số ký tự; "ế" là một ký tự mà ba byte: len(choice.encode())', 'divided by characters; "ế" is one character and three bytes: len(choice.encode())'),
        ("bytes-for-chars", lambda log, choice, tokens: log / len(choice.encode()), "chia cho số byte; acc_norm chia cho số ký tự", "divided by bytes; acc_norm divides by characters"),
        ("words-counted", lambda log, choice, tokens: log / len(choice.split()), "chia cho số từ", "divided by the number of words"),
        ("tokens-for-length", lambda log, choice, tokens: log / tokens, "chia cho số token", "divided by the number of tokens"),
        ("space-counted", lambda log, choice, tokens: log / (own(choice, tokens) + 1), "đếm cả dấu cách đứng trước lựa chọn", "counts the space before the choice too"),
        ("longest", lambda log, choice, tokens: len(choice), "chọn lựa chọn dài nhất", "takes the longest choice"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if got == picks(questions, value):
            raise Wrong(name, f"{metric}: {vi}", f"{metric}: {en}", got=sum(got) / ROUNDS, wanted=sum(wanted) / ROUNDS, read="argmin" if name == "argmin" else "")  # fmt: skip
    if any(value not in (0.0, 1.0) for value in got):
        raise Wrong("not-a-score", f"{metric} phải là 1.0 hoặc 0.0: lựa chọn được chọn có phải đáp án không", f"{metric} is 1.0 or 0.0: is the chosen one the gold", got=got[0])  # fmt: skip
    wrong = sum(a != b for a, b in zip(got, wanted, strict=True))
    raise Wrong("scores-differ", f"{metric}: {wrong} trong {ROUNDS} câu bị chấm khác", f"{metric}: {wrong} of {ROUNDS} questions are scored otherwise", got=got, wanted=wanted)  # fmt: skip

"""Mixed prompts, prompts that are all right or all wrong, repeated answers, near misses, one answer shared by two prompts."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        samples = draw(rng)
        compare(mine.make_pairs(samples), samples)
    compare(mine.make_pairs([]), [])


def draw(rng: Random) -> list[dict[str, Any]]:
    """Shuffled samples of five prompts."""
    drinks = rng.sample(["trà đào", "trà vải", "hồng trà", "trà sữa", "lục trà"], 5)
    samples = []
    for number, drink in enumerate(drinks):
        cups = rng.sample(range(1, 9), 5)
        scores = [(1.0, 0.0, 0.9, 1.0, 0.5), (0.0, 0.9, 0.5, 0.0, 0.2), (1.0,) * 5][number // 2]
        for cup, score in zip(cups, scores, strict=True):
            # every prompt may be answered with the same words, so that an answer alone does not say whose it is
            answer = f'[{{"ly": {cup}}}]'
            samples += [{"prompt": f"cho mình {drink}", "answer": answer, "score": score}] * rng.choice((1, 1, 2))
    rng.shuffle(samples)
    return samples


def compare(got: Any, samples: list[dict[str, Any]]) -> None:
    """Raises the misconception that wrong pairs show."""
    if not isinstance(got, list) or not all(
        isinstance(pair, dict) and set(pair) == {"prompt", "chosen", "rejected"} for pair in got
    ):
        raise Wrong("shape", "cần một danh sách các dict có đúng ba khoá prompt, chosen, rejected", "return a list of dicts with just the keys prompt, chosen, rejected", got=got)  # fmt: skip
    scores: dict[str, dict[str, float]] = {}
    for sample in samples:
        scores.setdefault(sample["prompt"], {})[sample["answer"]] = sample["score"]
    for pair in got:
        known = scores.get(pair["prompt"], {})
        if pair["chosen"] not in known or pair["rejected"] not in known:
            raise Wrong("crosses-prompts", "một câu trong cặp là câu trả lời cho prompt khác: đúng ở đó không có nghĩa là đúng ở đây", "an answer of the pair belongs to another prompt: right there does not mean right here", got=pair)  # fmt: skip
    for pair in got:
        known = scores[pair["prompt"]]
        if pair["chosen"] == pair["rejected"]:
            raise Wrong("equal-pair", "chosen và rejected là cùng một câu: cặp này không dạy được gì, gradient bằng 0", "chosen and rejected are the same answer: such a pair teaches nothing, its gradient is 0", got=pair)  # fmt: skip
        good, bad = known[pair["chosen"]], known[pair["rejected"]]
        if bad == 1.0 and good < 1.0:
            raise Wrong("swapped", f"chosen có điểm {good:g}, rejected có điểm {bad:g}: mô hình học thích câu sai", f"chosen scores {good:g}, rejected {bad:g}: the model learns to prefer the wrong one", got=pair)  # fmt: skip
        if bad == 1.0:
            raise Wrong("right-as-rejected", "rejected cũng đúng (điểm 1): mô hình bị phạt vì một câu đúng", "rejected is right too (score 1): the model is punished for a right answer", got=pair)  # fmt: skip
        if 0.5 <= good < 1.0 and any(score == 1.0 for score in known.values()):
            raise Wrong("partial-as-right", f"chosen chỉ được {good:g} điểm: gần đúng vẫn là sai, máy tính tiền không nhận", f"chosen scores only {good:g}: nearly right is wrong, the till refuses it", got=pair)  # fmt: skip
        if good < 1.0:
            raise Wrong("wrong-as-chosen", f"chosen là một câu sai (chỉ được {good:g} điểm): đỡ sai không phải là đúng; prompt không có câu nào đúng thì không cho cặp nào", f"chosen is a wrong answer (it scores {good:g}): less wrong is not right; a prompt with no right answer gives no pair", got=pair)  # fmt: skip
    wanted = {
        (prompt, good, bad)
        for prompt, known in scores.items()
        for good in known
        for bad in known
        if known[good] == 1.0 > known[bad]
    }
    found = [(pair["prompt"], pair["chosen"], pair["rejected"]) for pair in got]
    if len(found) != len(set(found)):
        twice = len(found) - len(set(found))
        raise Wrong("repeated", f"{twice} cặp lặp lại: câu được rút nhiều lần sẽ nặng hơn mà không ai chủ ý", f"{twice} pairs stand twice: an answer drawn more often weighs more, and nobody meant it to", got=len(found), wanted=len(wanted))  # fmt: skip
    if lost := len(wanted - set(found)):
        raise Wrong("pairs-lost", f"thiếu {lost} cặp: mỗi câu đúng đi với mỗi câu sai của cùng prompt", f"{lost} pairs are missing: each right answer goes with each wrong one of its prompt", got=len(found), wanted=len(wanted))  # fmt: skip

"""The second verdict is read in the mirror: there A is the second model's answer."""

from collections.abc import Callable, Sequence


def win_rate(
    judge: Callable[[str, str, str], str], questions: Sequence[str], first: Sequence[str], second: Sequence[str]
) -> tuple[list[float], float, float]:
    verdicts = [
        (judge(question, one, other), judge(question, other, one))
        for question, one, other in zip(questions, first, second, strict=True)
    ]
    wins = [{("B", "A"): 1.0, ("A", "B"): 0.0}.get(pair, 0.5) for pair in verdicts]
    same = sum(pair in (("A", "B"), ("B", "A"), ("C", "C")) for pair in verdicts)
    named = [verdict for pair in verdicts for verdict in pair if verdict in ("A", "B")]
    return wins, same / len(verdicts), named.count("A") / len(named) if named else 0.5

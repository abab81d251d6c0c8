# vi 🐕 win_rate: giám khảo chấm hai lượt, đổi chỗ.
# vi Viết hàm bên dưới rồi chạy: smol check win_rate
# vi Bài học: smol learn 4 judge      Gợi ý: smol hint win_rate
# en 🐕 win_rate: a judge, both ways round.
# en Write the function below, then run: smol check win_rate
# en Lesson: smol learn 4 judge      Hint: smol hint win_rate

from collections.abc import Callable, Sequence


def win_rate(
    judge: Callable[[str, str, str], str], questions: Sequence[str], first: Sequence[str], second: Sequence[str]
) -> tuple[list[float], float, float]:
    """How often the second model's answers beat the first's. The judge sees every pair both ways round.

    Args:
        judge: judge(question, answer shown as A, answer shown as B) returns "A", "B", or "C" for a tie.
        questions: what both models were asked.
        first: the first model's answers.
        second: the second's.

    Returns:
        wins: for each question 1.0 (both verdicts name the second model's answer), 0.0 (both name the first's), else 0.5.
        consistent: the share of questions whose two verdicts say the same; two ties do.
        first_place: of all verdicts for one answer (no ties), the share that went to the one shown as A; 0.5 if there is none.
    """
    # TODO
    raise NotImplementedError

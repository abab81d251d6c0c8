# vi 🐕 judge_bias: giám khảo thiên về chỗ đứng, hay về độ dài?
# vi Viết hàm bên dưới rồi chạy: smol check judge_bias
# vi Bài học: smol learn 6 judge      Gợi ý: smol hint judge_bias
# en 🐕 judge_bias: does the judge lean towards a place, or towards length?
# en Write the function below, then run: smol check judge_bias
# en Lesson: smol learn 6 judge      Hint: smol hint judge_bias

from typing import TypedDict


class Judged(TypedDict):
    """Two answers x and y to one request, judged twice. A verdict is "A", "B", or "C" for a tie."""

    first: str  # the verdict with x shown as A and y as B
    second: str  # the verdict with y shown as A and x as B
    x_words: int
    y_words: int
    people: str  # what people prefer: "x", "y", or "tie"


def judge_bias(pairs: list[Judged]) -> dict[str, float]:
    """What is wrong with a judge, in four numbers.

    The judge *decides* for an answer where both verdicts name it; everything else is a tie.

    Returns:
        place: of all verdicts that name an answer (A or B), the share that goes to the one shown as A. 0.5 is fair.
        flipped: of all pairs, the share whose two verdicts name an answer each, and not the same one.
        longer: of the decisions between answers of different lengths, the share for the one with more words.
        agreement: of all pairs, the share where the decision (x, y or tie) is what people prefer.
        Where there is nothing to take a share of: 0.5 for `place` and `longer`.
    """
    # TODO
    raise NotImplementedError

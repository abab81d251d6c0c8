# vi 🐕 make_exam: câu hỏi nháp thành đề bốn lựa chọn.
# vi Viết hàm bên dưới rồi chạy: smol check make_exam
# vi Bài học: smol learn 4 own-exam      Gợi ý: smol hint make_exam
# en 🐕 make_exam: drafts become an exam of four choices.
# en Write the function below, then run: smol check make_exam
# en Lesson: smol learn 4 own-exam      Hint: smol hint make_exam

from collections.abc import Sequence
from typing import Any

from smolcourse.data.text import comparable
from smolcourse.evaluation.building import Draft


def make_exam(drafts: Sequence[Draft], *, seed: int = 0) -> list[dict[str, Any]]:
    """Keeps what can be asked, and adds three wrong choices to each question.

    A draft has `question`, `answer` and `passage.text`. Texts are equal, or stand in another, when that holds after
    `comparable(text)`, which takes off case, punctuation and extra space.

    Dropped is a draft whose answer does not stand in its passage; a question asked before (the first stays); one with fewer
    than three wrong choices to be had. Wrong choices are drawn from the answers of the other drafts that are kept: all
    different from each other and from the right one, and none that stands in this question's passage.

    Args:
        seed: of the draws: the same seed gives the same exam, another one other choices or places.

    Returns:
        Rows {"question", "choices": four texts, "answer": the place of the right one, from 0}, in the order of the drafts.
        The right answer stands in each of the four places about equally often.
    """
    # TODO
    raise NotImplementedError

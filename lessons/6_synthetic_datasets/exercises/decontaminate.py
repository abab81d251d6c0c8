# vi 🐕 decontaminate: bỏ những hàng chứa câu của đề, trước khi học.
# vi Viết hàm bên dưới rồi chạy: smol check decontaminate
# vi Bài học: smol learn 6 leaks      Gợi ý: smol hint decontaminate
# en 🐕 decontaminate: leave out rows that hold a question of the test, before anything is trained.
# en Write the function below, then run: smol check decontaminate
# en Lesson: smol learn 6 leaks      Hint: smol hint decontaminate

from collections.abc import Callable

from smolcourse.data.milk_tea.noise import strip_diacritics
from smolcourse.data.text import comparable

WORDS = 8  # of an n-gram
SHARE = 0.7  # of a question's n-grams in one row: leaked


def plain(text: str) -> list[str]:
    """The words of a text as they are compared: no case, punctuation or diacritics ("Trà sữa," and "tra sua" are the same)."""
    return strip_diacritics(comparable(text)).split()


def finder(questions: list[str]) -> Callable[[str], set[int]]:
    """A function that says which questions of the test stand in a row, by their places.

    The n-grams of a question are the different runs of WORDS neighbouring words in it; of a question with fewer words, the one
    run of all its words. A question stands in a row if at least SHARE of its n-grams are n-grams of this row. Words are those
    of `plain`.

    The questions are read once, here; the function that comes back is called for millions of rows, so it must not go through
    all questions for each of them: make a table from n-gram to questions.

    Args:
        questions: of the test, each with at least one word.
    """
    # TODO
    raise NotImplementedError

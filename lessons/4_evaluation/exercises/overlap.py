# vi 🦁 overlap: câu kiểm tra nào nằm sẵn trong dữ liệu học?
# vi Viết hàm bên dưới rồi chạy: smol check overlap
# vi Bài học: smol learn 4 leak      Gợi ý: smol hint overlap
# en 🦁 overlap: which test questions stand in the training data?
# en Write the function below, then run: smol check overlap
# en Lesson: smol learn 4 leak      Hint: smol hint overlap

from collections.abc import Iterable, Sequence

from smolcourse.data.text import comparable

WORDS = 8  # of an n-gram
SHARE = 0.7  # of a question's n-grams in one row: leaked
SHORTEST = 4  # words; shorter questions are too common to tell


def overlap(questions: Sequence[str], rows: Iterable[str]) -> list[int]:
    """Places of the questions that stand in the training data, in order.

    Words are what `comparable(text).split()` gives: no case, no punctuation. The n-grams of a question are the different runs of
    WORDS neighbouring words in it; of a question with fewer words, the one run of all its words. A question is leaked if one
    row holds at least SHARE of its n-grams. Questions of fewer than SHORTEST words are never reported.

    Args:
        questions: of the test.
        rows: texts of the training data, maybe millions: an iterator that can be read once.
    """
    # TODO
    raise NotImplementedError

# vi 🐢 distinct_n: bộ dữ liệu này đa dạng đến đâu?
# vi Viết hàm bên dưới rồi chạy: smol check distinct_n
# vi Bài học: smol learn 6 diversity      Gợi ý: smol hint distinct_n
# en 🐢 distinct_n: how varied is this data set?
# en Write the function below, then run: smol check distinct_n
# en Lesson: smol learn 6 diversity      Hint: smol hint distinct_n

from collections.abc import Iterable

from smolcourse.data.text import comparable


def distinct(texts: Iterable[str], n: int) -> float:
    """The share of different n-grams among all n-grams of a set of texts.

    Words are what `comparable(text).split()` gives. An n-gram is a run of n neighbouring words of one text, as a whole; none
    reaches from one text into the next.

    Args:
        texts: of the whole set; an iterator that can be read once.
        n: words of an n-gram.

    Returns:
        Different n-grams of the set / all n-grams of the set; nan if no text has n words.
    """
    # TODO
    raise NotImplementedError

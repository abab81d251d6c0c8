# vi 🦁 self_bleu: mỗi câu có thể ghép lại từ những câu khác đến mức nào?
# vi Viết hàm bên dưới rồi chạy: smol check self_bleu
# vi Bài học: smol learn 6 diversity      Gợi ý: smol hint self_bleu
# en 🦁 self_bleu: how far can each text be put together from the others?
# en Write the function below, then run: smol check self_bleu
# en Lesson: smol learn 6 diversity      Hint: smol hint self_bleu

from collections.abc import Sequence

from smolcourse.data.text import comparable


def self_bleu(texts: Sequence[str], n: int = 4) -> float:
    """The mean over all texts of BLEU with all *other* texts as references. Words are `comparable(text).split()`.

    BLEU of a text: the geometric mean of its precisions of orders 1 to n, times the brevity penalty.

    Precision of an order: each different n-gram of the text counts as often as it stands in the text, but at most as often as
    it stands in that reference which has it most often; the sum of these, by the number of n-grams of the text. Above order 1,
    add one to both. A text that shares no word with the others has BLEU 0.

    Brevity penalty: exp(1 - r / c) where r > c, else 1. c is the number of words of the text, r that of the reference whose
    number of words is nearest to c, of two as near the shorter one.

    Args:
        texts: at least two, each with at least one word.
    """
    # TODO
    raise NotImplementedError

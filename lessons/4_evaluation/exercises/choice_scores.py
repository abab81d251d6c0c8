# vi 🐕 choice_scores: mô hình chọn gì, theo bốn cách chuẩn hoá?
# vi Viết hàm bên dưới rồi chạy: smol check choice_scores
# vi Bài học: smol learn 4 normalise      Gợi ý: smol hint choice_scores
# en 🐕 choice_scores: what does the model choose, by four normalisations?
# en Write the function below, then run: smol check choice_scores
# en Lesson: smol learn 4 normalise      Hint: smol hint choice_scores

from collections.abc import Sequence

from smolcourse.evaluation.tasks import Item


def choice_scores(likelihoods: Sequence[tuple[float, int]], item: Item) -> dict[str, float]:
    """Whether the likeliest choice is the gold one: 1.0 or 0.0, by four measures of likely.

    Args:
        likelihoods: (log p, tokens) of each choice, in the order of `item.choices`.
        item: has `choices`, a tuple of texts, and `gold`, one of them.

    Returns:
        `acc`: by log p. `acc_norm`: by log p per character of the choice. `acc_bytes`: per byte of its UTF-8.
        `acc_token`: per token. Of equals the first choice counts.
    """
    # TODO
    raise NotImplementedError

# vi 🐢 blind_guess: đoán được bao nhiêu mà chẳng cần nhìn ảnh.
# vi Viết hàm bên dưới rồi chạy: smol check blind_guess
# vi Bài học: smol learn 5 blind      Gợi ý: smol hint blind_guess
# en 🐢 blind_guess: how much can be guessed without the picture.
# en Write the function below, then run: smol check blind_guess
# en Lesson: smol learn 5 blind      Hint: smol hint blind_guess

Pair = tuple[str, str]
"""A question and its answer."""


def blind_guess(train: list[Pair], test: list[Pair]) -> float:
    """The score of one who never sees a picture, and has learned by heart which answers are common.

    It answers a question with the answer that this very question had most often in training, and a question that training never
    asked with the answer that was most frequent over all. Of answers that are equally frequent it takes the one that came first
    in training.

    Returns:
        The share of test questions that it gets right.
    """
    # TODO
    raise NotImplementedError

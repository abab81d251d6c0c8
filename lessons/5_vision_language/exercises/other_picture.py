# vi 🐕 other_picture: cùng câu hỏi, bức ảnh khác.
# vi Viết hàm bên dưới rồi chạy: smol check other_picture
# vi Bài học: smol learn 5 shuffled      Gợi ý: smol hint other_picture
# en 🐕 other_picture: the same question, another picture.
# en Write the function below, then run: smol check other_picture
# en Lesson: smol learn 5 shuffled      Hint: smol hint other_picture

from random import Random


def other_pictures(pictures: list[str], rng: Random) -> list[str]:
    """For each question the picture of another one: the shuffled baseline.

    Args:
        pictures: the picture of each question; several questions may be about one picture, next to each other or not.
        rng: draws who gets whose.

    Returns:
        as many pictures. No question keeps its own; questions about one picture get the same other one; and each picture goes to
        exactly one other, so that all are shown as often as there are questions to ask about them.

    Raises:
        ValueError: there are fewer than two different pictures.
    """
    # TODO
    raise NotImplementedError

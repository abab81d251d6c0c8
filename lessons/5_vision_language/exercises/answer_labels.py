# vi 🐕 answer_labels: mô hình được dạy nói câu trả lời, không phải câu hỏi, không phải bức ảnh.
# vi Viết hàm bên dưới rồi chạy: smol check answer_labels
# vi Bài học: smol learn 5 mask      Gợi ý: smol hint answer_labels
# en 🐕 answer_labels: a model is taught to say the answer, not the question, and not the picture.
# en Write the function below, then run: smol check answer_labels
# en Lesson: smol learn 5 mask      Hint: smol hint answer_labels


def labels(input_ids: list[int], opening: list[int], end: int, image_id: int) -> list[int]:
    """What the model is trained to write: the token itself where the assistant speaks, -100 everywhere else.

    The model shifts labels by itself: label i is token i.

    Args:
        input_ids: a whole conversation of one or more questions. Pictures stand in it as runs of `image_id`.
        opening: the tokens of "<|im_start|>assistant\\n", which the program writes before each answer.
        end: the token that ends every turn, the user's too.
        image_id: the placeholder; it has no embedding, so it can never be a label, whoever showed the picture.

    Returns:
        as many labels as tokens. The `end` of an answer is taught; the newline behind it is not.
    """
    # TODO
    raise NotImplementedError

# vi 🐕 one_question: câu trả lời trước để lộ câu trả lời sau.
# vi Viết hàm bên dưới rồi chạy: smol check one_question
# vi Bài học: smol learn 5 leak      Gợi ý: smol hint one_question
# en 🐕 one_question: earlier answers give away later ones.
# en Write the function below, then run: smol check one_question
# en Lesson: smol learn 5 leak      Hint: smol hint one_question

from typing import Any


def one_question_rows(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Cuts a conversation about pictures into rows of one question each, that no answer helps another.

    Args:
        row: {"messages": [...], "images": [...]}. Perhaps a system turn comes first. Then user and assistant take turns; the
            content of each is a list of parts, {"type": "image"} or {"type": "text", "text": ...}. The image parts all stand at
            the beginning of the first question, one for each of `images`, in their order.

    Returns:
        A row for each question, in their order: the system turn if there is one, the question with all pictures before its
        text, its answer; and `images`.
    """
    # TODO
    raise NotImplementedError

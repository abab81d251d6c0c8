# vi 🐕 from_sharegpt: đổi dữ liệu của người khác về dạng messages.
# vi Viết hàm bên dưới rồi chạy: smol check from_sharegpt
# vi Bài học: smol learn 1 formats      Gợi ý: smol hint from_sharegpt
# en 🐕 from_sharegpt: other people's data as messages.
# en Write the function below, then run: smol check from_sharegpt
# en Lesson: smol learn 1 formats      Hint: smol hint from_sharegpt

from typing import Any


def from_sharegpt(row: dict[str, Any]) -> dict[str, Any]:
    """Turns with `from` and `value` to {"messages": [{"role", "content"}, ...]}.

    Speakers, in upper or lower case: human, user -> user; gpt, chatgpt, assistant, model -> assistant; system -> system;
    tool, observation -> tool. A text in row["system"], if there is one and it is not blank, becomes the first turn.
    Contents are kept as they are. Other columns are left out.

    Args:
        row: {"conversations": [{"from", "value"}, ...]}, maybe with "system". Not to be changed.

    Raises:
        ValueError: a speaker that is not in the list; the message says which. A guess would train the wrong side.
    """
    # TODO
    raise NotImplementedError

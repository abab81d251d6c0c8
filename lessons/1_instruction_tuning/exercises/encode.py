# vi 🐕 encode: token nào tính loss, token nào chỉ để đọc.
# vi Viết hàm bên dưới rồi chạy: smol check encode
# vi Bài học: smol learn 1 loss-mask      Gợi ý: smol hint encode
# en 🐕 encode: which tokens carry loss, and which are only read.
# en Write the function below, then run: smol check encode
# en Lesson: smol learn 1 loss-mask      Hint: smol hint encode

from typing import Any


def encode(row: dict[str, Any], tokenizer: Any) -> tuple[list[int], list[int]]:
    """Encodes one conversation the way training sees it.

    Args:
        row: {"messages": [{"role", "content"}, ...]}, with one or more assistant turns.
        tokenizer: has a ChatML template: `tokenizer.apply_chat_template(messages, tokenize=False, ...)`;
            `tokenizer(text, add_special_tokens=False)["input_ids"]` gives token ids.

    Returns:
        input_ids of the whole conversation, and loss_mask: 1 for each token that the assistant wrote and for the
        `<|im_end|>` that ends its turn, 0 for everything else (headers, other people's turns, the newline after).
    """
    # TODO
    raise NotImplementedError

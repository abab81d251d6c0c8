"""Each answer is what its turn adds after the generation prompt, up to and including the end-of-turn token."""

from typing import Any


def encode(row: dict[str, Any], tokenizer: Any) -> tuple[list[int], list[int]]:
    messages = row["messages"]

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    input_ids = ids(tokenizer.apply_chat_template(messages, tokenize=False))
    loss_mask = [0] * len(input_ids)
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        start = len(ids(tokenizer.apply_chat_template(messages[:index], tokenize=False, add_generation_prompt=True)))
        through = tokenizer.apply_chat_template(messages[: index + 1], tokenize=False)
        end = len(ids(through.rstrip("\n")))
        loss_mask[start:end] = [1] * (end - start)
    return input_ids, loss_mask

def encode(row, tokenizer):
    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    messages = row["messages"]
    whole = ids(tokenizer.apply_chat_template(messages, tokenize=False))
    mask = [0] * len(whole)
    for i, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        start = len(ids(tokenizer.apply_chat_template(messages[:i], tokenize=False, add_generation_prompt=True)))
        end = len(ids(tokenizer.apply_chat_template(messages[: i + 1], tokenize=False).removesuffix("<|im_end|>\n")))
        mask[start:end] = [1] * (end - start)
    return whole, mask

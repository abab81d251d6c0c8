def render(messages, add_generation_prompt=False):
    text = "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in messages)
    return text + ("<|im_start|>assistant\n" if add_generation_prompt else "")

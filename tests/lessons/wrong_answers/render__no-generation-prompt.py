def render(messages, add_generation_prompt=False):
    turns = messages if messages[0]["role"] == "system" else [{"role": "system", "content": DEFAULT}, *messages]
    return "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in turns)


DEFAULT = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

# vi 🐢 render: viết chat template bằng tay.
# vi Viết hàm bên dưới rồi chạy: smol check render
# vi Bài học: smol learn 1 template      Gợi ý: smol hint render
# en 🐢 render: a chat template by hand.
# en Write the function below, then run: smol check render
# en Lesson: smol learn 1 template      Hint: smol hint render

DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def render(messages: list[dict[str, str]], add_generation_prompt: bool = False) -> str:
    """Renders a conversation to the text that SmolLM2 reads (ChatML).

    Each turn is `<|im_start|>ROLE`, a newline, its content as it is, `<|im_end|>`, a newline. A conversation that does not
    begin with a system turn gets one with DEFAULT_SYSTEM. `add_generation_prompt` opens the assistant's next turn.

    Args:
        messages: turns, each {"role", "content"}. Not to be changed.
    """
    # TODO
    raise NotImplementedError

# vi 🐢 lora_parameters: LoRA học bao nhiêu tham số?
# vi Viết hàm bên dưới rồi chạy: smol check lora_parameters
# vi Bài học: smol learn 3 where      Gợi ý: smol hint lora_parameters
# en 🐢 lora_parameters: how many parameters does LoRA train?
# en Write the function below, then run: smol check lora_parameters
# en Lesson: smol learn 3 where      Hint: smol hint lora_parameters


def lora_parameters(linears: list[tuple[str, int, int]], r: int, targets: list[str]) -> int:
    """Trainable parameters of LoRA, over all layers that it stands beside.

    Args:
        linears: (name, inputs, outputs) of every linear layer, such as ("model.layers.0.self_attn.q_proj", 576, 576).
        r: the rank; A is [r, inputs], B is [outputs, r].
        targets: last parts of the names that get an adapter, such as ["q_proj", "v_proj"].
    """
    # TODO
    raise NotImplementedError

"""A LoRA adapter as a GGUF of its own, which llama.cpp puts on and takes off from one request to the next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from smolcourse.adapters.files import CONFIG, read_config, weights_of
from smolcourse.errors import SmolError
from smolcourse.inference.export.gguf import check_architecture, finish, gguf_name, heads_of, interleaved, tensor_names

_KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<side>[AB])\.weight")


def write_lora(adapter: Path, config: Any, file: Path, *, name: str) -> None:
    """Writes the adapter's two small matrices of each weight, in float32.

    llama.cpp adds `alpha / rank * B A`. Where an adapter scales otherwise (rsLoRA, a rank or an alpha per layer), B takes up the
    difference.

    Args:
        adapter: folder of a saved PEFT adapter.
        config: of the model it belongs to.

    Raises:
        SmolError: not a plain LoRA (DoRA, IA3, learned prompts, trained biases or embeddings), or one of an unknown layer.
    """
    import gguf
    import numpy as np

    check_architecture(config)
    told = read_config(adapter)
    _need_plain(told, adapter)
    names = tensor_names(config)
    pairs: dict[str, dict[str, Any]] = {}
    with weights_of(adapter, "pt") as weights:
        for key in weights.keys():  # noqa: SIM118
            found = _KEY.fullmatch(key)
            if not found:
                raise _not_plain(adapter, key)
            pairs.setdefault(found["module"], {})[found["side"]] = weights.get_tensor(key).float().numpy()
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_type("adapter")
    writer.add_name(name)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, float(told["lora_alpha"]))
    for module, pair in sorted(pairs.items()):
        target = gguf_name(f"{module}.weight", names)
        if target in ("token_embd.weight", "output.weight") or pair.keys() != {"A", "B"}:
            raise _not_plain(adapter, module)
        rank = pair["A"].shape[0]
        stretch = _scale(told, module, rank) * rank / float(told["lora_alpha"])
        up = interleaved(pair["B"] * np.float32(stretch), heads_of(f"{module}.", config))
        writer.add_tensor(f"{target}.lora_a", pair["A"])
        writer.add_tensor(f"{target}.lora_b", np.ascontiguousarray(up))
    finish(writer)


def _scale(told: dict[str, Any], module: str, rank: int) -> float:
    """What PEFT multiplies B A by in this layer."""
    alpha = float(next((value for key, value in _pattern(told, "alpha_pattern") if _fits(key, module)), told["lora_alpha"]))
    return alpha / (rank**0.5 if told.get("use_rslora") else rank)


def _pattern(told: dict[str, Any], key: str) -> list[tuple[str, Any]]:
    return list((told.get(key) or {}).items())


def _fits(key: str, module: str) -> bool:
    """PEFT's rule: the pattern stands for the end of the layer's name."""
    return re.match(rf"(.*\.)?({key})$", module) is not None


def _need_plain(told: dict[str, Any], adapter: Path) -> None:
    if told["peft_type"] != "LORA":
        raise _not_plain(adapter, told["peft_type"])
    for key in ("use_dora", "modules_to_save", "trainable_token_indices", "layer_replication", "lora_bias", "fan_in_fan_out"):
        if told.get(key):
            raise _not_plain(adapter, key)
    if told.get("bias", "none") != "none":
        raise _not_plain(adapter, "bias")


def _not_plain(adapter: Path, what: str) -> SmolError:
    return SmolError(
        f"adapter này không phải LoRA thường ({what}), nên llama.cpp không dùng được; hãy ghép nó vào mô hình",
        f"this adapter is not a plain LoRA ({what}), so llama.cpp cannot wear it; merge it into the model",
        where=str(adapter / CONFIG),
        fix=f"smol export {adapter}",
    )

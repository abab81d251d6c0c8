"""A Llama-type model as one GGUF file: the names, the order of rows and the numbers that llama.cpp reads.

Two things are not as in the checkpoint. transformers turns the first half of a head's numbers against its second half (rotary
positions), llama.cpp turns neighbours, so the rows of Q and K are interleaved. And what is quantised is quantised in blocks of 32
numbers of a row, each block with a scale of its own.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.errors import SmolError
from smolcourse.inference.export.vocabulary import add_vocabulary

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from gguf import GGMLQuantizationType, GGUFWriter, TensorNameMap
    from transformers import PreTrainedTokenizerBase

    Matrix = npt.NDArray[np.float32]

KINDS = ("f16", "q8_0", "q5_0", "q4_0")
"""Types of numbers that can be written: 16, 8.5, 5.5 and 4.5 bits each, the scale of the block counted in."""


def check_architecture(config: Any) -> None:
    """Refuses models that this exporter would write wrong.

    Raises:
        SmolError: not a Llama-type model, or one with a feature we do not carry over.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    problem = None
    if config.model_type != "llama":
        problem = ("kiến trúc", "architecture", config.model_type)
    elif config.hidden_act != "silu":
        problem = ("hàm kích hoạt", "activation", config.hidden_act)
    elif rope.get("rope_type", "default") not in ("default", "llama3"):
        problem = ("kiểu rope", "kind of rope", rope["rope_type"])
    if problem:
        vi, en, value = problem
        raise SmolError(
            f"chưa xuất được sang GGUF: {vi} {value!r} (hiện chỉ họ Llama: SmolLM, SmolLM2, Llama 3...)",
            f"cannot be written as GGUF yet: {en} {value!r} (only the Llama family so far: SmolLM, SmolLM2, Llama 3 ...)",
            where="config.json",
            fix="smol export MODEL --to safetensors; smol serve MODEL --backend transformers",
        )


def write_gguf(model: Any, tokenizer: PreTrainedTokenizerBase, file: Path, kind: str, *, name: str) -> None:
    """Writes one file: weights, settings, tokenizer, chat template.

    Args:
        model: a causal LM without adapters.
        kind: one of `KINDS`. Norms stay float32; with Q5_0 and Q4_0 the embedding, which is the head as well, stays at Q8_0:
            its errors would go straight into the logits.
        name: what the file calls the model.

    Raises:
        SmolError: as `check_architecture` and `vocabulary.add_vocabulary`, or weights that are no finite numbers.
    """
    import gguf

    check_architecture(model.config)
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_type("model")
    writer.add_name(name)
    writer.add_file_type(_FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_settings(writer, model.config)
    add_vocabulary(writer, tokenizer, model.config.vocab_size)
    names = tensor_names(model.config)
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        values: Matrix = tensor.detach().float().cpu().numpy()
        _need_finite(values, key)
        target = gguf_name(key, names)
        values = interleaved(values, heads_of(key, model.config))
        written = _type_of(target, values, kind)
        if values.ndim == 1:
            writer.add_tensor(target, values)
        else:
            writer.add_tensor(target, gguf.quants.quantize(values, written), raw_dtype=written)
    if (factors := _rope_factors(model.config)) is not None:
        writer.add_tensor("rope_freqs.weight", factors)
    finish(writer)


def finish(writer: GGUFWriter) -> None:
    """Writes what was collected, and closes the file whatever happens."""
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


_FILE_TYPES = {"f16": 1, "q8_0": 7, "q5_0": 8, "q4_0": 2}  # `LlamaFileType` of the gguf package


def _type_of(name: str, values: Matrix, kind: str) -> GGMLQuantizationType:
    """What this tensor is written in. Rows that are no multiple of a block's 32 numbers stay at 16 bits."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    wanted = GGMLQuantizationType[kind.upper()]
    if kind in ("q5_0", "q4_0") and name in ("token_embd.weight", "output.weight"):
        wanted = GGMLQuantizationType.Q8_0
    return wanted if values.shape[-1] % GGML_QUANT_SIZES[wanted][0] == 0 else GGMLQuantizationType.F16


def _add_settings(writer: GGUFWriter, config: Any) -> None:
    head = head_size(config)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(head)
    if head * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(head)
        writer.add_value_length(head)


def head_size(config: Any) -> int:
    """Numbers of one attention head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def heads_of(key: str, config: Any) -> int:
    """Heads whose rows a weight of Q or K holds; 0 for every other weight."""
    if ".q_proj." in key:
        return int(config.num_attention_heads)
    return int(config.num_key_value_heads) if ".k_proj." in key else 0


def interleaved(values: Matrix, heads: int) -> Matrix:
    """Rows of each head in llama.cpp's order: 0, n/2, 1, n/2 + 1, ... instead of 0, 1, 2, ..., n - 1.

    Args:
        values: of shape (heads * n, ...).
        heads: 0 leaves them as they are.
    """
    if not heads:
        return values
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def tensor_names(config: Any) -> TensorNameMap:
    """The gguf package's table from names in checkpoints to names in GGUF files."""
    import gguf

    return gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)


def gguf_name(key: str, names: TensorNameMap) -> str:
    """The name of one weight in a GGUF file.

    Raises:
        SmolError: llama.cpp's Llama has no such weight.
    """
    found = names.get_name(key, try_suffixes=(".weight", ".bias"))
    if found is None:
        raise SmolError(
            f"mô hình có trọng số {key} mà GGUF họ Llama không có chỗ cho nó",
            f"the model has a weight {key} for which a GGUF of the Llama family has no place",
            fix="smol export MODEL --to safetensors",
        )
    return found


def _need_finite(values: Matrix, key: str) -> None:
    import numpy as np

    if not np.isfinite(values).all():
        raise SmolError("trọng số có NaN hay vô cực", "the weights hold NaN or infinity", where=key)


def _rope_factors(config: Any) -> Matrix | None:
    """What each frequency of rotary positions is divided by in Llama 3.1 and later (transformers' `rope_type: llama3`)."""
    import numpy as np

    rope = config.rope_parameters
    if rope.get("rope_type", "default") != "llama3":
        return None
    head = head_size(config)
    lengths = 2 * math.pi * rope["rope_theta"] ** (np.arange(0, head, 2) / head)
    old, low, high = (rope[key] for key in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
    share = np.clip((old / lengths - low) / (high - low), 0, 1)
    factors: Matrix = (1 / ((1 - share) / rope["factor"] + share)).astype(np.float32)
    return factors

"""What lessons and checks work with: the real model and tokenizer, or tiny ones where `SMOLCOURSE_TINY` is set (the tests).

A lesson's cells ask here instead of naming a model, so that the same cells run in minutes for a learner and in seconds in CI.
"""

import copy
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MODEL = "smollm2-135m-instruct"


def is_tiny() -> bool:
    """Whether everything runs on a random model of two layers."""
    return bool(os.environ.get("SMOLCOURSE_TINY"))


def few(real: int, tiny: int) -> int:
    """A count for the reader, and a smaller one for the tests."""
    return tiny if is_tiny() else real


@lru_cache(maxsize=1)
def tokenizer() -> "PreTrainedTokenizerBase":
    """The real tokenizer, always."""
    from smolcourse.assets import resolve_model
    from smolcourse.data.templates import load_tokenizer

    return load_tokenizer(resolve_model(MODEL))


def model_folder() -> Path:
    """The model's folder: what `model_name_or_path` takes."""
    from smolcourse.assets import resolve_model

    return _tiny_folder() if is_tiny() else resolve_model(MODEL)


@lru_cache(maxsize=1)
def model() -> Any:
    """The causal LM in fp32, in evaluation mode; one object a process."""
    import torch
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(model_folder(), dtype=torch.float32)
    return loaded.eval()


@lru_cache(maxsize=1)
def seeing_tokenizer() -> Any:
    """The real tokenizer as a model that sees has it: with a placeholder for pictures, and a template that writes it."""
    from smolcourse.vision.processor import IMAGE_TOKEN, TEMPLATE

    words: Any = copy.deepcopy(tokenizer())
    words.add_special_tokens({"additional_special_tokens": [IMAGE_TOKEN]}, replace_extra_special_tokens=False)
    words.chat_template = TEMPLATE.read_text(encoding="utf-8")
    return words


@lru_cache(maxsize=1)
def seeing() -> tuple[Any, Any]:
    """A model that sees, as it is before any training, and its processor; one object a process."""
    from smolcourse.vision.auto import AutoModelForImageTextToText, AutoProcessor
    from smolcourse.vision.own import own_model

    if is_tiny():
        return _tiny_seeing()
    folder = own_model()
    return AutoModelForImageTextToText.from_pretrained(folder).eval(), AutoProcessor.from_pretrained(folder)


def _tiny_seeing() -> tuple[Any, Any]:
    """A random DINOv2 of two layers on pictures of the real size, before the tiny language model."""
    import torch
    from transformers import Dinov2Config, Dinov2Model

    from smolcourse.vision.own import assemble

    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=112, use_mask_token=False)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder: Any = Dinov2Model(config)
    return assemble(_tiny_folder(), encoder.eval())


@lru_cache(maxsize=1)
def _tiny_folder() -> Path:
    """A random Llama of width 32 over the real vocabulary, with the real tokenizer beside it."""
    import tempfile

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    words = tokenizer()
    config = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    folder = Path(tempfile.mkdtemp(prefix="smol-tiny-"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    words.save_pretrained(str(folder))
    return folder

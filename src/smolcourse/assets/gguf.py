"""A GGUF file turned, once, into the plain checkpoint folder that every other tool reads."""

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from smolcourse.assets.cache import require_space, tell
from smolcourse.assets.network import hub_closed
from smolcourse.errors import SmolError

# Part of the cache key: raise it when a checkpoint written by `convert` would differ.
CONVERTER = 2

# Values of tokenizer.ggml.pre for which llama.cpp, and the tokenizer the model was trained with, split off every digit.
_DIGITS_APART = ("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b")


def convert(gguf_file: Path, folder: Path) -> None:
    """Writes weights (fp32 safetensors), config, generation config, tokenizer and chat template into `folder`.

    About 20 s for a model of 135M parameters; a plain checkpoint of it then loads in one or two.
    """
    tell(
        f"Đang chuyển {gguf_file.name} sang checkpoint fp32 (một lần duy nhất, khoảng 20 giây)...",
        f"Converting {gguf_file.name} to an fp32 checkpoint (once, about 20 seconds)...",
    )
    try:
        with _quiet(), _read_once(), hub_closed():
            _convert(gguf_file, folder)
    except Exception as error:  # whatever a damaged or unknown file makes the readers raise
        if isinstance(error, (SmolError, MemoryError)) or (isinstance(error, OSError) and error.errno):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        if "No space left" in reason:  # safetensors has an exception of its own for it
            raise OSError(errno.ENOSPC, reason, str(folder)) from error
        raise SmolError(
            f"không đọc được tệp GGUF này: {reason}", f"this GGUF file cannot be read: {reason}", where=str(gguf_file)
        ) from error


def _convert(gguf_file: Path, folder: Path) -> None:
    import gguf
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    header = gguf.GGUFReader(gguf_file)
    require_space(4 * sum(int(tensor.n_elements) for tensor in header.tensors) + 16 * 2**20)

    tokenizer: Any = AutoTokenizer.from_pretrained(gguf_file.parent, gguf_file=gguf_file.name)
    pre = header.fields.get("tokenizer.ggml.pre")
    if pre is not None and pre.contents() in _DIGITS_APART:
        _split_digits(tokenizer)
    model: Any = AutoModelForCausalLM.from_pretrained(
        gguf_file.parent, gguf_file=gguf_file.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    # The weights are plain numbers now, but transformers still believes them quantised and would not save them.
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    for name in ("_name_or_path", "_model_name_or_path"):  # the trainer's own label; no one could load it
        if hasattr(model.config, name):
            delattr(model.config, name)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.model_max_length = model.config.max_position_embeddings
    for name in ("is_local", "local_files_only"):  # how it was loaded here is not part of the tokenizer
        tokenizer.init_kwargs.pop(name, None)
    generation = model.generation_config
    generation._from_model_config = False
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(generation, name, getattr(tokenizer, name))
        setattr(model.config, name, getattr(tokenizer, name))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _split_digits(tokenizer: Any) -> None:
    """Puts back the rule that each digit is a token of its own.

    transformers rebuilds a GGUF's tokenizer with the GPT-2 rule alone, which groups spaces before a number another way
    than the tokenizer the model was trained with.
    """
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


@contextmanager
def _read_once() -> Iterator[None]:
    """Lets transformers parse the file and its table of names once: it asks for the former 3 times, the latter 397 times."""
    import gguf

    reader, names = gguf.GGUFReader, gguf.get_tensor_name_map
    with _swapped(gguf, GGUFReader=cache(lambda path: reader(str(path))), get_tensor_name_map=cache(names)):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Progress bars and advice of the libraries off: they speak of their internals, not of the user's matter."""
    from transformers import modeling_gguf_pytorch_utils as reading
    from transformers.utils import logging

    speech: Any = logging
    level, bars = speech.get_verbosity(), speech.is_progress_bar_enabled()
    speech.set_verbosity_error()
    speech.disable_progress_bar()
    try:
        # The bar over the tensors does not listen to disable_progress_bar.
        with warnings.catch_warnings(), _swapped(reading, tqdm=lambda items, **_: items):
            warnings.simplefilter("ignore")
            yield
    finally:
        speech.set_verbosity(level)
        if bars:
            speech.enable_progress_bar()


@contextmanager
def _swapped(module: Any, **values: Any) -> Iterator[None]:
    """Puts other values in a module's names for a while."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)

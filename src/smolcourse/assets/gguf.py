"""A GGUF file turned, once, into the plain checkpoint folder that every other tool reads."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smolcourse.assets.cache import require_space, tell
from smolcourse.errors import SmolError

# Part of the cache key: raise it when a checkpoint written by `convert` would differ.
CONVERTER = 1


def convert(gguf_file: Path, folder: Path) -> None:
    """Writes weights (fp32 safetensors), config, generation config, tokenizer and chat template into `folder`.

    About 20 s for a model of 135M parameters; a plain checkpoint of it then loads in one or two.
    """
    tell(
        f"Đang chuyển {gguf_file.name} sang checkpoint fp32 (một lần duy nhất, khoảng 20 giây)...",
        f"Converting {gguf_file.name} to an fp32 checkpoint (once, about 20 seconds)...",
    )
    try:
        parameters = _count_parameters(gguf_file)
        require_space(4 * parameters + 16 * 2**20)
        _convert(gguf_file, folder)
    except (SmolError, OSError, MemoryError):
        raise
    except Exception as error:  # whatever a damaged or unknown file makes the readers raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise SmolError(
            f"không đọc được tệp GGUF này: {reason}", f"this GGUF file cannot be read: {reason}", where=str(gguf_file)
        ) from error


def _count_parameters(gguf_file: Path) -> int:
    from gguf import GGUFReader

    return sum(int(tensor.n_elements) for tensor in GGUFReader(gguf_file).tensors)


def _convert(gguf_file: Path, folder: Path) -> None:
    with _quiet():
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        place = {"gguf_file": gguf_file.name, "local_files_only": True}
        tokenizer = AutoTokenizer.from_pretrained(gguf_file.parent, **place)
        model = AutoModelForCausalLM.from_pretrained(gguf_file.parent, dtype=torch.float32, **place)
        # The weights are plain numbers now, but transformers still believes them quantised and would not save them.
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.hf_quantizer = None
        model.config._name_or_path = folder.name
        generation = model.generation_config
        generation._from_model_config = False
        generation.bos_token_id = tokenizer.bos_token_id
        generation.eos_token_id = tokenizer.eos_token_id
        generation.pad_token_id = model.config.pad_token_id = _padding(tokenizer.pad_token_id, tokenizer.eos_token_id)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _padding(pad: int | None, end: int | None) -> int | None:
    return end if pad is None else pad


@contextmanager
def _quiet() -> Iterator[None]:
    """Progress bars and advice of the libraries off: they speak of their internals, not of the user's matter."""
    from transformers.utils import logging as speech

    level, bars = speech.get_verbosity(), speech.is_progress_bar_enabled()
    speech.set_verbosity_error()
    speech.disable_progress_bar()
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        speech.set_verbosity(level)
        if bars:
            speech.enable_progress_bar()

"""From a name to a model that answers: an alias, a folder, a hub reference, or a run with its model or its adapter."""

from __future__ import annotations

import contextlib
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.assets.resolver import need_safetensors
from smolcourse.data.image_rows import content_text
from smolcourse.errors import SmolError
from smolcourse.training.located import Located, base_of, locate
from smolcourse.vision.loading import auto_class, sees

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["Located", "base_of", "can_see", "load_model", "locate", "quiet", "system_prompt_of"]


def load_model(reference: str | Located) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a model and its tokenizer, ready to answer: on the best device, in evaluation mode, an adapter put onto its base.

    Args:
        reference: an alias, a folder, `hf:org/name`, a run (`latest`, its name or part of it), or what `locate` returned.

    Raises:
        SmolError: no such model, no config or weights, weights that are pickles or damaged, an adapter of another model.
    """
    located = locate(reference) if isinstance(reference, str) else reference
    import torch

    from smolcourse import hardware
    from smolcourse.adapters import load_adapter
    from smolcourse.data.templates import load_tokenizer

    if calibration := hardware.cached_calibration():  # not worth measuring for: torch's own choice is the physical cores
        hardware.set_threads(calibration.threads)
    device = hardware.machine().device
    # Without a GPU's lower-precision units float32 is both exact and fast; with one, the checkpoint's own dtype.
    dtype = torch.float32 if device == "cpu" else "auto"
    folder = located.path
    is_adapter = (folder / "adapter_config.json").is_file()
    base = base_of(located) if is_adapter else folder
    with quiet():
        has_tokenizer = any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer_config.json"))
        template = None if has_tokenizer else located.recipe.get("chat_template_path")
        tokenizer = load_tokenizer(folder if has_tokenizer else base, template)
        model = _load_checkpoint(base, dtype)
        if is_adapter:
            model = load_adapter(model, folder)
    return model.to(device).eval(), tokenizer


def can_see(located: Located) -> bool:
    """Whether a model takes pictures, before anything of it is loaded."""
    return sees(base_of(located) if (located.path / "adapter_config.json").is_file() else located.path)


def _load_checkpoint(folder: Path, dtype: Any) -> Any:
    """A causal LM from safetensors, every weight of it read from the file."""
    from safetensors import SafetensorError

    if not (folder / "config.json").is_file():
        raise SmolError("thư mục không có config.json", "the folder has no config.json", where=str(folder))
    need_safetensors(folder, "*.safetensors")
    try:
        loaded: Any = auto_class(folder).from_pretrained(
            str(folder),
            dtype=dtype,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise SmolError(
            f"không nạp được mô hình ({reason})", f"the model cannot be loaded ({reason})", where=str(folder)
        ) from error
    model, report = loaded
    missing = sorted(report["missing_keys"])
    if missing:
        raise SmolError(
            f"thiếu {len(missing)} trọng số, ví dụ {missing[0]}: tệp không thuộc mô hình mà config.json mô tả",
            f"{len(missing)} weights are missing, such as {missing[0]}: the file is not of the model in config.json",
            where=str(folder),
        )
    return model


def system_prompt_of(located: Located) -> str | None:
    """The system prompt that a run was trained with: the most frequent one of its first rows; None if that is none, or if
    fewer than a third have it."""
    recipe = located.recipe
    if not recipe.get("dataset_name"):
        return None
    from itertools import islice

    from smolcourse.data.loading import load_rows

    try:
        rows = list(
            islice(load_rows(recipe["dataset_name"], recipe.get("dataset_config"), recipe.get("dataset_train_split")), 32)
        )
    except (SmolError, OSError):
        return None  # the file is gone: chatting still works
    prompts: Counter[str | None] = Counter()
    for row in rows:
        turns = row.get("messages") or row.get("prompt")
        first = turns[0] if isinstance(turns, list) and turns else {}
        prompts[content_text(first.get("content")) if first.get("role") == "system" else None] += 1
    prompt, times = prompts.most_common(1)[0] if rows else (None, 0)  # of equals the first row's
    return prompt if 3 * times >= len(rows) else None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no library warnings while a model is loaded: what the user can mend comes as a `SmolError`."""
    from transformers.utils import logging as untyped

    logging: Any = untyped
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()

"""From a name to a model that answers: an alias, a folder, a hub reference, or a run with its model or its adapter."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from smolcourse.training.runs import Run

_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "adapter_model.bin")


@dataclass(frozen=True)
class Located:
    """A folder with a model or an adapter, and the run it came from."""

    path: Path
    run: Run | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """The run's recipe; empty without a run."""
        return self.run.recipe() if self.run else {}


def locate(reference: str) -> Located:
    """Finds what a name stands for. Assets and paths come first, then runs: `latest`, a run's name, or part of it.

    Raises:
        SmolError: nothing of that name, several runs of it, or a run that has not finished.
    """
    from smolcourse.assets import resolve_model
    from smolcourse.assets.catalog import CATALOG
    from smolcourse.training.runs import Run, find_run, list_runs

    path = Path(reference).expanduser()
    if (path / "recipe.yaml").is_file():
        return _result(Run.open(path))
    if reference in CATALOG or reference.startswith(("hf:", "wheel:")) or path.exists():
        return Located(resolve_model(reference))
    if reference == "latest" or any(reference in run.name for run in list_runs()):
        return _result(find_run(reference))
    if not reference.strip():
        raise SmolError("chưa cho biết mô hình nào", "no model was named", fix="smol chat smollm2-135m-instruct")
    raise SmolError(
        "không có mô hình, thư mục hay run nào tên như vậy",
        "there is no model, folder or run of that name",
        where=reference,
        fix="smol assets ls; smol runs ls",
    )


def _result(run: Run) -> Located:
    result = run.result()
    if result is None:
        raise SmolError(
            "run này chưa có mô hình (chưa huấn luyện xong)",
            "this run has no model yet (its training has not finished)",
            where=run.name,
            fix=f"smol train --resume {run.name}",
        )
    return Located(result, run)


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
            model = _put_on(model, folder)
    return model.to(device).eval(), tokenizer


def base_of(located: Located) -> Path:
    """The folder of an adapter's base model: the one its run trained, else the one it names."""
    from smolcourse.assets import resolve_model
    from smolcourse.assets.catalog import CATALOG

    where = located.path / "adapter_config.json"
    try:
        named = str(json.loads(where.read_text(encoding="utf-8")).get("base_model_name_or_path") or "")
    except (OSError, ValueError, AttributeError) as error:
        raise SmolError("không đọc được tệp này", "this file cannot be read", where=str(where)) from error
    trained = str(located.recipe.get("model_name_or_path") or "") or named
    if not trained:
        raise SmolError(
            "adapter không cho biết nó thuộc mô hình nào",
            "the adapter does not say which model it belongs to",
            where=str(where),
            fix='"base_model_name_or_path": "smollm2-135m-instruct"',
        )
    if Path(trained).expanduser().exists() or trained in CATALOG or trained.startswith(("hf:", "wheel:")):
        return resolve_model(trained)
    if trained.count("/") == 1 and not trained.startswith((".", "/", "~")):
        return resolve_model(f"hf:{trained}")
    raise SmolError(
        f"không tìm thấy mô hình gốc của adapter: {trained}",
        f"the adapter's base model was not found: {trained}",
        where=str(where),
        fix='"base_model_name_or_path": "smollm2-135m-instruct"',
    )


def _load_checkpoint(folder: Path, dtype: Any) -> Any:
    """A causal LM from safetensors, every weight of it read from the file."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM

    if not (folder / "config.json").is_file():
        raise SmolError("thư mục không có config.json", "the folder has no config.json", where=str(folder))
    _need_safetensors(folder, "*.safetensors")
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
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


def _put_on(model: Any, folder: Path) -> Any:
    """Puts an adapter onto its base. PEFT passes over weights that are missing or have no place; here they are an error."""
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    _need_safetensors(folder, "adapter_model.safetensors")
    try:
        with safe_open(folder / "adapter_model.safetensors", "pt") as file:
            written = set(file.keys())
        adapted: Any = PeftModel.from_pretrained(model, str(folder), local_files_only=True)
    except SafetensorError as error:
        raise SmolError("tệp adapter bị hỏng", "the adapter's file is damaged", where=str(folder)) from error
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _other_model(folder) from error
    placed = set(get_peft_model_state_dict(adapted, save_embedding_layers=False))
    if placed - written or any("lora_" in name for name in written - placed):
        raise _other_model(folder)
    return adapted


def _other_model(folder: Path) -> SmolError:
    return SmolError(
        "adapter này thuộc một mô hình khác: hình dạng hay tên trọng số không khớp",
        "this adapter belongs to another model: the shapes or names of its weights do not fit",
        where=str(folder),
        fix='adapter_config.json: "base_model_name_or_path"',
    )


def _need_safetensors(folder: Path, pattern: str) -> None:
    if any(folder.glob(pattern)):
        return
    if any((folder / name).is_file() for name in _PICKLED):
        from smolcourse.assets.resolver import refuse_pickles

        raise refuse_pickles(str(folder))
    raise SmolError(f"thư mục không có trọng số ({pattern})", f"the folder has no weights ({pattern})", where=str(folder))


def system_prompt_of(located: Located) -> str | None:
    """The system prompt that a run was trained with: what its first rows all begin with; None if there is none."""
    recipe = located.recipe
    if not recipe.get("dataset_name"):
        return None
    from itertools import islice

    from smolcourse.data.loading import load_rows

    try:
        rows = list(islice(load_rows(recipe["dataset_name"], recipe.get("dataset_config"), recipe.get("dataset_train_split")), 8))
    except (SmolError, OSError):
        return None  # the file is gone: chatting still works
    prompts = set()
    for row in rows:
        turns = row.get("messages") or row.get("prompt")
        first = turns[0] if isinstance(turns, list) and turns else {}
        prompts.add(first.get("content") if first.get("role") == "system" else None)
    return prompts.pop() if len(prompts) == 1 else None


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

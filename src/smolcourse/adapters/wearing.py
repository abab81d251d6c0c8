"""Adapters on a model: loaded, switched, stacked, merged and unmerged."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smolcourse.adapters.files import CONFIG, read_config, weights_of
from smolcourse.errors import SmolError


def load_adapter(model: Any, folder: Path, *, name: str = "default", trainable: bool = False) -> Any:
    """Puts a saved adapter onto its base, or a further one beside those it has. The model it is on is changed.

    PEFT passes over weights that are missing or have no place; here they are an error.

    Args:
        model: a causal LM, or a PEFT model that gets one adapter more, of the same kind.
        name: what the adapter is called from now on.

    Raises:
        SmolError: no adapter there, damaged, of another model, or of another kind than those on the model.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING

    kind = read_config(folder)["peft_type"]
    if kind not in PEFT_TYPE_TO_CONFIG_MAPPING:
        known = ", ".join(sorted(str(one.value) for one in PEFT_TYPE_TO_CONFIG_MAPPING))
        raise SmolError(
            f"PEFT không có loại adapter {kind!r}; có: {known}",
            f"PEFT has no adapter of kind {kind!r}; there are: {known}",
            where=f"{folder / CONFIG} peft_type",
        )
    with weights_of(folder) as weights:
        written = set(weights.keys())
        if not all(weights.get_tensor(key).isfinite().all() for key in written):
            raise SmolError(
                "adapter có trọng số NaN hay vô cực", "the adapter has weights that are NaN or infinite", where=str(folder)
            )
    if isinstance(model, PeftModel) and model.active_peft_config.peft_type != kind:
        there = model.active_peft_config.peft_type.value
        raise SmolError(
            f"mô hình đang mang adapter {there}; adapter {kind} không ở cạnh nó được",
            f"the model wears a {there} adapter; one of kind {kind} cannot stand beside it",
            where=str(folder),
            fix=f"smol chat {folder}",
        )
    try:
        if isinstance(model, PeftModel):
            adapted: Any = model
            adapted.load_adapter(str(folder), adapter_name=name, is_trainable=trainable, local_files_only=True)
        else:
            adapted = PeftModel.from_pretrained(
                model, str(folder), adapter_name=name, is_trainable=trainable, local_files_only=True
            )
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError, re.error) as error:
        raise _other_model(folder) from error
    placed = set(get_peft_model_state_dict(adapted, adapter_name=name, save_embedding_layers=False))
    homeless = any(part in key for key in written - placed for part in ("lora_", "ia3_"))
    if placed - written or homeless or not _prompt_fits(adapted, adapted.peft_config[name]):
        raise _other_model(folder)
    return adapted


def _prompt_fits(model: Any, config: Any) -> bool:
    """Learned prompts sit in no layer: whether they fit, the sizes tell that PEFT wrote down, held against those of a new one."""
    if not config.is_prompt_learning:
        return True
    from peft.utils.other import _prepare_prompt_learning_config

    fresh = type(config)(task_type=config.task_type, num_virtual_tokens=config.num_virtual_tokens)
    fitting = _prepare_prompt_learning_config(fresh, model.config)  # type: ignore[no-untyped-call]
    return bool((config.token_dim, config.num_layers) == (fitting.token_dim, fitting.num_layers))


def _other_model(folder: Path) -> SmolError:
    return SmolError(
        "adapter này thuộc một mô hình khác: hình dạng hay tên trọng số không khớp",
        "this adapter belongs to another model: the shapes or names of its weights do not fit",
        where=str(folder),
        fix='adapter_config.json: "base_model_name_or_path"',
    )


def switch(model: Any, name: str) -> None:
    """Makes one of the loaded adapters the one that answers. All are frozen: this is for answering, not for training.

    Raises:
        SmolError: no adapter of that name.
    """
    _need(model, name)
    model.set_adapter(name)
    model.requires_grad_(False)


def stack(model: Any, names: Sequence[str]) -> None:
    """Makes several loaded adapters answer together: W + s1 B1 A1 + s2 B2 A2 + ... for LoRA, products of the scales for IA3.

    Raises:
        SmolError: no adapter of that name, or learned prompts, of which one at a time can stand before the text.
    """
    for name in names:
        _need(model, name)
    kind = model.active_peft_config
    if kind.is_prompt_learning and len(names) > 1:
        raise SmolError(
            f"adapter {kind.peft_type.value} dùng từng cái một, không chồng lên nhau được",
            f"{kind.peft_type.value} adapters are used one at a time and cannot be stacked",
            where=", ".join(names),
        )
    switch(model, names[0])
    if len(names) > 1:
        model.base_model.set_adapter(list(names))
        model.requires_grad_(False)


def _need(model: Any, name: str) -> None:
    if name not in model.peft_config:
        there = ", ".join(model.peft_config)
        raise SmolError(
            f"mô hình không có adapter {name!r}; có: {there}",
            f"the model has no adapter {name!r}; there are: {there}",
            where=name,
        )


PROCESSOR = ("processor_config.json", "preprocessor_config.json")
TOLERANCE = 1e-3
"""How far merged logits may stand from unmerged ones, as a share of the largest: rounding of float32 stays far below."""


def merge_in_memory(model: Any) -> float:
    """Adds the active adapters into the weights they sit on; they cost nothing more until `unmerge`.

    Returns:
        The largest difference it made to the logits of a few tokens, as a share of the largest logit.

    Raises:
        SmolError: learned prompts, which live in the input, or merged logits that are not the unmerged ones.
    """
    import torch

    if model.active_peft_config.is_prompt_learning:
        kind = model.active_peft_config.peft_type.value
        raise SmolError(
            f"adapter {kind} nằm ở đầu vào, không ghép được vào trọng số",
            f"a {kind} adapter lives in the input and cannot be merged into weights",
        )
    probe = torch.arange(1, 33).remainder(model.config.get_text_config().vocab_size)[None].to(model.device)
    with torch.no_grad():
        unmerged = model(input_ids=probe).logits
        model.merge_adapter(safe_merge=True)
        difference = float((model(input_ids=probe).logits - unmerged).abs().max() / unmerged.abs().max())
    if not difference <= TOLERANCE:
        unmerge(model)
        raise SmolError(
            f"logits sau khi ghép lệch {difference:.1e} so với trước khi ghép (cho phép {TOLERANCE:g})",
            f"merged logits differ by {difference:.1e} from unmerged ones ({TOLERANCE:g} is allowed)",
        )
    return difference


def unmerge(model: Any) -> None:
    """Takes merged adapters out of the weights again: the base comes back up to rounding, and the adapters stay on it."""
    model.unmerge_adapter()


def merge(base: Path, adapter: Path, target: Path, kind: Any = None) -> float:
    """Writes a plain checkpoint with the adapter's weights added into the base's. Neither input is touched.

    Args:
        base: checkpoint folder of the model that the adapter belongs to.
        target: a new folder; it appears whole or not at all.
        kind: the class of transformers that loads the base; that of causal LMs where left out.

    Returns:
        The largest difference between merged and unmerged logits on a few tokens, as a share of the largest logit.

    Raises:
        SmolError: the target exists, an adapter that cannot be merged (learned prompts), of another model, or merged logits that
            are not the unmerged ones.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if target.exists() or not target.parent.is_dir():
        raise SmolError(
            "cần một thư mục đích chưa có, trong một thư mục đã có; không ghi đè gì",
            "the target must be a new folder in one that exists; nothing is overwritten",
            where=str(target),
            fix=f"smol adapters merge {adapter} merged-model",
        )
    plain = (kind or AutoModelForCausalLM).from_pretrained(base, dtype=torch.float32, use_safetensors=True)
    model = load_adapter(plain, adapter).eval()
    try:
        difference = merge_in_memory(model)
    except SmolError as error:
        error.where, error.fix = str(adapter), f"smol chat {adapter}"
        raise
    merged = model.unload()
    merged.config.use_cache = True
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        merged.save_pretrained(partial)
        words = adapter if (adapter / "tokenizer.json").is_file() else base
        AutoTokenizer.from_pretrained(words).save_pretrained(partial)
        for name in PROCESSOR:  # of a model that sees
            if (words / name).is_file():
                shutil.copy(words / name, partial)
        partial.rename(target)
    except (OSError, SafetensorError) as error:
        reason = str(error).splitlines()[0][:200]
        raise SmolError(f"không ghi được ({reason})", f"cannot be written ({reason})", where=str(target)) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return difference

"""Adapters over PEFT: what is added to a model as the recipe says, loaded again, and merged."""

import shutil
from pathlib import Path
from typing import Any

import torch

from smolcourse.assets.resolver import need_safetensors
from smolcourse.config import Recipe
from smolcourse.errors import SmolError


def adapter_config(recipe: Recipe) -> Any:
    """The recipe's adapter in PEFT's words.

    LORA (Hu et al. 2021): W x + s B A x with s = alpha / r, or alpha / sqrt(r) with `use_rslora` (Kalajdzievski 2023). `use_dora`
    learns the length of each row of W apart from its direction (Liu et al. 2024). IA3 (Liu et al. 2022) learns only scales. The
    others learn virtual tokens before the text: PROMPT_TUNING their embeddings (Lester et al. 2021), P_TUNING through a small
    network (Liu et al. 2021), PREFIX_TUNING keys and values in every layer (Li & Liang 2021).
    """
    from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig

    kind = recipe.peft_type
    if kind == "LORA":
        return LoraConfig(
            r=recipe.lora_r,
            lora_alpha=recipe.lora_alpha,  # type: ignore[arg-type]  # PEFT divides it; a float is as good
            lora_dropout=recipe.lora_dropout,
            target_modules=recipe.lora_target_modules,
            use_dora=recipe.use_dora,
            use_rslora=recipe.use_rslora,
            init_lora_weights=recipe.init_lora_weights,
            task_type="CAUSAL_LM",
        )
    if kind == "IA3":  # on the modules that PEFT knows for the architecture
        return IA3Config(task_type="CAUSAL_LM")
    learned: dict[str, Any] = {
        "PROMPT_TUNING": PromptTuningConfig,
        "P_TUNING": PromptEncoderConfig,
        "PREFIX_TUNING": PrefixTuningConfig,
    }
    return learned[kind](task_type="CAUSAL_LM", num_virtual_tokens=recipe.num_virtual_tokens)


def add_adapter(model: Any, recipe: Recipe) -> Any:
    """Freezes the model and puts the recipe's new adapter on it.

    Raises:
        SmolError: a target module that the model does not have, or an adapter that PEFT does not know for it.
    """
    from peft import get_peft_model

    torch.manual_seed(recipe.seed)
    try:
        return get_peft_model(model, adapter_config(recipe))
    except ValueError as error:
        if recipe.peft_type != "LORA":
            reason = str(error).splitlines()[0][:200]
            raise SmolError(
                f"không gắn được {recipe.peft_type} vào mô hình này ({reason})",
                f"{recipe.peft_type} cannot be put on this model ({reason})",
                where="peft_type",
                fix="peft_type=LORA",
            ) from error
        linears = sorted(
            {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
        )
        raise SmolError(
            f"mô hình không có module {recipe.lora_target_modules!r}; có: {', '.join(linears)}",
            f"the model has no module {recipe.lora_target_modules!r}; there are: {', '.join(linears)}",
            where="lora_target_modules",
            fix="lora_target_modules=all-linear",
        ) from error


def load_adapter(model: Any, folder: Path, *, name: str = "default", trainable: bool = False) -> Any:
    """Puts a saved adapter onto its base, or a further one beside those it has. The model it is on is changed.

    PEFT passes over weights that are missing or have no place; here they are an error.

    Args:
        model: a causal LM, or a PEFT model that gets one adapter more.
        name: what the adapter is called from now on.

    Raises:
        SmolError: no adapter there, damaged, or one of another model.
    """
    from peft import PeftModel, get_peft_model_state_dict
    from safetensors import SafetensorError, safe_open

    if not (folder / "adapter_config.json").is_file():
        raise SmolError(
            "thư mục này không có adapter (adapter_config.json)",
            "the folder has no adapter (adapter_config.json)",
            where=str(folder),
        )
    need_safetensors(folder, "adapter_model.safetensors")
    try:
        with safe_open(folder / "adapter_model.safetensors", "pt") as file:
            written = set(file.keys())
        if isinstance(model, PeftModel):
            adapted: Any = model
            adapted.load_adapter(str(folder), adapter_name=name, is_trainable=trainable, local_files_only=True)
        else:
            adapted = PeftModel.from_pretrained(
                model, str(folder), adapter_name=name, is_trainable=trainable, local_files_only=True
            )
    except SafetensorError as error:
        raise SmolError("tệp adapter bị hỏng", "the adapter's file is damaged", where=str(folder)) from error
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise _other_model(folder) from error
    placed = set(get_peft_model_state_dict(adapted, adapter_name=name, save_embedding_layers=False))
    if placed - written or any("lora_" in key for key in written - placed):
        raise _other_model(folder)
    return adapted


def _other_model(folder: Path) -> SmolError:
    return SmolError(
        "adapter này thuộc một mô hình khác: hình dạng hay tên trọng số không khớp",
        "this adapter belongs to another model: the shapes or names of its weights do not fit",
        where=str(folder),
        fix='adapter_config.json: "base_model_name_or_path"',
    )


TOLERANCE = 1e-3
"""How far merged logits may stand from unmerged ones, as a share of the largest: rounding of float32 stays far below."""


def merge(base: Path, adapter: Path, target: Path) -> float:
    """Writes a plain checkpoint with the adapter's weights added into the base's. Neither input is touched.

    Args:
        base: checkpoint folder of the model that the adapter belongs to.
        target: a new folder.

    Returns:
        The largest difference between merged and unmerged logits on a few tokens, as a share of the largest logit.

    Raises:
        SmolError: the target exists, an adapter that cannot be merged (learned prompts), of another model, or merged logits that
            are not the unmerged ones.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if target.exists():
        raise SmolError(
            "thư mục đích đã có; không ghi đè",
            "the target folder exists; nothing is overwritten",
            where=str(target),
            fix="--out NEW",
        )
    model = load_adapter(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, use_safetensors=True), adapter).eval()
    if model.active_peft_config.is_prompt_learning:
        kind = model.active_peft_config.peft_type.value
        raise SmolError(
            f"adapter {kind} nằm ở đầu vào, không ghép được vào trọng số",
            f"a {kind} adapter lives in the input and cannot be merged into weights",
            where=str(adapter),
            fix=f"smol chat {adapter}",
        )
    probe = torch.arange(1, 33).remainder(model.config.vocab_size)[None]
    with torch.no_grad():
        unmerged = model(input_ids=probe).logits
        merged = model.merge_and_unload(safe_merge=True)
        difference = float((merged(input_ids=probe).logits - unmerged).abs().max() / unmerged.abs().max())
    if not difference <= TOLERANCE:
        raise SmolError(
            f"logits sau khi ghép lệch {difference:.1e} so với trước khi ghép (cho phép {TOLERANCE:g})",
            f"merged logits differ by {difference:.1e} from unmerged ones ({TOLERANCE:g} is allowed)",
            where=str(adapter),
        )
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    merged.config.use_cache = True
    merged.save_pretrained(partial)
    has_tokenizer = (adapter / "tokenizer.json").is_file()
    AutoTokenizer.from_pretrained(adapter if has_tokenizer else base).save_pretrained(partial)
    partial.rename(target)
    return difference

"""A new adapter: what the recipe asks for put on a model, and saved when it has learned."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from smolcourse.adapters.files import CONFIG, WEIGHTS, read_config
from smolcourse.config import Recipe
from smolcourse.errors import SmolError


def adapter_config(recipe: Recipe, model: Any = None) -> Any:
    """The recipe's adapter in PEFT's words.

    Where the model says so, LoRA goes into a part of it (`adapter_scope`); others are trained and saved whole (`trained_whole`).

    LORA (Hu et al. 2021): W x + s B A x with s = alpha / r, or alpha / sqrt(r) with `use_rslora` (Kalajdzievski 2023). `use_dora`
    learns the length of each row of W apart from its direction (Liu et al. 2024). OLoRA (Büyükakyüz 2024) begins with B A from
    W = Q R, cut to rank r, and takes s B A out of W. IA3 (Liu et al. 2022) learns only scales. The others
    learn virtual tokens before the text: PROMPT_TUNING their embeddings (Lester et al. 2021), P_TUNING through a small network
    (Liu et al. 2021), PREFIX_TUNING keys and values in every layer (Li & Liang 2021).
    """
    from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig

    kind = recipe.peft_type
    if kind == "LORA":
        return LoraConfig(
            r=recipe.lora_r,
            lora_alpha=recipe.lora_alpha,  # type: ignore[arg-type]  # PEFT divides it; a float is as good
            lora_dropout=recipe.lora_dropout,
            target_modules=_targets(recipe.lora_target_modules, model),
            modules_to_save=list(getattr(model, "trained_whole", ())) or None,
            use_dora=recipe.use_dora,
            use_rslora=recipe.use_rslora,
            init_lora_weights=True if recipe.init_lora_weights == "gradient" else recipe.init_lora_weights,  # training turns A
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


def _targets(named: str | list[str], model: Any) -> str | list[str]:
    scope = getattr(model, "adapter_scope", None)
    if scope is None or (isinstance(named, str) and named != "all-linear"):
        return named
    inside = [name.rsplit(".", 1)[-1] for name in _linears(model.get_submodule(scope))]
    names = sorted(set(inside if isinstance(named, str) else named))
    return rf"{re.escape(scope)}\..*\.({'|'.join(map(re.escape, names))})"


def add_adapter(model: Any, recipe: Recipe) -> Any:
    """Freezes the model and puts the recipe's new adapter on it. Save it with `save_adapter`.

    Raises:
        SmolError: a target module that the model does not have, or an adapter that PEFT does not know for it.
    """
    import torch
    from peft import get_peft_model, get_peft_model_state_dict

    torch.manual_seed(recipe.seed)
    if recipe.peft_type == "LORA":
        _check_targets(model, recipe)
    try:
        adapted: Any = get_peft_model(model, adapter_config(recipe, model))
    except (ValueError, re.error) as error:
        if recipe.peft_type == "LORA":
            raise _no_target(model, recipe.lora_target_modules) from error
        reason = str(error).splitlines()[0][:200]
        raise SmolError(
            f"không gắn được {recipe.peft_type} vào mô hình này ({reason})",
            f"{recipe.peft_type} cannot be put on this model ({reason})",
            where="peft_type",
            fix="peft_type=LORA",
        ) from error
    if recipe.init_lora_weights == "olora":  # what was taken out of the base: `save_adapter` gives it back
        begun = get_peft_model_state_dict(adapted)
        adapted.olora_start = {key: value.clone() for key, value in begun.items() if "lora_A" in key or "lora_B" in key}
    return adapted


def _linears(model: Any) -> dict[str, Any]:
    from torch import nn

    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}


def _check_targets(model: Any, recipe: Recipe) -> None:
    """PEFT passes over a name in a list that fits nothing, and OLoRA cannot have more rank than a matrix has."""
    linears, targets = _linears(model), recipe.lora_target_modules
    for target in targets if isinstance(targets, list) else []:
        if not any(name == target or name.endswith(f".{target}") for name, _ in model.named_modules()):
            raise _no_target(model, target)
    smallest = min((min(linear.weight.shape) for linear in linears.values()), default=0)
    if recipe.init_lora_weights == "olora" and recipe.lora_r > smallest:
        raise SmolError(
            f"OLoRA cần lora_r không quá {smallest}, cạnh nhỏ nhất của các ma trận, không phải {recipe.lora_r}",
            f"OLoRA needs a lora_r of at most {smallest}, the smallest side of the matrices, not {recipe.lora_r}",
            where="lora_r",
            fix=f"lora_r={smallest}",
        )


def _no_target(model: Any, target: str | list[str]) -> SmolError:
    names = ", ".join(sorted({name.rsplit(".", 1)[-1] for name in _linears(model)}))
    return SmolError(
        f"mô hình không có module {target!r}; có: {names}",
        f"the model has no module {target!r}; there are: {names}",
        where="lora_target_modules",
        fix="lora_target_modules=all-linear",
    )


def save_adapter(model: Any, folder: Path) -> None:
    """Writes a trained adapter in PEFT's own files, for the base model as it was.

    OLoRA took s B0 A0 out of the base. What it learned, s (B A - B0 A0) = s [B, -B0] [A; A0], is plain LoRA of twice the rank on
    the untouched base, so that is what is saved: it loads everywhere, switches, stacks and merges like any other.
    """
    import torch

    model.save_pretrained(folder)
    start = getattr(model, "olora_start", None)
    if start is None:
        return
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / WEIGHTS)
    for key, first in start.items():
        first = first.to(weights[key])
        weights[key] = torch.cat([weights[key], first], dim=0) if "lora_A" in key else torch.cat([weights[key], -first], dim=1)
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    config = read_config(folder)
    scale = math.sqrt(2) if config["use_rslora"] else 2  # alpha / sqrt(r), or alpha / r, stays what it was
    config |= {"r": 2 * config["r"], "lora_alpha": config["lora_alpha"] * scale, "init_lora_weights": True}
    (folder / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")

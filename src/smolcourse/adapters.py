"""LoRA over PEFT: what is added to a model, as the recipe says."""

from typing import Any

import torch

from smolcourse.config import Recipe
from smolcourse.errors import SmolError


def add_adapter(model: Any, recipe: Recipe) -> Any:
    """Freezes the model and puts a new LoRA adapter on it (Hu et al. 2021): W x + (alpha / r) B A x, with B zero at the start.

    Raises:
        SmolError: a target module that the model does not have.
    """
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(recipe.seed)
    config = LoraConfig(
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha,  # type: ignore[arg-type]  # PEFT divides it; a float is as good
        lora_dropout=recipe.lora_dropout,
        target_modules=recipe.lora_target_modules,
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        linears = sorted(
            {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
        )
        raise SmolError(
            f"mô hình không có module {recipe.lora_target_modules!r}; có: {', '.join(linears)}",
            f"the model has no module {recipe.lora_target_modules!r}; there are: {', '.join(linears)}",
            where="lora_target_modules",
            fix="lora_target_modules=all-linear",
        ) from error

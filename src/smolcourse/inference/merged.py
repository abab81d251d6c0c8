"""Weights of linear layers with what PEFT's adapters make of them, so that a decoder multiplies once for both."""

from typing import Any

from torch import Tensor, nn


class Unsupported(Exception):
    """The model computes something that our decoder does not."""


def exactly(module: Any, kind: type) -> Any:
    """The module, if it is exactly of this kind: a subclass (quantised, wrapped) may compute something else."""
    if type(module) is not kind:
        raise Unsupported(type(module).__name__)
    return module


def weight_and_bias(module: Any) -> tuple[Tensor, Tensor | None]:
    """Weight [out, in] and bias of a linear layer, with what the adapters around it make of them.

    Raises:
        Unsupported: another kind of layer, or of adapter.
    """
    if hasattr(module, "lora_A"):
        return _with_lora(module)
    if hasattr(module, "ia3_l"):
        return _with_ia3(module)
    return exactly(module, nn.Linear).weight, module.bias


def _with_lora(module: Any) -> tuple[Tensor, Tensor | None]:
    """W + B A (Hu et al. 2021, eq. 3); DoRA gives each of its rows a learned length (Liu et al. 2024, eq. 5)."""
    from peft.tuners.lora import Linear
    from peft.tuners.lora.variants import DoraLinearVariant

    lora = exactly(module, Linear)
    base, bias = weight_and_bias(lora.get_base_layer())
    if lora.disable_adapters or lora.merged:
        return base, bias
    weight = base
    for name in lora.active_adapters:
        if name not in lora.lora_A:
            continue
        variant = lora.lora_variant.get(name)
        if lora.lora_bias.get(name) or not (variant is None or type(variant) is DoraLinearVariant):
            raise Unsupported("LoRA variant")
        change = lora.get_delta_weight(name).to(base.dtype)
        if variant is not None:
            rows = base + change
            change = rows * (lora.lora_magnitude_vector[name].weight / rows.norm(dim=1)).to(base.dtype)[:, None] - base
        weight = weight + change
    return weight, bias


def _with_ia3(module: Any) -> tuple[Tensor, Tensor | None]:
    """Rows, and the bias, times what was learned; columns where it is the input that is scaled (Liu et al. 2022, eq. 1)."""
    from peft.tuners.ia3 import Linear

    ia3 = exactly(module, Linear)
    weight, bias = weight_and_bias(ia3.get_base_layer())
    if ia3.disable_adapters or ia3.merged:
        return weight, bias
    for name in ia3.active_adapters:
        if name not in ia3.ia3_l:
            continue
        scale = ia3.ia3_l[name].flatten().to(weight.dtype)
        if ia3.is_feedforward:
            weight = weight * scale
        else:
            weight, bias = weight * scale[:, None], None if bias is None else bias * scale
    return weight, bias

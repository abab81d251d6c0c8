"""Products with frozen weights in int8: several times the fp32 rate where the processor has VNNI.

Symmetric quantisation to 8 bits: each row of the weight and each token of the other factor has its own scale (Dettmers et al.
2022, LLM.int8(), section 3, vector-wise); sums are exact in int32. A few inputs of a language model are far larger than the
rest and would leave them no bits, so each input is first divided by a power of its range and the weight's column multiplied by
it (Xiao et al. 2022, SmoothQuant, eq. 4, without the weight's part). Only weights that get no gradient are treated so, and
only in training: what is saved and what generates text is fp32.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from smolcourse.training.rowwise import arrays, by_kernel, kernels

SMOOTHING = 0.4  # the power; with none, outliers turn the gradient visibly away from that of fp32 (tests/training/test_int8.py)


class Int8(NamedTuple):
    """A weight [out, in] as whole numbers: W[o, i] is about values[o, i] * scale[o] * columns[i]."""

    values: Tensor
    scale: Tensor
    columns: Tensor


def quantise(x: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
    """Each row of x [N, K], its columns multiplied by `columns` [K], as int8 values [N, K] times a scale [N, 1]."""
    if by_kernel(x):
        values, scale = x.new_empty(x.shape, dtype=torch.int8), x.new_empty(x.shape[0], 1)
        kernels.quantise(*arrays(x, columns, values, scale.view(-1)))
        return values, scale
    x = x * columns
    scale = x.abs().amax(dim=-1, keepdim=True).clamp_(min=1e-20).div_(127)
    return (x / scale).round_().to(torch.int8), scale


def product(x: tuple[Tensor, Tensor], weight: Int8) -> Tensor:
    """x W^T [T, out], for x [T, in] quantised with the weight's columns."""
    values, scale = x
    sums = torch._int_mm(values, weight.values.t())
    if by_kernel(scale):
        out = scale.new_empty(sums.shape)
        kernels.scaled(*arrays(sums, scale.view(-1), weight.scale, out))
        return out
    return sums.to(scale.dtype).mul_(scale).mul_(weight.scale)


def product_backward(grad: Tensor, weight: Int8, into: Tensor | None) -> Tensor:
    """grad W [T, in], for grad [T, out], added to `into` where given. W's scales go into grad before it is rounded."""
    values, scale = quantise(grad, weight.scale)
    sums = torch._int_mm(values, weight.values)
    if into is None:
        into = grad.new_zeros(sums.shape)
    into = into.contiguous()
    if by_kernel(grad):
        kernels.add_scaled(*arrays(sums, scale.view(-1), weight.columns, into))
        return into
    return into.addcmul_(sums.to(grad.dtype).mul_(weight.columns), scale)


def attach(model: Any, input_ids: Tensor) -> None:
    """Gives each frozen linear layer under an adapter its int8 copy: a quarter of the layer's memory on top.

    Args:
        input_ids: [T] tokens like those of the training; the ranges of all inputs are read from one pass over them.
    """
    frozen = [module.base_layer for module in model.modules() if isinstance(getattr(module, "base_layer", None), nn.Linear)]
    ranges: dict[nn.Linear, Tensor] = {}

    def see(module: Any, inputs: tuple[Tensor, ...]) -> None:
        ranges[module] = inputs[0].detach().abs().flatten(0, -2).amax(dim=0)

    hooks = [linear.register_forward_pre_hook(see) for linear in frozen if not linear.weight.requires_grad]
    try:
        with torch.no_grad():
            model(input_ids=input_ids[None], logits_to_keep=1, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    for linear, seen in ranges.items():
        columns = seen.clamp(min=1e-4).pow(-SMOOTHING)
        values, scale = quantise(linear.weight.detach(), columns.reciprocal())
        linear.int8 = Int8(values, scale.view(-1), columns)  # type: ignore[assignment]

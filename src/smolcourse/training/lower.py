"""Products in bf16 where the processor has units for them (AMX, AVX-512 BF16); everything else stays fp32.

What learns is fp32, what is saved is fp32, and so is all that lies between two products: only the factors of a product are
rounded (mixed precision: Micikevicius et al. 2018, section 3.1), and its sums are fp32 inside the processor. A frozen weight is
rounded once; one that learns is rounded for each step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

ROWS = 32  # a step's rows have from some hundred tokens to a few hundred more


@contextmanager
def products(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """While it holds, every fp32 product may round its factors: to bf16 on a CPU, to TF32 on a GPU.

    Nothing for fp32, and nothing for a model to which `attach` was done: its layers round by themselves, and torch's way
    is no faster for what is left to it. Holds for the whole process, as torch's settings do.
    """
    backends: Any = torch.backends
    settings = [(backends.mkldnn.matmul, "bf16"), (backends.cuda.matmul, "tf32")]
    before = [setting.fp32_precision for setting, _ in settings]
    try:
        if dtype == torch.bfloat16 and not any(hasattr(module, "lower") for module in model.modules()):
            for setting, precision in settings:
                setting.fp32_precision = precision
        yield
    finally:
        for (setting, _), precision in zip(settings, before, strict=True):
            setting.fp32_precision = precision


def rounded(x: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """x [T, K] in `dtype`, with rows of zeros up to the next multiple of `ROWS`.

    For each new shape the library compiles its product anew, which takes longer than the product itself: few shapes are wanted.
    """
    rows = len(x) + -len(x) % ROWS
    out = x.new_empty(rows, x.shape[1], dtype=dtype)
    out[: len(x)] = x
    out[len(x) :] = 0
    return out


def attach(causal: Any, dtype: torch.dtype) -> None:
    """Lets the hand-written layers of a causal LM (`fused.py`) compute in `dtype`, with a copy of each frozen weight.

    The head keeps its fp32: a rounded logit is a wrong one by hundredths of a nat.
    """
    causal.lower = dtype
    for linear in causal.model.modules():
        if type(linear) is nn.Linear and not linear.weight.requires_grad:
            linear.lower = linear.weight.detach().to(dtype)


def copy(causal: Any, linear: Any) -> torch.Tensor | None:
    """A linear layer's weight as `attach` wants it multiplied; None where it is fp32."""
    dtype = getattr(causal, "lower", None)
    if dtype is None:
        return None
    kept: torch.Tensor | None = getattr(linear, "lower", None)
    return linear.weight.detach().to(dtype) if kept is None else kept

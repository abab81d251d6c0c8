"""Products in bf16 where the processor has units for them (AMX, AVX-512 BF16).

Their factors are rounded, and their sums are fp32 inside the processor (mixed precision: Micikevicius et al. 2018, section
3.1). In the hand-written layers (`fused.py`) what lies between two products stays rounded; the residual stream, attention
scores and logits are fp32, and so is all that learns and all that is saved. A frozen weight is rounded once; one that learns,
for each step.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from smolcourse.training.joined import base_of
from smolcourse.training.joined import linears as grouped
from smolcourse.training.rowwise import softmax_minus

# For each new shape the library compiles its product anew, which takes longer than the product itself: few shapes are wanted.
ROWS = 32  # a step's rows have from some hundred tokens to a few hundred more


@contextmanager
def _rounding(*settings: tuple[Any, str]) -> Iterator[None]:
    """While it holds, fp32 products may round their factors so. For the whole process, as torch's settings are."""
    before = [setting.fp32_precision for setting, _ in settings]
    try:
        for setting, precision in settings:
            setting.fp32_precision = precision
        yield
    finally:
        for (setting, _), precision in zip(settings, before, strict=True):
            setting.fp32_precision = precision


def factors(dtype: torch.dtype | None) -> AbstractContextManager[None]:
    """While it holds, products of fp32 on a CPU round their factors to bf16 where `dtype` is that; sums stay fp32."""
    backends: Any = torch.backends
    return _rounding((backends.mkldnn.matmul, "bf16")) if dtype == torch.bfloat16 else nullcontext()


@contextmanager
def products(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """While it holds, every fp32 product may round its factors: to bf16 on a CPU, to TF32 on a GPU.

    Nothing for fp32, and nothing for a model to which `attach` was done: its layers round by themselves, and torch's way
    is no faster for what is left to it.
    """
    backends: Any = torch.backends
    if dtype == torch.bfloat16 and not any(hasattr(module, "lower") for module in model.modules()):
        with _rounding((backends.mkldnn.matmul, "bf16"), (backends.cuda.matmul, "tf32")):
            yield
    else:
        yield


def filling(tokens: int) -> int:
    """How many tokens more than these a row should have, for `products` of few shapes; 0 where nothing is rounded."""
    backends: Any = torch.backends
    return -tokens % ROWS if backends.mkldnn.matmul.fp32_precision == "bf16" else 0


def attach(causal: Any, dtype: torch.dtype) -> None:
    """Lets the hand-written layers of a causal LM (`fused.py`) compute in `dtype`, with a copy of each frozen weight.

    Layers that read the same input have one copy, on the first of them. Logits keep their fp32, by `Head`: a rounded one is
    wrong by hundredths of a nat.
    """
    causal.lower = dtype
    for linears in (*(group for layer in causal.model.layers for group in grouped(layer)), [causal.lm_head]):
        bases = [base_of(linear) for linear in linears]
        if not any(base.weight.requires_grad for base in bases) and not any(hasattr(linear, "ia3_l") for linear in linears):
            bases[0].lower = together([base.weight for base in bases], dtype)


def copy(causal: Any, linears: Sequence[Any], weights: Sequence[Tensor]) -> Tensor | None:
    """Weights of linear layers that read the same input, one below the other as `attach` wants them; None where they are fp32."""
    dtype = getattr(causal, "lower", None)
    if dtype is None:
        return None
    kept: Tensor | None = getattr(base_of(linears[0]), "lower", None)
    return together(weights, dtype) if kept is None else kept


def together(weights: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
    """The weights in `dtype`, one below the other."""
    out = weights[0].new_empty(sum(map(len, weights)), weights[0].shape[1], dtype=dtype)
    for part, weight in zip(torch.split(out, [len(weight) for weight in weights]), weights, strict=True):
        part.copy_(weight.detach())
    return out


class Head:
    """Logits of an output layer and what goes back through them, a few rows at a time in the same memory.

    Where `low` holds the weight [V, D] once more in bf16, the factors of products are rounded to it; logits are fp32 sums.
    """

    def __init__(self, weight: Tensor, low: Tensor | None, rows: int) -> None:
        """Takes up to `rows` rows at a time."""
        self.weight, self.low = weight, low
        self.step = 1 if low is None else ROWS
        self.memory = weight.new_empty(-(-rows // self.step) * self.step, len(weight))
        self.dtype = None if low is None else low.dtype
        self.rounded = None if low is None else torch.zeros_like(self.memory, dtype=low.dtype)

    def read(self, hidden: Tensor, labels: Tensor, scale: Tensor) -> Tensor:
        """log p(label) [m] at hidden states [m, D]; what follows takes scale [m] times the gradient of -log p."""
        rows = -(-len(hidden) // self.step) * self.step
        self.count, self.rows = len(hidden), rows
        self.hidden = hidden if rows == len(hidden) else nn.functional.pad(hidden, (0, 0, 0, rows - len(hidden)))
        with factors(self.dtype):
            torch.mm(self.hidden, self.weight.t(), out=self.memory[:rows])
        rounded = None if self.rounded is None else self.rounded[: self.count]
        return softmax_minus(self.memory[: self.count], labels, scale, rounded)

    def to_hidden(self) -> Tensor:
        """The gradient of the hidden states [m, D]."""
        if self.low is None or self.rounded is None:
            return self.memory[: self.count] @ self.weight
        return (self.rounded[: self.rows] @ self.low)[: self.count].to(self.weight.dtype)

    def add_to_weight(self, total: Tensor) -> None:
        """Adds the gradient of the weight to `total`."""
        with factors(self.dtype):
            total.addmm_(self.memory[: self.rows].t(), self.hidden)  # rows filled up: what is there times zero

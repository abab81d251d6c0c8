"""Linear layers that read the same input, as one: q, k and v; gate and up. Fewer, larger products, and fewer passes over memory.

The layers' outputs stand side by side in one matrix [T, out], and so do their gradients. LoRA pairs are joined too: the A of all
one below the other [R, in], and one B [R, out] with each layer's own, times its scale, where its rows and its columns meet
(Hu et al. 2021, eq. 3). With DoRA each output has a gain: its magnitude over the length of its row of weights (Liu et al. 2024,
eq. 5).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from smolcourse.training.int8 import Int8, product, product_backward, quantise

GROUPS = (
    ("self_attn", ("q_proj", "k_proj", "v_proj")),
    ("self_attn", ("o_proj",)),
    ("mlp", ("gate_proj", "up_proj")),
    ("mlp", ("down_proj",)),
)
Some = Sequence[Tensor | None]


def linears(layer: Any) -> list[list[Any]]:
    """A decoder layer's linear layers, by what they read, with what PEFT has put around them."""
    return [[getattr(getattr(layer, parent), name) for name in names] for parent, names in GROUPS]


def base_of(linear: Any) -> Any:
    """The linear layer itself, without what PEFT has put around it."""
    return linear if type(linear) is nn.Linear else linear.base_layer


def row_norms(weight: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
    """|W + s B A| of each row [out], a constant to the gradient (DoRA: Liu et al. 2024, section 4.3). B A is never made."""
    with torch.no_grad():
        cross = (b * (weight @ a.t())).sum(dim=1)
        own = ((b @ (a @ a.t())) * b).sum(dim=1)
        return (weight.square().sum(dim=1) + 2 * scale * cross + scale**2 * own).sqrt()


@dataclass(frozen=True)
class Joined:
    """A group, without its tensors that learn: y = x W^T (+ LoRA), forward and backward."""

    sizes: list[int]
    """Outputs of each layer."""
    scales: list[float]
    """Of each layer's LoRA pair."""
    fast: Tensor | list[Int8] | None
    """The weights once more, rounded for fast products: joined, in the dtype that x is then in; or each in int8."""

    def gain(self, gains: Some) -> Tensor | None:
        """What each number of y is multiplied with in the end [out]; None where there is no DoRA."""
        there = next((gain for gain in gains if gain is not None), None)
        if there is None:
            return None
        return torch.cat([there.new_ones(size) if gain is None else gain for gain, size in zip(gains, self.sizes, strict=True)])

    def low_rank(self, a: Some, b: Some, dtype: torch.dtype) -> tuple[Tensor, Tensor] | None:
        """A [R, in] and B [R, out] of all layers that have a pair; None where none has."""
        there = [one for one in a if one is not None]
        if not there:
            return None
        joined_a = torch.cat(there).to(dtype)
        joined_b = joined_a.new_zeros(len(joined_a), sum(self.sizes))
        for block, one, scale in zip(self._blocks(joined_b, a), b, self.scales, strict=True):
            if block is not None and one is not None:
                block.copy_(one.t()).mul_(scale)
        return joined_a, joined_b

    def _blocks(self, joined: Tensor, a: Some) -> Iterator[Tensor | None]:
        """The part of each layer in something like the joined B."""
        row = column = 0
        for one, size in zip(a, self.sizes, strict=True):
            rank = 0 if one is None else len(one)
            yield joined[row : row + rank, column : column + size] if rank else None
            row, column = row + rank, column + size

    def forward(self, x: Tensor, weights: Sequence[Tensor], pair: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor | None]:
        """y [T, out], and x A^T [T, R], which the gradient of B needs."""
        if isinstance(self.fast, Tensor):
            y = x @ self.fast.t()
        elif self.fast is None and len(weights) == 1:
            y = x @ weights[0].t()
        else:
            y = x.new_empty(len(x), sum(self.sizes))
            rounded = quantise(x, self.fast[0].columns) if self.fast else None
            for number, (part, weight) in enumerate(zip(torch.split(y, self.sizes, dim=1), weights, strict=True)):
                if rounded and self.fast:
                    part.copy_(product(rounded, self.fast[number]))
                else:
                    torch.mm(x, weight.t(), out=part)
        if pair is None:
            return y, None
        inner = x @ pair[0].t()
        return y.addmm_(inner, pair[1]), inner

    def to_input(
        self, grad: Tensor, weights: Sequence[Tensor], pair: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor | None]:
        """The gradients of x and of x A^T, for that of y."""
        if isinstance(self.fast, Tensor):
            grad_x = grad @ self.fast
        elif self.fast is None and len(weights) == 1:
            grad_x = grad @ weights[0]
        else:
            grad_x = grad.new_zeros(len(grad), weights[0].shape[1])
            for number, (part, weight) in enumerate(zip(torch.split(grad, self.sizes, dim=1), weights, strict=True)):
                grad_x = product_backward(part, self.fast[number], grad_x) if self.fast else grad_x.addmm_(part, weight)
        if pair is None:
            return grad_x, None
        grad_inner = grad @ pair[1].t()
        return grad_x.addmm_(grad_inner, pair[0]), grad_inner

    def to_weights(self, grad: Tensor, x: Tensor, needed: Sequence[bool]) -> Some:
        """The gradient of each weight that needs one."""
        if not any(needed):
            return [None] * len(needed)
        if all(needed):
            return torch.split(grad.t() @ x, self.sizes)
        return [part.t() @ x if need else None for part, need in zip(torch.split(grad, self.sizes, dim=1), needed, strict=True)]

    def to_pairs(self, grad: Tensor, x: Tensor, inner: Tensor | None, grad_inner: Tensor | None, a: Some) -> tuple[Some, Some]:
        """The gradient of each A, and of each B."""
        if inner is None or grad_inner is None:
            return [None] * len(a), [None] * len(a)
        ranks = [0 if one is None else len(one) for one in a]
        parts_a = torch.split(grad_inner.t() @ x, ranks)
        blocks = self._blocks(inner.t() @ grad, a)
        parts_b = [None if block is None else block.t() * scale for block, scale in zip(blocks, self.scales, strict=True)]
        return [part if rank else None for part, rank in zip(parts_a, ranks, strict=True)], parts_b

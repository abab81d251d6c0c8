"""What a decoder layer does row by row: RMSNorm, SwiGLU and softmax, forward and backward.

On a CPU by `kernels.py`, one pass over memory each; elsewhere by tensor operations, with the same results.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smolcourse.training import kernels as compiled

kernels: Any = compiled  # numba's functions have no types


EITHER = (torch.float32, torch.bfloat16)
"""Dtypes of what lies between two products."""


def by_kernel(x: Tensor, dtypes: Sequence[torch.dtype] = (torch.float32,)) -> bool:
    """Whether x is one that the kernels take."""
    return x.device.type == "cpu" and x.dtype in dtypes


def arrays(*tensors: Tensor) -> list[Any]:
    """The same memory as numpy arrays, rows one after another; bf16 as int16. What lies otherwise is copied: not for results."""
    whole = (tensor.detach().contiguous() for tensor in tensors)
    return [(tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy() for tensor in whole]


def same_threads() -> None:
    """Gives the kernels as many threads as torch has. Holds for the calling thread."""
    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]


def add(x: Tensor, y: Tensor) -> Tensor:
    """x + y in x's dtype."""
    if by_kernel(x) and by_kernel(y, EITHER):
        out = torch.empty_like(x)
        kernels.add(*arrays(x, y, out))
        return out
    return x + y.to(x.dtype)


def norm(x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """RMSNorm (Zhang & Sennrich 2019) of x [T, D]: the normed x in `dtype`, and 1/rms [T, 1]."""
    if by_kernel(x) and dtype in EITHER:
        out, inverse = x.new_empty(x.shape, dtype=dtype), x.new_empty(x.shape[0], 1)
        kernels.norm(*arrays(x, weight), np.float32(eps), *arrays(out, inverse.view(-1)))
        return out, inverse
    inverse = x.square().mean(dim=-1, keepdim=True).add_(eps).rsqrt_()
    return (x * inverse).mul_(weight).to(dtype), inverse


def norm_backward(grad: Tensor, x: Tensor, weight: Tensor, inverse: Tensor, rest: Tensor) -> tuple[Tensor, Tensor]:
    """rest + the gradient of RMSNorm, dx = r (g w - n mean(g w n)) with n = x r: in the dtype of x, and in that of `grad`."""
    if by_kernel(x) and by_kernel(grad, EITHER):
        out = torch.empty_like(x)
        low = out if grad.dtype == x.dtype else torch.empty_like(grad)
        kernels.norm_backward(*arrays(grad, x, weight, inverse.view(-1), rest, out, low))
        return out, low
    n, g = x * inverse, grad * weight
    dot = (g * n).mean(dim=-1, keepdim=True)
    out = torch.addcmul(g, n, dot, value=-1).mul_(inverse).add_(rest)
    return out, out.to(grad.dtype)


class Spots(NamedTuple):
    """Where each token's numbers stand among examples that are laid out [S, heads, L, E] one behind the other, as rows of E.

    Its head h stands in row `heads * first + rest + h * step`: first, rest, step [T].
    """

    first: Tensor
    rest: Tensor
    step: Tensor

    def rows(self, heads: int) -> Tensor:
        """Of each token and head [T, heads]."""
        return (heads * self.first + self.rest)[:, None] + torch.arange(heads, device=self.step.device) * self.step[:, None]


def spread(x: Tensor, index: Tensor, heads: int, dtype: torch.dtype) -> Tensor:
    """Each example's tokens, head by head, in `dtype`: x [T, heads E] -> [S, heads, L, E]; zeros where `index` [S, L] is -1."""
    out = x.new_empty(len(index), heads, index.shape[1], x.shape[1] // heads, dtype=dtype)
    if by_kernel(x, EITHER) and dtype in EITHER:
        kernels.spread(*arrays(x, index, out))
        return out
    found = x.view(len(x), heads, -1)[index.clamp(min=0)]
    return out.copy_(found.masked_fill((index < 0)[:, :, None, None], 0).transpose(1, 2))


def collect(flat: Tensor, spots: Spots, out: Tensor) -> Tensor:
    """Fills the first rows of `out` [N, heads E] with the tokens that stand in `flat` [rows, E]."""
    if by_kernel(flat, EITHER) and by_kernel(out, EITHER):
        kernels.collect(*arrays(flat, *spots, out))
        return out
    out[: len(spots.first)] = flat[spots.rows(out.shape[1] // flat.shape[1])].flatten(1)
    return out


def gather(flat: Tensor, starts: Tensor, spots: Spots, out: Tensor) -> Tensor:
    """The same where a token stands in several places, token i at spots `starts[i]` to `starts[i + 1]`: their sum."""
    if by_kernel(flat, EITHER) and by_kernel(out, EITHER):
        kernels.gather(*arrays(flat, starts, *spots, out))
        return out
    tokens = torch.arange(len(starts) - 1, device=flat.device).repeat_interleave(starts.diff())
    found = flat[spots.rows(out.shape[1] // flat.shape[1])].flatten(1)
    exact = torch.promote_types(found.dtype, torch.float32)
    return out.copy_(out.to(exact).index_add_(0, tokens, found.to(exact)))


def rotate(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor, *, heads: int | None = None, of: int = 0, at: int = 0) -> Tensor:
    """Rotary embedding (Su et al. 2021, eq. 34) of heads that stand side by side; the inverse takes -sin.

    Args:
        x: [T, ...]: the heads' numbers, from column `of` on.
        cos, sin: [T, E/2].
        out: [T, ...]: where they go, from column `at` on; filled and returned.
        heads: how many; as many as fill `out` where None.
    """
    half = cos.shape[1]
    width = out.shape[1] if heads is None else heads * 2 * half
    if by_kernel(x, EITHER) and by_kernel(out, EITHER) and by_kernel(cos) and out.is_contiguous():
        kernels.rotate(*arrays(x, cos, sin), *arrays(out), of, at, width)
        return out
    source, cos, sin = x[:, of : of + width].to(cos.dtype).reshape(len(x), -1, 2, half), cos[:, None], sin[:, None]
    one, other = source[:, :, 0], source[:, :, 1]
    out[:, at : at + width] = torch.stack([one * cos - other * sin, other * cos + one * sin], dim=2).flatten(1)
    return out


def swiglu(both: Tensor) -> Tensor:
    """silu(gate) * up (Shazeer 2020) of [T, 2 F], gate before up."""
    if by_kernel(both, EITHER):
        out = both.new_empty(len(both), both.shape[1] // 2)
        kernels.swiglu(*arrays(both, out))
        return out
    gate, up = both.chunk(2, dim=-1)
    return F.silu(gate).mul_(up)


def swiglu_backward(grad: Tensor, both: Tensor) -> tuple[Tensor, Tensor]:
    """The gradient of gate and up [T, 2 F], and silu(gate) * up once more."""
    to_both, active = torch.empty_like(both), torch.empty_like(grad)
    if by_kernel(both, EITHER):
        kernels.swiglu_backward(*arrays(grad, both, to_both, active))
        return to_both, active
    gate, up = both.chunk(2, dim=-1)
    to_gate, to_up = to_both.chunk(2, dim=-1)
    to_up.copy_(F.silu(gate)).mul_(grad)
    to_gate.copy_(torch.ops.aten.silu_backward(grad * up, gate))
    return to_both, swiglu(both)


def softmax(scores: Tensor, reach: Tensor, factor: float, dtype: torch.dtype) -> Tensor:
    """softmax(factor * scores) over the first `reach` of the last dimension, 0 behind them, in `dtype`; overwrites `scores`.

    scores [S, G, J L, K], reach [S, L].
    """
    if by_kernel(scores) and dtype in EITHER:
        scores = scores.contiguous()
        weights = scores if dtype == scores.dtype else torch.empty_like(scores, dtype=dtype)
        kernels.softmax(*arrays(scores, reach), np.float32(factor), *arrays(weights))
        return weights
    scores = scores.mul_(factor).masked_fill_(~seen(scores.shape[2], scores.shape[3], reach), float("-inf"))
    return torch.softmax(scores, dim=-1).to(dtype)


def seen(rows: int, keys: int, reach: Tensor) -> Tensor:
    """Which keys each query sees [S, 1, J L, K], for J L rows."""
    among = torch.arange(keys, device=reach.device) < reach.unsqueeze(-1)
    return among.repeat(1, rows // reach.shape[1], 1).unsqueeze(1)


def softmax_backward(grad: Tensor, weights: Tensor, factor: float) -> Tensor:
    """Gradient of `scores` in `softmax`; overwrites `grad`, that of the weights."""
    if by_kernel(grad, EITHER):
        grad = grad.contiguous()
        rows = [tensor.reshape(-1, tensor.shape[-1]) for tensor in (grad, weights)]
        kernels.softmax_backward(*arrays(*rows), np.float32(factor))
        return grad
    dot = (grad * weights).sum(dim=-1, keepdim=True)
    return grad.sub_(dot).mul_(weights).mul_(factor)


def softmax_minus(logits: Tensor, labels: Tensor, scale: Tensor, low: Tensor | None = None) -> Tensor:
    """log softmax(logits) at the labels [M]; `logits` [M, V] become scale * (softmax - one-hot), and `low` that in its dtype.

    With scale 1 that is the gradient of the summed cross entropy.
    """
    if by_kernel(logits) and logits.is_contiguous() and (low is None or low.dtype == torch.bfloat16):
        logps = logits.new_empty(len(logits))
        rounded = logits[:0] if low is None else low
        kernels.softmax_minus(*arrays(logits, labels, scale.to(logits.dtype).expand(len(labels)), rounded, logps))
        return logps
    labels = labels.unsqueeze(1)
    logits.sub_(logits.amax(dim=1, keepdim=True))
    chosen = logits.gather(1, labels)
    total = logits.exp_().sum(dim=1, keepdim=True)
    scale = scale.to(logits.dtype).expand(len(labels)).unsqueeze(1)
    logits.mul_(scale / total).scatter_add_(1, labels, -scale)
    if low is not None:
        low.copy_(logits)
    return (chosen - total.log()).squeeze(1)

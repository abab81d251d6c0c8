"""What a decoder layer does row by row: RMSNorm, SwiGLU and softmax, forward and backward.

On a CPU in fp32 by `kernels.py`, one pass over memory each; elsewhere by tensor operations, with the same results.
"""

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from smolcourse.training import kernels as compiled

kernels: Any = compiled  # numba's functions have no types


def by_kernel(x: Tensor) -> bool:
    """Whether x is one that the kernels take."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def arrays(*tensors: Tensor) -> list[Any]:
    """The same memory as numpy arrays, rows one after another. A tensor that lies otherwise is copied: not for results."""
    return [tensor.detach().contiguous().numpy() for tensor in tensors]


def same_threads() -> None:
    """Gives the kernels as many threads as torch has. Holds for the calling thread."""
    numba.set_num_threads(min(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]


def norm(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """RMSNorm (Zhang & Sennrich 2019) of x [T, D]: the normed x, and 1/rms [T, 1]."""
    if by_kernel(x):
        out, inverse = x.new_empty(x.shape), x.new_empty(x.shape[0], 1)
        kernels.norm(*arrays(x, weight), np.float32(eps), *arrays(out, inverse.view(-1)))
        return out, inverse
    inverse = x.square().mean(dim=-1, keepdim=True).add_(eps).rsqrt_()
    return (x * inverse).mul_(weight), inverse


def norm_backward(grad: Tensor, x: Tensor, weight: Tensor, inverse: Tensor, rest: Tensor) -> Tensor:
    """rest + the gradient of RMSNorm, dx = r (g w - n mean(g w n)) with n = x r; overwrites `grad`."""
    if by_kernel(x) and grad.is_contiguous():
        kernels.norm_backward(*arrays(grad, x, weight, inverse.view(-1), rest))
        return grad
    n = x * inverse
    grad.mul_(weight)
    dot = (grad * n).mean(dim=-1, keepdim=True)
    return torch.addcmul(grad, n, dot, value=-1).mul_(inverse).add_(rest)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """silu(gate) * up (Shazeer 2020)."""
    if by_kernel(gate):
        out = gate.new_empty(gate.shape)
        kernels.swiglu(*arrays(gate, up, out))
        return out
    return F.silu(gate).mul_(up)


def swiglu_backward(grad: Tensor, gate: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients of gate and up."""
    to_gate, to_up = gate.new_empty(gate.shape), gate.new_empty(gate.shape)
    if by_kernel(gate):
        kernels.swiglu_backward(*arrays(grad, gate, up, to_gate, to_up))
        return to_gate, to_up
    torch.mul(F.silu(gate), grad, out=to_up)
    to_gate.copy_(torch.ops.aten.silu_backward(grad * up, gate))
    return to_gate, to_up


def softmax(scores: Tensor, reach: Tensor, factor: float) -> Tensor:
    """softmax(factor * scores) over the first `reach` of the last dimension, 0 behind them; overwrites `scores`.

    scores [S, G, J L, K], reach [S, L].
    """
    if by_kernel(scores):
        scores = scores.contiguous()
        kernels.softmax(*arrays(scores, reach), np.float32(factor))
        return scores
    return torch.softmax(scores.mul_(factor).masked_fill_(~seen(scores.shape[2], scores.shape[3], reach), float("-inf")), dim=-1)


def seen(rows: int, keys: int, reach: Tensor) -> Tensor:
    """Which keys each query sees [S, 1, J L, K], for J L rows."""
    among = torch.arange(keys, device=reach.device) < reach.unsqueeze(-1)
    return among.repeat(1, rows // reach.shape[1], 1).unsqueeze(1)


def softmax_backward(grad: Tensor, weights: Tensor, factor: float) -> Tensor:
    """Gradient of `scores` in `softmax`; overwrites `grad`, that of the weights."""
    if by_kernel(grad):
        grad = grad.contiguous()
        rows = [tensor.reshape(-1, tensor.shape[-1]) for tensor in (grad, weights)]
        kernels.softmax_backward(*arrays(*rows), np.float32(factor))
        return grad
    dot = (grad * weights).sum(dim=-1, keepdim=True)
    return grad.sub_(dot).mul_(weights).mul_(factor)

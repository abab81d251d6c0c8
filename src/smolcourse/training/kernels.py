"""The row-by-row work of a decoder layer on a CPU, each piece one pass over memory, compiled by numba: no C++ compiler is needed.

A tensor operation reads and writes whole matrices, and a few thousand multiplications later it is memory that all wait for.
Here each row is finished while it lies in the cache. All arrays are fp32 with their rows one after another; rows are shared out
over the threads. The same sums as tensor operations stand in `rowwise.py` and `int8.py`; tests hold the two against each other.
"""

# mypy: disable-error-code="no-untyped-def"
# (numba reads the types from the arrays it is given)

import numpy as np
from numba import njit, prange

_ONE = np.float32(1)
_TINY = np.float32(1e-20)
_SIGN = np.int32(0x7FFFFFFF)


@njit(inline="always")
def _highest(row):
    """max |row|: of positive floats the greater has the greater bits, and whole numbers are compared several at a time."""
    bits = row.view(np.int32)
    found = np.int32(0)
    for j in range(len(bits)):
        found = max(found, bits[j] & _SIGN)
    return np.array([found], dtype=np.int32).view(np.float32)[0]


@njit(parallel=True, fastmath=True, cache=True)
def quantise(x, columns, values, scale):
    """x [N, K], each column times its number, as values [N, K] between -127 and 127 times scale [N]."""
    for i in prange(x.shape[0]):
        row, out = x[i] * columns, values[i]
        step = max(_highest(row), _TINY) / np.float32(127)
        scale[i] = step
        factor = _ONE / step
        for j in range(len(row)):
            out[j] = np.int8(np.int32(np.rint(row[j] * factor)))


@njit(parallel=True, fastmath=True, cache=True)
def scaled(sums, rows, columns, out):
    """out [N, M] = sums times a number for each row and one for each column."""
    for i in prange(sums.shape[0]):
        line, target, factor = sums[i], out[i], rows[i]
        for j in range(len(line)):
            target[j] = np.float32(line[j]) * factor * columns[j]


@njit(parallel=True, fastmath=True, cache=True)
def add_scaled(sums, rows, columns, out):
    """The same, added to out."""
    for i in prange(sums.shape[0]):
        line, target, factor = sums[i], out[i], rows[i]
        for j in range(len(line)):
            target[j] += np.float32(line[j]) * factor * columns[j]


@njit(parallel=True, fastmath=True, cache=True)
def norm(x, weight, eps, out, inverse):
    """`rowwise.norm`."""
    for i in prange(x.shape[0]):
        row, target = x[i], out[i]
        total = np.float32(0)
        for j in range(len(row)):
            total += row[j] * row[j]
        factor = _ONE / np.sqrt(total / np.float32(len(row)) + eps)
        inverse[i] = factor
        for j in range(len(row)):
            target[j] = row[j] * factor * weight[j]


@njit(parallel=True, fastmath=True, cache=True)
def norm_backward(grad, x, weight, inverse, rest):
    """`rowwise.norm_backward`; the result stands in grad."""
    for i in prange(x.shape[0]):
        row, line, other, factor = x[i], grad[i], rest[i], inverse[i]
        dot = np.float32(0)
        for j in range(len(row)):
            dot += line[j] * weight[j] * row[j]
        dot *= factor * factor / np.float32(len(row))
        for j in range(len(row)):
            line[j] = (line[j] * weight[j] - row[j] * dot) * factor + other[j]


@njit(inline="always", fastmath=True)
def _exp(row, shift, sign, out, bits):
    """e^(sign (x - shift)) of a row: `out` times the floats of `bits`; 2^f by its Taylor series (|f| <= 1/2), and 2^n."""
    for j in range(len(row)):
        t = min(max((row[j] - shift) * (sign * np.float32(1.442695041)), np.float32(-80)), np.float32(80))
        whole = np.rint(t)
        f = (t - whole) * np.float32(0.6931471806)
        g = np.float32(1 / 24) + f * (np.float32(1 / 120) + f * np.float32(1 / 720))
        out[j] = _ONE + f * (_ONE + f * (np.float32(1 / 2) + f * (np.float32(1 / 6) + f * g)))
        bits[j] = (np.int32(whole) + np.int32(127)) << np.int32(23)


@njit(inline="always", fastmath=True)
def _sigmoid(row, out):
    bits = np.empty(len(row), dtype=np.int32)
    power = bits.view(np.float32)
    _exp(row, np.float32(0), np.float32(-1), out, bits)
    for j in range(len(row)):
        out[j] = _ONE / (_ONE + out[j] * power[j])


@njit(parallel=True, fastmath=True, cache=True)
def swiglu(gate, up, out):
    """`rowwise.swiglu`."""
    for i in prange(gate.shape[0]):
        g, u, target = gate[i], up[i], out[i]
        _sigmoid(g, target)
        for j in range(len(g)):
            target[j] *= g[j] * u[j]


@njit(parallel=True, fastmath=True, cache=True)
def swiglu_backward(grad, gate, up, grad_gate, grad_up):
    """`rowwise.swiglu_backward`."""
    for i in prange(gate.shape[0]):
        line, g, u, to_gate, to_up = grad[i], gate[i], up[i], grad_gate[i], grad_up[i]
        sigmoid = np.empty(len(g), dtype=np.float32)
        _sigmoid(g, sigmoid)
        for j in range(len(g)):
            s = sigmoid[j]
            silu = g[j] * s
            to_up[j] = line[j] * silu
            to_gate[j] = line[j] * u[j] * (s + silu * (_ONE - s))


@njit(parallel=True, fastmath=True, cache=True)
def softmax(scores, reach, factor):
    """`rowwise.softmax`."""
    samples, groups, rows, _ = scores.shape
    for i in prange(samples * groups * rows):
        sample, row = i // (groups * rows), i % rows
        whole = scores[sample, i // rows % groups, row]
        end = reach[sample, row % reach.shape[1]]
        line = whole[:end]
        bits = np.empty(len(line), dtype=np.int32)
        power = bits.view(np.float32)
        highest = np.float32(-3e38)
        for j in range(len(line)):
            line[j] *= factor
            highest = max(highest, line[j])
        _exp(line, highest, _ONE, line, bits)
        total = np.float32(0)
        for j in range(len(line)):
            line[j] *= power[j]
            total += line[j]
        total = _ONE / total
        for j in range(len(line)):
            line[j] *= total
        whole[end:] = np.float32(0)


@njit(parallel=True, fastmath=True, cache=True)
def softmax_backward(grad, weights, factor):
    """`rowwise.softmax_backward`, with grad and weights [N, K]."""
    for i in prange(grad.shape[0]):
        line, weight = grad[i], weights[i]
        dot = np.float32(0)
        for j in range(len(line)):
            dot += line[j] * weight[j]
        for j in range(len(line)):
            line[j] = (line[j] - dot) * weight[j] * factor

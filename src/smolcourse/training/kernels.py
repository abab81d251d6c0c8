"""The row-by-row work of a decoder layer on a CPU, each piece one pass over memory, compiled by numba: no C++ compiler is needed.

A tensor operation reads and writes whole matrices, and a few thousand multiplications later it is memory that all wait for.
Here each row is finished while it lies in the cache. Arrays have their rows one after another, which are shared out over the
threads; they are fp32, and where `_floats`, `_copy` or `_put` stand, bf16 too. The compiler makes vector instructions of plain
loops that write to one array and compare nothing: so there are many short loops. The same sums as tensor operations stand in
`rowwise.py` and `int8.py`; tests hold the two against each other.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
# (numba reads the types from the arrays it is given)

import numpy as np
from numba import njit, prange, types
from numba.extending import overload

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


@njit(inline="always")
def _largest(row):
    """max of a row. Floats are ordered as whole numbers are, once the bits of negative ones are turned round."""
    bits = row.view(np.int32)
    found = np.int32(-(2**31))
    for j in range(len(bits)):
        found = max(found, bits[j] ^ ((bits[j] >> np.int32(31)) & _SIGN))
    found ^= (found >> np.int32(31)) & _SIGN
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


def _copy(row, target):
    """Copies a row, fp32 or bf16, to one that is either."""


@overload(_copy, inline="always")
def _copy_of(row, target):
    if row.dtype == target.dtype:

        def same(row, target):
            for j in range(len(target)):
                target[j] = row[j]

        return same
    if target.dtype == types.float32:

        def widened(row, target):
            bits = target.view(np.int32)
            for j in range(len(target)):
                bits[j] = np.int32(row[j]) << np.int32(16)

        return widened

    def rounded(row, target):
        bits = row.view(np.uint32)
        for j in range(len(target)):  # halves go to the even neighbour
            odd = (bits[j] >> np.uint32(16)) & np.uint32(1)
            target[j] = np.int16((bits[j] + np.uint32(0x7FFF) + odd) >> np.uint32(16))

    return rounded


def _floats(row):
    """A row as fp32: itself, or what bf16 stands for. bf16 is the upper half of fp32, handed over as whole numbers."""


@overload(_floats, inline="always")
def _floats_of(row):
    if row.dtype == types.float32:
        return lambda row: row

    def widened(row):
        out = np.empty(len(row), dtype=np.float32)
        _copy(row, out)
        return out

    return widened


def _space(target):
    """Where a row of fp32 that ends in `target` is made."""


@overload(_space, inline="always")
def _space_of(target):
    if target.dtype == types.float32:
        return lambda target: target
    return lambda target: np.empty(len(target), dtype=np.float32)


def _put(row, target):
    """Copies a row that was made in `_space(target)` there: nothing to do where that is the target itself."""


@overload(_put, inline="always")
def _put_in(row, target):
    if target.dtype == types.float32:
        return lambda row, target: None
    return lambda row, target: _copy(row, target)


@njit(parallel=True, fastmath=True, cache=True)
def add(x, y, out):
    """out = x + y; y may be bf16."""
    for i in prange(x.shape[0]):
        row, other, target = x[i], _floats(y[i]), out[i]
        for j in range(len(row)):
            target[j] = row[j] + other[j]


@njit(parallel=True, fastmath=True, cache=True)
def norm(x, weight, eps, out, inverse):
    """`rowwise.norm`."""
    for i in prange(x.shape[0]):
        row, target = x[i], _space(out[i])
        total = np.float32(0)
        for j in range(len(row)):
            total += row[j] * row[j]
        factor = _ONE / np.sqrt(total / np.float32(len(row)) + eps)
        inverse[i] = factor
        for j in range(len(row)):
            target[j] = row[j] * factor * weight[j]
        _put(target, out[i])


@njit(parallel=True, fastmath=True, cache=True)
def norm_backward(grad, x, weight, inverse, rest, out, low):
    """`rowwise.norm_backward`: the result as `out`, and as `low`."""
    for i in prange(x.shape[0]):
        row, line, other, factor, target = x[i], _floats(grad[i]), rest[i], inverse[i], out[i]
        dot = np.float32(0)
        for j in range(len(row)):
            dot += line[j] * weight[j] * row[j]
        dot *= factor * factor / np.float32(len(row))
        for j in range(len(row)):
            target[j] = (line[j] * weight[j] - row[j] * dot) * factor + other[j]
        _copy(target, low[i])


@njit(parallel=True, fastmath=True, cache=True)
def rotate(x, cos, sin, out, of, at, width):
    """`rowwise.rotate`."""
    half = cos.shape[1]
    for i in prange(x.shape[0]):
        row, c, s = _floats(x[i, of : of + width]), cos[i], sin[i]
        target = _space(out[i, at : at + width])
        for start in range(0, width, 2 * half):
            one, other = row[start : start + half], row[start + half : start + 2 * half]
            first, second = target[start : start + half], target[start + half : start + 2 * half]
            for j in range(half):
                first[j] = one[j] * c[j] - other[j] * s[j]
            for j in range(half):
                second[j] = other[j] * c[j] + one[j] * s[j]
        _put(target, out[i, at : at + width])


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
def swiglu(both, out):
    """`rowwise.swiglu`."""
    for i in prange(both.shape[0]):
        row, target = _floats(both[i]), _space(out[i])
        half = len(row) // 2
        g, u = row[:half], row[half:]
        _sigmoid(g, target)
        for j in range(len(g)):
            target[j] *= g[j] * u[j]
        _put(target, out[i])


@njit(parallel=True, fastmath=True, cache=True)
def swiglu_backward(grad, both, to_both, active):
    """`rowwise.swiglu_backward`."""
    for i in prange(both.shape[0]):
        line, row = _floats(grad[i]), _floats(both[i])
        back, again = _space(to_both[i]), _space(active[i])
        half = len(line)
        g, u, to_gate, to_up = row[:half], row[half:], back[:half], back[half:]
        sigmoid = np.empty(half, dtype=np.float32)
        _sigmoid(g, sigmoid)
        for j in range(half):
            again[j] = g[j] * sigmoid[j]
        for j in range(half):
            to_up[j] = line[j] * again[j]
        for j in range(half):
            to_gate[j] = line[j] * u[j] * (sigmoid[j] + again[j] * (_ONE - sigmoid[j]))
        for j in range(half):
            again[j] *= u[j]
        _put(back, to_both[i])
        _put(again, active[i])


@njit(parallel=True, fastmath=True, cache=True)
def softmax(scores, reach, factor, weights):
    """`rowwise.softmax`; `weights` may be `scores`."""
    samples, groups, rows, _ = scores.shape
    for i in prange(samples * groups * rows):
        sample, group, row = i // (groups * rows), i // rows % groups, i % rows
        end = reach[sample, row % reach.shape[1]]
        line, whole = scores[sample, group, row, :end], weights[sample, group, row]
        bits = np.empty(len(line), dtype=np.int32)
        power = bits.view(np.float32)
        for j in range(len(line)):
            line[j] *= factor
        highest = _largest(line)
        _exp(line, highest, _ONE, line, bits)
        total = np.float32(0)
        for j in range(len(line)):
            line[j] *= power[j]
            total += line[j]
        total = _ONE / total
        for j in range(len(line)):
            line[j] *= total
        _copy(line, whole[:end])
        for j in range(end, len(whole)):
            whole[j] = 0


@njit(parallel=True, fastmath=True, cache=True)
def softmax_backward(grad, weights, factor):
    """`rowwise.softmax_backward`, with grad and weights [N, K]."""
    for i in prange(grad.shape[0]):
        line, weight, target = _floats(grad[i]), _floats(weights[i]), _space(grad[i])
        dot = np.float32(0)
        for j in range(len(line)):
            dot += line[j] * weight[j]
        for j in range(len(line)):
            target[j] = (line[j] - dot) * weight[j] * factor
        _put(target, grad[i])


@njit(parallel=True, fastmath=True, cache=True)
def spread(x, index, out):
    """`rowwise.spread`."""
    samples, heads, length, size = out.shape
    for i in prange(samples * length):
        sample, place = i // length, i % length
        token = index[sample, place]
        for head in range(heads):
            target = out[sample, head, place]
            if token < 0:
                target[:] = 0
            else:
                _copy(x[token, head * size : (head + 1) * size], target)


@njit(parallel=True, fastmath=True, cache=True)
def collect(flat, first, rest, step, out):
    """`rowwise.collect`."""
    size = flat.shape[1]
    heads = out.shape[1] // size
    for i in prange(len(first)):
        for head in range(heads):
            _copy(flat[heads * first[i] + rest[i] + head * step[i]], out[i, head * size : (head + 1) * size])


@njit(parallel=True, fastmath=True, cache=True)
def gather(flat, starts, first, rest, step, out):
    """`rowwise.gather`."""
    size = flat.shape[1]
    heads = out.shape[1] // size
    for i in prange(len(starts) - 1):
        total, one = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.float32)
        for head in range(heads):
            total[:] = 0
            for spot in range(starts[i], starts[i + 1]):
                _copy(flat[heads * first[spot] + rest[spot] + head * step[spot]], one)
                for j in range(size):
                    total[j] += one[j]
            _copy(total, out[i, head * size : (head + 1) * size])


_PIECE = 1024  # numbers of a long row at a time


@njit(parallel=True, fastmath=True, cache=True)
def softmax_minus(logits, labels, scale, low, logps):
    """`rowwise.softmax_minus`; `low` has no rows where nobody wants it."""
    for i in prange(logits.shape[0]):
        row, label = logits[i], labels[i]
        highest = _largest(row)
        at_label = row[label] - highest
        total = np.float32(0)
        bits = np.empty(_PIECE, dtype=np.int32)
        power = bits.view(np.float32)
        for start in range(0, len(row), _PIECE):
            piece = row[start : start + _PIECE]
            _exp(piece, highest, _ONE, piece, bits)
            for j in range(len(piece)):
                piece[j] *= power[j]
                total += piece[j]
        logps[i] = at_label - np.log(total)
        factor = scale[i] / total
        for j in range(len(row)):
            row[j] *= factor
        row[label] -= scale[i]
        if low.shape[0]:
            _copy(row, low[i])

"""Each kernel equals the same sum in tensor operations."""

from collections.abc import Iterator

import pytest
import torch

from smolcourse.training import rowwise


@pytest.fixture(autouse=True)
def seed() -> Iterator[None]:
    torch.manual_seed(0)
    rowwise.same_threads()
    yield


dtypes = pytest.mark.parametrize("dtype", rowwise.EITHER, ids=["fp32", "bf16"])


def near(dtype: torch.dtype, rtol: float = 1e-5, atol: float = 1e-5) -> dict[str, float]:
    """Within what sums in another order change; of bf16, within one step of it."""
    return {"rtol": rtol, "atol": atol} if dtype == torch.float32 else {"rtol": 2**-7, "atol": 1e-5}


def both(monkeypatch: pytest.MonkeyPatch, function: str, *arguments: object) -> tuple[object, object]:
    """The function's result by kernel, and by tensor operations, on copies: some overwrite what they are given."""

    def call() -> object:
        copies = [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments]
        return getattr(rowwise, function)(*copies)

    kernel = call()
    monkeypatch.setattr(rowwise, "by_kernel", lambda *_: False)
    return kernel, call()


@dtypes
def test_norm(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    kernel, plain = both(monkeypatch, "norm", torch.randn(7, 48) * 5, torch.rand(48), 1e-5, dtype)
    torch.testing.assert_close(kernel, plain, **near(dtype, atol=1e-6))


@dtypes
def test_norm_backward(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    x, weight = torch.randn(7, 48), torch.rand(48)
    _, inverse = rowwise.norm(x, weight, 1e-5, dtype)
    kernel, plain = both(monkeypatch, "norm_backward", torch.randn(7, 48, dtype=dtype), x, weight, inverse, torch.randn(7, 48))
    assert isinstance(kernel, tuple) and [each.dtype for each in kernel] == [torch.float32, dtype]
    torch.testing.assert_close(kernel, plain, **near(dtype))


@dtypes
@pytest.mark.parametrize("size", [0.1, 5.0, 200.0], ids=["small", "usual", "huge"])
def test_swiglu_and_its_gradient(monkeypatch: pytest.MonkeyPatch, size: float, dtype: torch.dtype) -> None:
    sides = (torch.cat([torch.randn(9, 33) * size, torch.randn(9, 33)], dim=1).to(dtype), torch.randn(9, 33).to(dtype))
    kernel, plain = both(monkeypatch, "swiglu", sides[0])
    torch.testing.assert_close(kernel, plain, **near(dtype, atol=1e-6))
    monkeypatch.undo()
    kernel, plain = both(monkeypatch, "swiglu_backward", sides[1], sides[0])
    torch.testing.assert_close(kernel, plain, **near(dtype, rtol=1e-4))  # 1 - sigmoid cancels where the gate is huge


@dtypes
def test_add(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    kernel, plain = both(monkeypatch, "add", torch.randn(7, 48), torch.randn(7, 48).to(dtype))
    assert isinstance(kernel, torch.Tensor) and kernel.dtype == torch.float32
    torch.testing.assert_close(kernel, plain)


@dtypes
def test_rotate(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    x, angles = torch.randn(7, 40).to(dtype), torch.rand(7, 4) * 6
    out = torch.zeros(7, 32, dtype=dtype)

    def turned() -> torch.Tensor:
        part = rowwise.rotate(x, angles.cos(), angles.sin(), out.clone(), heads=3, of=8, at=4)
        return rowwise.rotate(part, angles.cos(), -angles.sin(), torch.zeros(7, 24), of=4)

    kernel = turned()
    # rounded in between, a sum of two numbers loses as much as the greater of them
    torch.testing.assert_close(kernel, x[:, 8:32].float(), rtol=1e-5, atol=1e-5 if dtype == torch.float32 else 2e-2)
    monkeypatch.setattr(rowwise, "by_kernel", lambda *_: False)
    torch.testing.assert_close(turned(), kernel, **near(dtype))


def test_bf16_is_rounded_as_torch_rounds_it() -> None:
    x = torch.cat([torch.randn(999) * 10.0**5, torch.tensor([1 + 2**-8])])[None]  # the last lies between two neighbours
    out, _ = rowwise.norm(x, torch.ones(1000), 0.0, torch.bfloat16)
    whole, _ = rowwise.norm(x, torch.ones(1000), 0.0, torch.float32)
    assert torch.equal(out, whole.bfloat16())


def test_softmax_and_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, reach = torch.randn(2, 3, 10, 11) * 10, torch.tensor([[1, 6, 3, 4, 6], [11, 11, 1, 2, 10]], dtype=torch.int32)
    kernel, plain = both(monkeypatch, "softmax", scores, reach, 0.125, torch.float32)
    assert isinstance(kernel, torch.Tensor) and isinstance(plain, torch.Tensor)
    torch.testing.assert_close(kernel, plain, rtol=1e-5, atol=1e-7)
    assert not kernel[0, :, :, 6:].any()  # exactly 0: nothing leaks from one example into another
    monkeypatch.undo()
    rounded = rowwise.softmax(scores.clone(), reach, 0.125, torch.bfloat16)
    assert torch.equal(rounded, plain.bfloat16()) or (rounded.float() - plain).abs().max() <= 2**-8
    low = both(monkeypatch, "softmax_backward", torch.randn(2, 3, 10, 11).bfloat16(), rounded, 0.125)
    torch.testing.assert_close(*low, rtol=2**-6, atol=2e-3)  # tensor operations round between their steps
    monkeypatch.undo()
    gradients = both(monkeypatch, "softmax_backward", torch.randn(2, 3, 10, 11), plain, 0.125)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


@dtypes
def test_tokens_go_to_examples_and_back(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """Two examples of two heads; token 0 stands in both, token 3 in the second alone, token 4 in none."""
    x, index = torch.randn(5, 6), torch.tensor([[0, 1, -1], [2, 0, 3]])
    first, rest = torch.tensor([0, 3, 0, 3, 3]), torch.tensor([0, 1, 1, 0, 2])
    spots = rowwise.Spots(first, rest, torch.full((5,), 3))  # in the order of their tokens: 0, 0, 1, 2, 3
    once = rowwise.Spots(*(part[[0, 2, 3, 4]] for part in spots))
    starts = torch.tensor([0, 2, 3, 4, 5])
    for kernel in (True, False):
        monkeypatch.setattr(rowwise, "by_kernel", lambda x, *_, kernel=kernel: kernel)
        out = rowwise.spread(x, index, 2, dtype)
        assert out.dtype == dtype and not out[0, :, 2].any()
        assert torch.equal(out[1].transpose(0, 1).flatten(1), x[[2, 0, 3]].to(dtype))
        flat = out.view(-1, 3)
        summed = rowwise.gather(flat, starts, spots, torch.zeros(5, 6))
        torch.testing.assert_close(summed[:4], x[:4].to(dtype).float() * torch.tensor([[2.0], [1], [1], [1]]))
        assert not summed[4].any()
        collected = rowwise.collect(flat, once, torch.zeros(6, 6, dtype=dtype))
        assert torch.equal(collected[:4], x[:4].to(dtype)) and not collected[4:].any()


@pytest.mark.parametrize("rounded", [False, True], ids=["fp32", "bf16 too"])
def test_softmax_minus_one_hot(monkeypatch: pytest.MonkeyPatch, rounded: bool) -> None:
    logits, labels, scale = torch.randn(5, 2100) * 20, torch.tensor([0, 7, 1023, 1024, 2099]), torch.rand(5)
    found = []
    for kernel in (True, False):
        monkeypatch.setattr(rowwise, "by_kernel", lambda x, *_, kernel=kernel: kernel)
        gradient, low = logits.clone(), torch.empty(5, 2100, dtype=torch.bfloat16) if rounded else None
        logps = rowwise.softmax_minus(gradient, labels, scale, low)
        assert low is None or torch.equal(low, gradient.bfloat16())
        found.append((logps, gradient))
    torch.testing.assert_close(*found, rtol=1e-5, atol=1e-6)
    one_hot = torch.nn.functional.one_hot(labels, 2100)
    torch.testing.assert_close(found[0][1], scale[:, None] * (logits.softmax(dim=1) - one_hot), rtol=1e-4, atol=1e-6)


def test_what_the_kernels_do_not_take_goes_the_other_way() -> None:
    assert rowwise.by_kernel(torch.zeros(1))
    assert not rowwise.by_kernel(torch.zeros(1, dtype=torch.bfloat16))
    assert not rowwise.by_kernel(torch.zeros(1, device="meta"))
    x = torch.randn(4, 48, dtype=torch.float64)
    normed, _ = rowwise.norm(x, torch.ones(48, dtype=torch.float64), 0.0, torch.float64)
    torch.testing.assert_close(normed.square().mean(dim=-1), torch.ones(4, dtype=torch.float64))
    transposed = torch.randn(48, 4).t()  # its rows do not lie one after another
    torch.testing.assert_close(
        rowwise.norm(transposed, torch.ones(48), 0.0, torch.float32)[0],
        rowwise.norm(transposed.contiguous(), torch.ones(48), 0.0, torch.float32)[0],
    )

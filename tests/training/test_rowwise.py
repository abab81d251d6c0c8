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


def both(monkeypatch: pytest.MonkeyPatch, function: str, *arguments: object) -> tuple[object, object]:
    """The function's result by kernel, and by tensor operations, on copies: some overwrite what they are given."""

    def call() -> object:
        copies = [value.clone() if isinstance(value, torch.Tensor) else value for value in arguments]
        return getattr(rowwise, function)(*copies)

    kernel = call()
    monkeypatch.setattr(rowwise, "by_kernel", lambda x: False)
    return kernel, call()


def test_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, plain = both(monkeypatch, "norm", torch.randn(7, 48) * 5, torch.rand(48), 1e-5)
    torch.testing.assert_close(kernel, plain, rtol=1e-5, atol=1e-6)


def test_norm_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = torch.randn(7, 48), torch.rand(48)
    _, inverse = rowwise.norm(x, weight, 1e-5)
    kernel, plain = both(monkeypatch, "norm_backward", torch.randn(7, 48), x, weight, inverse, torch.randn(7, 48))
    torch.testing.assert_close(kernel, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [0.1, 5.0, 200.0], ids=["small", "usual", "huge"])
def test_swiglu_and_its_gradient(monkeypatch: pytest.MonkeyPatch, size: float) -> None:
    gate, up, grad = torch.randn(9, 33) * size, torch.randn(9, 33), torch.randn(9, 33)
    kernel, plain = both(monkeypatch, "swiglu", gate, up)
    torch.testing.assert_close(kernel, plain, rtol=1e-5, atol=1e-6)
    monkeypatch.undo()
    kernel, plain = both(monkeypatch, "swiglu_backward", grad, gate, up)
    torch.testing.assert_close(kernel, plain, rtol=1e-4, atol=1e-5)  # 1 - sigmoid cancels where the gate is huge


def test_softmax_and_its_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, reach = torch.randn(2, 3, 10, 11) * 10, torch.tensor([[1, 6, 3, 4, 6], [11, 11, 1, 2, 10]], dtype=torch.int32)
    kernel, plain = both(monkeypatch, "softmax", scores, reach, 0.125)
    assert isinstance(kernel, torch.Tensor) and isinstance(plain, torch.Tensor)
    torch.testing.assert_close(kernel, plain, rtol=1e-5, atol=1e-7)
    assert not kernel[0, :, :, 6:].any()  # exactly 0: nothing leaks from one example into another
    monkeypatch.undo()
    gradients = both(monkeypatch, "softmax_backward", torch.randn(2, 3, 10, 11), plain, 0.125)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-6)


def test_what_the_kernels_do_not_take_goes_the_other_way() -> None:
    assert rowwise.by_kernel(torch.zeros(1))
    assert not rowwise.by_kernel(torch.zeros(1, dtype=torch.bfloat16))
    assert not rowwise.by_kernel(torch.zeros(1, device="meta"))
    x = torch.randn(4, 48, dtype=torch.float64)
    normed, _ = rowwise.norm(x, torch.ones(48, dtype=torch.float64), 0.0)
    torch.testing.assert_close(normed.square().mean(dim=-1), torch.ones(4, dtype=torch.float64))
    transposed = torch.randn(48, 4).t()  # its rows do not lie one after another
    torch.testing.assert_close(
        rowwise.norm(transposed, torch.ones(48), 0.0)[0], rowwise.norm(transposed.contiguous(), torch.ones(48), 0.0)[0]
    )

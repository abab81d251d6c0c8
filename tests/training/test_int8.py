"""int8 products are near the fp32 ones, outliers or not, and only what is frozen is rounded."""

from pathlib import Path

import pytest
import torch

from smolcourse.training import fused, int8
from smolcourse.training.packing import collate
from tests.training.test_fused import examples, gradients, model_of


def with_outliers(rows: int, columns: int) -> torch.Tensor:
    torch.manual_seed(0)
    x = torch.randn(rows, columns)
    x[:, 3] *= 60
    return x


@pytest.mark.parametrize("kernel", [True, False], ids=["kernel", "tensor operations"])
def test_products_are_within_two_percent(monkeypatch: pytest.MonkeyPatch, kernel: bool) -> None:
    if not kernel:
        monkeypatch.setattr(int8, "by_kernel", lambda *_: False)
    x, matrix, grad = with_outliers(40, 96), torch.randn(64, 96), torch.randn(40, 64)
    columns = x.abs().amax(dim=0).pow(-int8.SMOOTHING)
    values, scale = int8.quantise(matrix, columns.reciprocal())
    weight = int8.Int8(values, scale.view(-1), columns)
    wanted = x @ matrix.t()
    got = int8.product(int8.quantise(x, columns), weight)
    assert (got - wanted).norm() < 0.02 * wanted.norm()
    base = torch.randn(40, 96)
    back = int8.product_backward(grad, weight, base.clone())
    assert (back - base - grad @ matrix).norm() < 0.02 * (grad @ matrix).norm()
    torch.testing.assert_close(int8.product_backward(grad, weight, None), back - base, rtol=1e-4, atol=1e-4)


def test_dividing_by_the_range_keeps_what_an_outlier_would_drown() -> None:
    x, matrix = with_outliers(40, 96), torch.randn(64, 96)
    x[:, 3] *= 10
    quiet = x.clone()
    quiet[:, 3] = 0  # what the other inputs say

    def error(columns: torch.Tensor) -> float:
        values, scale = int8.quantise(x, columns)
        rounded = values * scale / columns
        rounded[:, 3] = 0
        return float(((rounded - quiet) @ matrix.t()).norm() / (quiet @ matrix.t()).norm())

    assert error(x.abs().amax(dim=0).pow(-int8.SMOOTHING)) < 0.5 * error(torch.ones(96))


def test_a_zero_row_stays_zero() -> None:
    values, scale = int8.quantise(torch.zeros(2, 8), torch.ones(8))
    assert not (values * scale).any() and torch.isfinite(scale).all()


def test_lora_gradients_point_the_same_way(tiny_model: Path) -> None:
    batch = collate(examples(6))
    scale = torch.tensor(1 / len(batch["labels"]))
    exact, rounded = model_of(tiny_model, "lora"), model_of(tiny_model, "lora")
    int8.attach(rounded, batch["input_ids"])
    losses = [fused.packed_loss(model, batch, scale) for model in (exact, rounded)]
    for loss in losses:
        loss.backward()
    assert losses[0] != losses[1]
    torch.testing.assert_close(losses[1], losses[0], rtol=0.02, atol=0)
    ours, wanted = (torch.cat([gradient.flatten() for gradient in gradients(model).values()]) for model in (rounded, exact))
    assert torch.cosine_similarity(ours, wanted, dim=0) > 0.98


def test_trained_weights_are_never_rounded(tiny_model: Path) -> None:
    model = model_of(tiny_model, "full")
    int8.attach(model, torch.arange(20))
    assert not any(hasattr(module, "int8") for module in model.modules())
    lora = model_of(tiny_model, "lora on some")
    before = {name: weight.clone() for name, weight in lora.state_dict().items()}
    int8.attach(lora, torch.arange(20))
    rounded = [name for name, module in lora.named_modules() if hasattr(module, "int8")]
    assert rounded and all(name.split(".")[-2] in ("q_proj", "down_proj") for name in rounded)
    assert lora.state_dict().keys() == before.keys()
    assert all(torch.equal(lora.state_dict()[name], weight) for name, weight in before.items())

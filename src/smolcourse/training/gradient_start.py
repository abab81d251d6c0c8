"""Where LoRA begins to look: A along the directions of its input that the loss's first gradient lies in, not at random.

The gradient of a frozen weight W is G = sum_t g_t x_t^T over tokens t, with g the gradient at its output and x its input. B sees
G through A only: its first step follows G A^T, and what of G lies outside A's rows waits until A has turned there. LoRA-GA (Wang
et al. 2024, arXiv:2407.05000, section 3.2) begins with singular vectors of G on both sides and takes their product out of W. Here
A alone begins so, with the right ones, and B with zero: the model begins as it was, and the result is plain LoRA for its base.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from smolcourse.training.loop import RunTrainer

ROWS = 8  # packed rows that G is summed over
_SPARE = 8  # directions more than asked, for the accuracy of the randomised decomposition (Halko et al. 2011, section 1.3)


def aim(trainer: RunTrainer, first_row: int = 0) -> float:
    """Turns every A of a fresh adapter to the leading right singular vectors of its weight's gradient, as long as it was.

    Args:
        first_row: of those that the gradient is taken over.

    Costs one backward pass over `ROWS` rows with gradients of the frozen weights, and their memory.

    Returns:
        Seconds it took: they belong to the training.
    """
    begun = time.monotonic()
    model: Any = trainer.model
    layers = [module for module in model.modules() if hasattr(module, "lora_A") and len(module.lora_A)]
    weights = [layer.get_base_layer().weight for layer in layers]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.train()
    _learn(weights, instead_of=trained)
    dataset: Any = trainer.train_dataset
    trainer.step_values.append({})  # what is computed here is no step
    for row in range(first_row, min(first_row + ROWS, len(dataset))):
        batch = trainer._prepare_inputs(trainer.data_collator([dataset[row]]))
        loss: torch.Tensor = trainer.compute_loss(model, batch)  # type: ignore[assignment]  # alone, unless outputs are asked for
        loss.backward()  # type: ignore[no-untyped-call]
    trainer.step_values.pop()
    _learn(trained, instead_of=weights)
    with torch.no_grad():
        for layer, weight in zip(layers, weights, strict=True):
            a = layer.lora_A[layer.active_adapters[0]].weight
            if weight.grad is not None:
                count = min(len(a), *weight.shape)
                _, _, directions = torch.svd_lowrank(weight.grad.float(), q=min(count + _SPARE, *weight.shape), niter=2)
                a[:count] = directions[:, :count].t() * a.norm(dim=1, keepdim=True)[:count]
            weight.grad = None
    return time.monotonic() - begun


def _learn(parameters: list[torch.Tensor], *, instead_of: list[torch.Tensor]) -> None:
    for parameter in instead_of:
        parameter.requires_grad_(False)
    for parameter in parameters:
        parameter.requires_grad_(True)

"""Adapters beside one another, and beside their base: how differently they speak, and how far apart their weights lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smolcourse.adapters.wearing import stack, switch

if TYPE_CHECKING:
    from torch import Tensor

BASE = "base"


@dataclass(frozen=True)
class Difference:
    """How two adapters on one base, or an adapter and the base, differ on some text."""

    first: str
    second: str
    kl: float
    """Mean over the tokens of KL(first || second) of what comes next, in nats."""
    agreement: float
    """Share of the tokens after which both find the same token likeliest."""
    distance: float | None
    """||W1 - W2|| / ||W|| over the matrices that LoRA changes (Frobenius); None where not weights are changed."""


def compare(model: Any, input_ids: Tensor, *, begin: int = 1) -> list[Difference]:
    """Every pair among the base and the adapters on a model. Which adapter is active does not change.

    Args:
        input_ids: [T] a text to compare on.
        begin: the first token whose prediction counts: where the answer begins.
    """
    import torch

    active = list(model.active_adapters)
    says, names = {}, [BASE, *model.peft_config]
    with torch.no_grad():
        for name in names:
            if name != BASE:
                switch(model, name)
            with model.disable_adapter() if name == BASE else nullcontext():
                logits = model(input_ids=input_ids[None]).logits[0, -len(input_ids) :][begin - 1 :]  # virtual tokens come before
                says[name] = logits.float().log_softmax(dim=-1)
    stack(model, active)
    pairs = [(first, second) for place, first in enumerate(names) for second in names[place + 1 :]]
    return [
        Difference(
            first,
            second,
            kl=float((says[first].exp() * (says[first] - says[second])).sum(dim=-1).mean().clamp(min=0)),
            agreement=float((says[first].argmax(dim=-1) == says[second].argmax(dim=-1)).float().mean()),
            distance=_distance(model, [name for name in (first, second) if name != BASE]),
        )
        for first, second in pairs
    ]


def _distance(model: Any, names: Sequence[str]) -> float | None:
    """Of one adapter from the base, or of two from each other; adapters that learn lengths too (DoRA) have no such number."""
    from peft.tuners.lora import LoraLayer

    apart = whole = 0.0
    layers: list[Any] = [module for module in model.modules() if isinstance(module, LoraLayer)]
    for layer in layers:
        if any(layer.lora_variant.get(name) for name in names):
            return None
        changes = [layer.get_delta_weight(name) for name in names if name in layer.lora_A]
        if changes:
            apart += float((changes[0] - sum(changes[1:])).detach().norm()) ** 2
            whole += float(layer.get_base_layer().weight.detach().norm()) ** 2
    return math.sqrt(apart / whole) if whole else None

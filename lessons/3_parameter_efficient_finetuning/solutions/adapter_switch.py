"""Each adapter goes in and comes out with its own scale, and never goes in twice."""

from torch import Tensor


def switch(weight: Tensor, merged: str | None, wanted: str | None, adapters: dict[str, tuple[Tensor, Tensor, float]]) -> Tensor:
    def update(name: str) -> Tensor:
        a, b, alpha = adapters[name]
        return alpha / a.shape[0] * (b @ a)

    if merged == wanted:
        return weight.clone()
    base = weight if merged is None else weight - update(merged)
    return base.clone() if wanted is None else base + update(wanted)

"""From logits to the next token: the most likely one, or one drawn at a temperature from the top of the distribution."""

import numpy as np
import torch
from torch import Tensor

from smolcourse.errors import SmolError


def check(temperature: float, top_p: float, *max_new_tokens: int) -> None:
    """Raises `SmolError` for settings outside their range (NaN included)."""
    if not 0.0 <= temperature <= 100.0:
        raise SmolError(
            "temperature phải từ 0 đến 100", "temperature must lie between 0 and 100", where=f"temperature={temperature}"
        )
    if not 0.0 < top_p <= 1.0:
        raise SmolError("top_p phải lớn hơn 0 và không quá 1", "top_p must be above 0 and at most 1", where=f"top_p={top_p}")
    if smallest := [limit for limit in max_new_tokens if limit < 1]:
        raise SmolError(
            "max_new_tokens phải từ 1 trở lên", "max_new_tokens must be at least 1", where=f"max_new_tokens={min(smallest)}"
        )


def uniforms(seed: int, index: int, count: int) -> Tensor:
    """Draws for one sequence, [count] in [0, 1). They depend on the seed and its index alone, not on who shares its batch."""
    return torch.from_numpy(np.random.default_rng([abs(seed), index]).random(count))


def pick(logits: Tensor, draws: Tensor, temperature: float, top_p: float) -> Tensor:
    """Chooses one token a row.

    Args:
        logits: [n, vocabulary].
        draws: [n] uniform in [0, 1); not looked at when `temperature` is 0.
        temperature: 0 takes the most likely token; else logits are divided by it before the softmax.
        top_p: draw from the smallest set of most likely tokens that holds this much probability (Holtzman et al. 2020, eq. 2).

    Returns:
        ids [n].
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    probabilities, ids = (logits.double() / temperature).softmax(dim=-1).sort(dim=-1, descending=True)
    cumulative = probabilities.cumsum(dim=-1)
    # The token that crosses top_p is still in: what counts is the mass before it.
    kept = probabilities.masked_fill(cumulative - probabilities >= top_p, 0.0).cumsum(dim=-1)
    wanted = draws.to(logits.device, torch.float64)[:, None] * kept[:, -1:]
    place = torch.searchsorted(kept, wanted, right=True).clamp_(max=logits.shape[-1] - 1)
    return ids.gather(1, place)[:, 0]

"""The mask without its first entry, read as positions: entry j of it speaks of token j + 1."""

from torch import Tensor


def shift(input_ids: Tensor, loss_mask: Tensor) -> tuple[Tensor, Tensor]:
    positions = loss_mask[1:].nonzero().squeeze(1)
    return positions, input_ids[1:][positions]

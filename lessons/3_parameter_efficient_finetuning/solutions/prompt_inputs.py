"""The learned vectors are read (mask 1) and never asked for (label -100)."""

import torch
from torch import Tensor


def prompt_inputs(prompt: Tensor, embeddings: Tensor, labels: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, extra = labels.shape[0], prompt.shape[0]
    return (
        torch.cat([prompt.expand(rows, -1, -1), embeddings], dim=1),
        torch.cat([labels.new_full((rows, extra), -100), labels], dim=1),
        torch.cat([attention_mask.new_ones(rows, extra), attention_mask], dim=1),
    )

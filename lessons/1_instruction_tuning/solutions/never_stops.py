"""What is padding is known from the lengths, not from the token: the end of turn has the same number."""

from typing import Any

import torch
from torch import Tensor


def collate(rows: list[dict[str, Any]], pad_id: int) -> dict[str, Tensor]:
    longest = max(len(row["input_ids"]) for row in rows)
    input_ids = torch.full((len(rows), longest), pad_id)
    labels = torch.full((len(rows), longest), -100)
    attention_mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for number, row in enumerate(rows):
        tokens = torch.tensor(row["input_ids"])
        input_ids[number, : len(tokens)] = tokens
        labels[number, : len(tokens)] = tokens.masked_fill(torch.tensor(row["loss_mask"]) == 0, -100)
        attention_mask[number, : len(tokens)] = 1
    return {"input_ids": input_ids, "labels": labels, "attention_mask": attention_mask}

# vi 🦁 never_stops: loss giảm rất đẹp, nhưng mô hình nói mãi không dừng. Tìm lỗi.
# vi Hàm bên dưới chạy được và trông hợp lý, nhưng có lỗi. Sửa rồi chạy: smol check never_stops
# vi Bài học: smol learn 1 silent      Gợi ý: smol hint never_stops
# en 🦁 never_stops: the loss falls nicely, yet the model never stops talking. Find out why.
# en The function below runs and looks reasonable. It is wrong. Mend it, then run: smol check never_stops
# en Lesson: smol learn 1 silent      Hint: smol hint never_stops

from typing import Any

import torch
from torch import Tensor


def collate(rows: list[dict[str, Any]], pad_id: int) -> dict[str, Tensor]:
    """Pads rows of tokens to one length, for a model that shifts labels by itself.

    Args:
        rows: each {"input_ids", "loss_mask"}, lists of one length per row.
        pad_id: what fills the end of short rows. For SmolLM2 that is `<|im_end|>`, the end of turn.

    Returns:
        input_ids, labels, attention_mask, each [B, T]; labels are -100 where a token carries no loss.
    """
    longest = max(len(row["input_ids"]) for row in rows)
    input_ids = torch.full((len(rows), longest), pad_id)
    labels = torch.full((len(rows), longest), -100)
    for number, row in enumerate(rows):
        tokens = torch.tensor(row["input_ids"])
        input_ids[number, : len(tokens)] = tokens
        labels[number, : len(tokens)] = tokens.masked_fill(torch.tensor(row["loss_mask"]) == 0, -100)
    labels[input_ids == pad_id] = -100
    attention_mask = (input_ids != pad_id).long()
    return {"input_ids": input_ids, "labels": labels, "attention_mask": attention_mask}

import torch
from torch import Tensor


def merge(table: Tensor, input_ids: Tensor, images: Tensor, image_id: int) -> Tensor:
    place = input_ids == image_id
    if int(place.sum()) != len(images):
        raise ValueError(f"{int(place.sum())} places for {len(images)} image tokens")
    embedded = table[input_ids.masked_fill(place, 0)]
    rows = [row.masked_scatter(here.unsqueeze(-1), images) for row, here in zip(embedded, place, strict=True)]
    return torch.stack(rows)

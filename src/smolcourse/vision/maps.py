"""Where a model looks, and what its answer needs: two maps over a picture, as PNG.

The attention map says from which patches the answer's tokens read; that is no proof that the answer depends on them. The ablation
map is one: parts of the picture are hidden in turn, and the answer becomes less likely where something it needs was hidden.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from smolcourse.assets.cache import plain_disk_errors
from smolcourse.data.images import open_image
from smolcourse.errors import SmolError
from smolcourse.vision.pixels import Array
from smolcourse.vision.processor import VlmProcessor
from smolcourse.vision.projector import pixel_unshuffle

if TYPE_CHECKING:
    from PIL.Image import Image

_TOGETHER = 8  # hidden versions of a picture that are read at once
_SHOWN_SIDE = 448  # pixels that the shorter side of a drawn picture has at least
_MORE, _LESS = (220, 30, 30), (30, 80, 220)


@dataclass(frozen=True)
class Look:
    """One picture, one question, and what the maps say."""

    answer: str
    score: float
    """log p(answer | picture, question), nats."""
    on_picture: float
    """Share of the answer's attention that goes to the picture."""
    attention: Array
    """[patches a side, patches a side]; adds up to 1."""
    ablation: Array
    """[blocks, blocks]: by how many nats the answer becomes less likely where that block is hidden."""


@torch.inference_mode()
def look(model: Any, tokenizer: Any, source: Any, question: str, answer: str | None = None, *, blocks: int = 4) -> Look:
    """Asks about a picture and makes both maps.

    Args:
        model: one of ours that sees, without PEFT around it, in evaluation mode.
        source: whatever `data.images.open_image` takes.
        answer: whose maps; the model's own where left out.
        blocks: a side, of which one at a time is hidden; `blocks` squared further readings of the picture.

    Raises:
        SmolError: a bad picture; an empty answer, which has no map.
    """
    processor, image = VlmProcessor.of(model.config, tokenizer), open_image(source)
    turns = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}]
    prompt = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    asked = processor(images=[image], text=prompt, return_tensors="pt")
    start = asked["input_ids"].shape[1]
    if answer is None:
        written = model.generate(**asked.to(model.device), max_new_tokens=48, do_sample=False)
        answer = str(tokenizer.decode(written[0, start:], skip_special_tokens=True)).strip()
    told = torch.tensor([tokenizer(answer, add_special_tokens=False)["input_ids"]], dtype=torch.long)
    if not told.numel():
        raise SmolError("câu trả lời trống, nên không có gì để vẽ", "the answer is empty: there is nothing to draw")
    ids = torch.cat([asked["input_ids"].cpu(), told], dim=1)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    attention, on_picture = attention_map(model, {**batch, "pixel_values": asked["pixel_values"]}, start)

    def scores(shown: list[Image]) -> Tensor:
        pixels = torch.from_numpy(np.concatenate([processor.pixel_values([processor.tiles(one)]) for one in shown]))
        return answer_scores(model, ids.expand(len(shown), -1), pixels, start)

    whole = float(scores([image])[0])
    ablation = ablation_map(image, scores, blocks=blocks, fill=_mean_colour(processor))
    return Look(answer, whole, on_picture, attention, whole - ablation)


def attention_map(model: Any, batch: dict[str, Tensor], start: int) -> tuple[Array, float]:
    """From which patches the tokens from `start` on are predicted, the mean over layers, heads and those tokens.

    A token of a picture stands for a square of patches (`projector.pixel_shuffle`): its weight is laid over them in equal parts.
    Of a picture in tiles, the whole of it is shown, which comes first.

    Args:
        batch: input_ids [1, T] and pixel_values of one picture.

    Returns:
        [patches a side, patches a side], adding up to 1; and the share of all attention that the picture gets, all tiles.
    """
    with _weights_shown(model.language_model):
        layers = model(**{name: value.to(model.device) for name, value in batch.items()}, output_attentions=True).attentions
    heard = torch.stack([layer[0, :, start - 1 : -1].float().mean(dim=(0, 1)) for layer in layers]).mean(dim=0)  # [T]
    on_tokens = heard[batch["input_ids"][0].to(heard.device) == model.config.image_token_id].cpu()
    first = on_tokens[: model.config.tokens_per_tile]
    factor = model.config.shuffle
    spread = (first / factor**2)[None, :, None].expand(1, -1, factor**2)
    patches = pixel_unshuffle(spread, factor)[0, :, 0]
    side = round(len(patches) ** 0.5)
    grid: Array = (patches / patches.sum().clamp_min(1e-12)).view(side, side).numpy()
    return grid, float(on_tokens.sum())


def answer_scores(model: Any, ids: Tensor, pixel_values: Tensor, start: int) -> Tensor:
    """log p of the tokens from `start` on [N], for N versions of a picture behind the same N texts `ids` [N, T]."""
    ids = ids.to(model.device)
    logits = model(input_ids=ids, pixel_values=pixel_values.to(model.device)).logits[:, start - 1 : -1].float()
    total: Tensor = logits.log_softmax(dim=-1).gather(2, ids[:, start:, None]).sum(dim=(1, 2)).cpu()
    return total


def ablation_map(image: Image, scores: Any, *, blocks: int, fill: tuple[int, int, int]) -> Array:
    """What `scores` (pictures -> [N]) says of the picture with one block after the other hidden: [blocks, blocks]."""
    hidden = [hide(image, row, column, blocks, fill) for row in range(blocks) for column in range(blocks)]
    found = torch.cat([scores(hidden[place : place + _TOGETHER]) for place in range(0, len(hidden), _TOGETHER)])
    grid: Array = found.view(blocks, blocks).numpy()
    return grid


def hide(image: Image, row: int, column: int, blocks: int, fill: tuple[int, int, int]) -> Image:
    """The picture with one of `blocks` x `blocks` blocks painted over."""
    width, height = image.size
    hidden = image.copy()
    edges = (column * width // blocks, row * height // blocks, (column + 1) * width // blocks, (row + 1) * height // blocks)
    hidden.paste(fill, edges)
    return hidden


def draw(image: Image, grid: Array) -> Image:
    """A map over the picture: red where its values are high, blue where they are negative, as they stand beside the strongest."""
    from PIL import Image as pillow

    scale = max(1.0, _SHOWN_SIDE / min(image.size))
    size = (round(image.width * scale), round(image.height * scale))
    picture = image.resize(size, pillow.Resampling.BICUBIC)
    strength = grid / max(float(np.abs(grid).max()), 1e-12)
    opacity = pillow.fromarray((np.abs(strength) * 170).astype(np.uint8)).resize(size, pillow.Resampling.NEAREST)
    colours = np.where((strength >= 0)[..., None], np.array(_MORE, np.uint8), np.array(_LESS, np.uint8))
    over = pillow.fromarray(colours).resize(size, pillow.Resampling.NEAREST)
    return pillow.composite(over, picture, opacity)


def write(found: Look, source: Any, folder: Path) -> list[Path]:
    """Writes `attention.png` and `ablation.png`, each whole."""
    image, written = open_image(source), []
    with plain_disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        for name, grid in (("attention", found.attention), ("ablation", found.ablation)):
            file = folder / f"{name}.png"
            partial = folder / f"{name}.{os.getpid()}.partial"
            draw(image, grid).save(partial, "PNG")
            os.replace(partial, file)
            written.append(file)
    return written


def _mean_colour(processor: VlmProcessor) -> tuple[int, int, int]:
    """What the encoder reads as nothing."""
    red, green, blue = (round(255 * part) for part in processor.image_mean)
    return red, green, blue


@contextmanager
def _weights_shown(language_model: Any) -> Iterator[None]:
    """Attention as plain products: the fast kernels do not give their weights away."""
    before = language_model.config._attn_implementation
    language_model.set_attn_implementation("eager")
    try:
        yield
    finally:
        language_model.set_attn_implementation(before)

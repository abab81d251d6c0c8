"""Random patches, against ours; the way back, and sides that cannot be halved."""

import math
from random import Random
from typing import Any

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.vision.projector import pixel_shuffle

SAID = {
    "neighbours-in-a-row": ("ghép các patch liền nhau trong dãy: đó là một vệt nằm ngang, không phải một ô vuông", "joins patches that follow each other in the row: that is a strip, not a square"),
    "squares-by-column": ("các ô vuông xếp theo cột; phải theo hàng, nếu không bức ảnh bị lật qua đường chéo", "the squares stand column by column; they stand row by row, or the picture is mirrored at its diagonal"),
    "inside-by-column": ("trong một vector, các patch của ô vuông xếp theo cột; phải theo hàng", "in a vector the square's patches stand column by column; they stand row by row"),
    "numbers-interleaved": ("số của các patch xen kẽ nhau; mỗi patch phải còn nguyên trong vector", "the patches' numbers are interleaved; each patch stays whole in the vector"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for factor in (2, 3, 2):
        side, width = factor * rng.randint(2, 3), rng.randint(3, 6)
        patches = torch.randn(rng.randint(1, 2), side * side, width)
        forward(mine.pixel_shuffle(patches, factor), patches, factor)
        back(mine.pixel_unshuffle(pixel_shuffle(patches, factor), factor), patches, factor)
    uneven = torch.randn(1, 49, 4)
    try:
        got = mine.pixel_shuffle(uneven, 2)
    except Wrong:
        raise
    except Exception:
        return
    raise Wrong("cut-in-silence", "7 x 7 patch không chia được thành ô 2 x 2, nhưng hàm vẫn trả về: một hàng và một cột biến mất mà không ai hay", "7 x 7 patches cannot be joined 2 by 2, yet something comes back: a row and a column are lost in silence", got=got)  # fmt: skip


def orders(patches: Tensor, factor: int) -> dict[str, Tensor]:
    """What each known mistake gives."""
    images, count, width = patches.shape
    coarse = math.isqrt(count) // factor
    flat = (images, coarse * coarse, factor * factor * width)
    split = patches.reshape(images, coarse, factor, coarse, factor, width)
    return {
        "neighbours-in-a-row": patches.reshape(flat),
        "squares-by-column": split.permute(0, 3, 1, 2, 4, 5).reshape(flat),
        "inside-by-column": split.permute(0, 1, 3, 4, 2, 5).reshape(flat),
        "numbers-interleaved": split.permute(0, 1, 3, 5, 2, 4).reshape(flat),
    }


def shaped(name: str, got: Any, wanted: Tensor) -> Tensor:
    """The result, if it is a tensor of the right shape."""
    if isinstance(got, Tensor) and got.shape == wanted.shape:
        return got
    shape = list(got.shape) if isinstance(got, Tensor) else type(got).__name__
    raise Wrong("shape", f"{name} phải trả về tensor {list(wanted.shape)}, không phải {shape}", f"{name} must return a tensor {list(wanted.shape)}, not {shape}", got=got)  # fmt: skip


def forward(got: Any, patches: Tensor, factor: int) -> None:
    """Raises the misconception that wrong tokens show."""
    right = pixel_shuffle(patches, factor)
    tokens = shaped("pixel_shuffle", got, right)
    if close(tokens, right):
        return
    answers = orders(patches, factor)
    for name, said in SAID.items():
        if close(tokens, answers[name]):
            raise Wrong(name, *said, got=tokens[0, 0], wanted=right[0, 0])
    raise Wrong("order-differs", "các patch nằm sai chỗ", "the patches stand in the wrong places", got=tokens[0, 0], wanted=right[0, 0])  # fmt: skip


def back(got: Any, patches: Tensor, factor: int) -> None:
    """Raises the misconception that a wrong way back shows."""
    found = shaped("pixel_unshuffle", got, patches)
    if close(found, patches):
        return
    joined = pixel_shuffle(patches, factor)
    if close(found, joined.reshape(patches.shape)):
        raise Wrong("inverse-only-reshaped", "đường về chỉ reshape: patch có đủ nhưng không về chỗ cũ", "the way back only reshapes: the patches are all there, but not where they were", got=found[0, :4], wanted=patches[0, :4])  # fmt: skip
    raise Wrong("not-the-inverse", "pixel_unshuffle(pixel_shuffle(x)) không ra lại x", "pixel_unshuffle(pixel_shuffle(x)) is not x", got=found[0, :4], wanted=patches[0, :4])  # fmt: skip


def drive(mine: Any) -> dict[str, Any]:
    """The projector joins patches with it, in training and in answering."""
    return {"smolcourse.vision.projector:pixel_shuffle": mine.pixel_shuffle}

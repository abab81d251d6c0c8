"""Pictures that are not square; what each other order of the numbers would give is computed."""

from random import Random

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from smolcourse.course.checking import Mine, Wrong, close

SAID = {
    "only-reshaped": ("chỉ reshape: mỗi vector là những hàng pixel liền nhau của cả bức ảnh, không phải một ô vuông", "only reshaped: each vector is a run of the whole picture's pixel rows, not a square"),
    "column-by-column": ("các patch xếp theo cột; phải theo hàng, như thứ tự đọc", "the patches stand column by column; they stand row by row, as one reads"),
    "colours-last": ("trong mỗi patch, màu đứng sau cùng; trọng số của bộ mã hoá cần cả màu đầu tiên trước, rồi màu thứ hai…", "in each patch the colours come last; the encoder's weights want all of the first colour, then the second, ..."),
    "patch-turned": ("mỗi patch bị lật qua đường chéo: pixel xếp theo cột chứ không theo hàng", "each patch is mirrored at its diagonal: its pixels stand column by column, not row by row"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for patch in (2, rng.choice([3, 4])):
        rows = rng.randint(2, 4)
        columns = rows + rng.randint(1, 2)
        pixels = torch.randn(rng.randint(1, 2), 3, rows * patch, columns * patch)
        compare(mine.patchify(pixels, patch), pixels, patch)


def orders(pixels: Tensor, patch: int) -> dict[str, Tensor]:
    """The right vectors, and those of each known mistake."""
    images, colours, height, width = pixels.shape
    split = pixels.reshape(images, colours, height // patch, patch, width // patch, patch)
    flat = (images, (height // patch) * (width // patch), colours * patch * patch)
    return {
        "right": split.permute(0, 2, 4, 1, 3, 5).reshape(flat),
        "only-reshaped": pixels.reshape(flat),
        "column-by-column": split.permute(0, 4, 2, 1, 3, 5).reshape(flat),
        "colours-last": split.permute(0, 2, 4, 3, 5, 1).reshape(flat),
        "patch-turned": split.permute(0, 2, 4, 1, 5, 3).reshape(flat),
    }


def compare(got: object, pixels: Tensor, patch: int) -> None:
    """Raises the misconception that wrong vectors show."""
    answers = orders(pixels, patch)
    right = answers["right"]
    if not isinstance(got, Tensor) or got.shape != right.shape:
        shape = list(got.shape) if isinstance(got, Tensor) else type(got).__name__
        raise Wrong("shape", f"cần tensor {list(right.shape)}, nhận được {shape}", f"a tensor {list(right.shape)} is wanted, got {shape}", got=got)  # fmt: skip
    if close(got, right):
        return
    name = next((name for name in SAID if close(got, answers[name])), None)
    if name:
        raise Wrong(name, *SAID[name], got=got[0, 0], wanted=right[0, 0])
    weights = torch.randn(4, *pixels.shape[1:2], patch, patch)
    seen = conv2d(pixels, weights, stride=patch).flatten(2).transpose(1, 2)
    apart = float((got @ weights.flatten(1).T - seen).abs().max())
    raise Wrong("order-differs", f"các số nằm sai thứ tự: tầng đầu của bộ mã hoá sẽ lệch tới {apart:.2f}", f"the numbers stand in another order: the encoder's first layer would be off by up to {apart:.2f}", got=got[0, 0], wanted=right[0, 0])  # fmt: skip

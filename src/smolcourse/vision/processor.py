"""What goes into the model: text with placeholders for images, and the pixels of those images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import BatchFeature, ProcessorMixin

from smolcourse.data.images import open_image
from smolcourse.errors import SmolError
from smolcourse.vision.encoder import MEAN, STD
from smolcourse.vision.model import VlmConfig
from smolcourse.vision.pixels import Array, normalise, tiles

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IMAGE_TOKEN = "<image>"
TEMPLATE = Path(__file__).with_name("template.jinja")


class VlmProcessor(ProcessorMixin):
    """Text and images -> input_ids, attention_mask, pixel_values. One `<image>` in the text stands for one image.

    Args:
        image_size: pixels of a tile's side.
        tokens_per_tile: placeholders that one tile takes.
        max_tiles: a large image is cut into so many tiles at most, behind the whole of it; 1 for no cutting.
        image_mean, image_std: of each colour in 0 .. 1, as the encoder was trained.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        image_size: int = 112,
        tokens_per_tile: int = 16,
        max_tiles: int = 1,
        image_mean: Sequence[float] = MEAN,
        image_std: Sequence[float] = STD,
        chat_template: str | None = None,
    ) -> None:
        self.image_size = image_size
        self.tokens_per_tile = tokens_per_tile
        self.max_tiles = max_tiles
        self.image_mean = tuple(image_mean)
        self.image_std = tuple(image_std)
        self.image_token = IMAGE_TOKEN
        super().__init__(tokenizer, chat_template=chat_template)  # type: ignore[no-untyped-call]

    @classmethod
    def of(cls, config: VlmConfig, tokenizer: PreTrainedTokenizerBase) -> VlmProcessor:
        """The processor that goes with a model."""
        return cls(
            tokenizer,
            image_size=config.image_size,
            tokens_per_tile=config.tokens_per_tile,
            max_tiles=config.max_tiles,
            chat_template=str(tokenizer.chat_template),
        )

    def tiles(self, image: Any) -> Array:
        """Opens one image (see `data.images.open_image`) and cuts it: [tiles, side, side, 3] uint8."""
        return tiles(open_image(image), self.image_size, self.max_tiles)

    def cut(self, image: Any) -> tuple[Array, int]:
        """The tiles of one image, and what `expand` must know of it: how many they are."""
        cut = self.tiles(image)
        return cut, len(cut)

    def pixel_values(self, images: Sequence[Array]) -> Array:
        """Tiles of several images -> [all tiles, 3, side, side] float32."""
        return normalise(np.concatenate(list(images)), self.image_mean, self.image_std)

    def placeholders(self, tiles: int) -> str:
        """The text that an image of so many tiles takes."""
        return self.image_token * (tiles * self.tokens_per_tile)

    def expand(self, text: str, counts: Sequence[int]) -> str:
        """Puts as many placeholders for each `<image>` as its tiles take.

        Raises:
            SmolError: there are more images than places in the text, or fewer.
        """
        parts = text.split(self.image_token)
        if len(parts) != len(counts) + 1:
            raise wrong_count(len(parts) - 1, len(counts))
        ends = [self.placeholders(count) for count in counts] + [""]
        return "".join(part + end for part, end in zip(parts, ends, strict=True))

    def __call__(self, images: Any = None, text: Any = None, return_tensors: str | None = None, **kwargs: Any) -> BatchFeature:
        """Tokenises one text or several.

        Args:
            images: one image (path, bytes, data URL or Pillow) or several, in lists as you like, in the order of the texts.
            text: one text or several, with one `<image>` for each image.
            kwargs: for the tokenizer (`padding`, ...).

        Raises:
            SmolError: a bad image, or another number of images than the text has places for.
        """
        texts = [text] if isinstance(text, str) else list(text)
        cut = [self.tiles(image) for image in _flat(images)]
        counts, expanded, used = [len(one) for one in cut], [], 0
        for one in texts:
            wanted = one.count(self.image_token)
            expanded.append(self.expand(one, counts[used : used + wanted]))
            used += wanted
        if used != len(cut):
            raise wrong_count(used, len(cut))
        inputs = dict(self.tokenizer(expanded, return_tensors=return_tensors, add_special_tokens=False, **kwargs))
        if cut:
            inputs["pixel_values"] = self.pixel_values(cut)
        return BatchFeature(inputs, tensor_type=return_tensors)


def _flat(images: Any) -> list[Any]:
    if images is None:
        return []
    return [image for part in images for image in _flat(part)] if isinstance(images, list | tuple) else [images]


def wrong_count(places: int, images: int) -> SmolError:
    """The error of text and images that do not fit together."""
    return SmolError(
        f"văn bản có {places} chỗ cho ảnh, nhưng được đưa {images} ảnh",
        f"the text has places for {places} images, but there are {images}",
        where="images",
    )

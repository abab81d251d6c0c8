"""Models that see which others made, in the words of our own: SmolVLM, its second version, and Idefics3, from which both come.

All of them are a SigLIP encoder, a pixel shuffle with one product behind it (the connector), and a Llama (Marafioti et al. 2025,
"SmolVLM"). To the rest of the house encoder and connector together are an encoder: they are frozen, so what the connector said of
a picture is kept, one row a token, and the language model reads it where our own reads its projector's.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    Idefics3ForConditionalGeneration,
    SmolVLMForConditionalGeneration,
)
from transformers.models.idefics3.modeling_idefics3 import Idefics3Connector
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMConnector
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

from smolcourse.data.images import open_image
from smolcourse.errors import SmolError
from smolcourse.vision.model import numbered_embeddings
from smolcourse.vision.pixels import Array
from smolcourse.vision.processor import IMAGE_TOKEN, wrong_count

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Layout = tuple[int, int]
"""Rows and columns of tiles that a picture was cut into, the whole of it behind them; (0, 0) for the whole alone."""
PROCESSOR_FILES = ("processor_config.json", "preprocessor_config.json")
_AROUND, _WHOLE = "<fake_token_around_image>", "<global-img>"
_EYE = {"model.vision_model.": "vision_model.", "model.connector.": "connector."}
_CONNECTORS: dict[str, Any] = {"idefics3": Idefics3Connector, "smolvlm": SmolVLMConnector}


class Eye(nn.Module):
    """Encoder and connector of one model: pixels in, tokens of the language model out."""

    def __init__(self, vision_model: Any, connector: Any) -> None:
        super().__init__()
        self.vision_model, self.connector = vision_model, connector

    def see(self, pixel_values: Tensor) -> Tensor:
        """[tiles, 3, side, side] -> [tiles, tokens, text width]."""
        patches = self.vision_model(pixel_values.to(self.vision_model.device, self.vision_model.dtype)).last_hidden_state
        tokens: Tensor = self.connector(patches)
        return tokens


class OtherProcessor:
    """The checkpoint's own way with pictures, asked as our `VlmProcessor` is.

    Args:
        folder: of the checkpoint; its files say how pictures are cut and coloured.

    Raises:
        SmolError: files that are missing, or say what does not fit the model.
    """

    image_token = IMAGE_TOKEN

    def __init__(self, folder: Path, config: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        from transformers import AutoImageProcessor

        self.folder, self.tokenizer = folder, tokenizer
        try:
            self._image_processor: Any = AutoImageProcessor.from_pretrained(str(folder), local_files_only=True)  # type: ignore[no-untyped-call]
            self.image_mean, self.image_std = (
                tuple(one) for one in (self._image_processor.image_mean, self._image_processor.image_std)
            )
            side = self._image_processor.max_image_size["longest_edge"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise SmolError(
                f"không đọc được cách xử lý ảnh của mô hình ({reason})",
                f"how the model takes pictures cannot be read ({reason})",
                where=str(folder / PROCESSOR_FILES[1]),
            ) from error
        self.image_size = int(config.vision_config.image_size)
        if side != self.image_size:
            raise SmolError(
                f"ảnh được cắt thành ô {side} pixel, nhưng mô hình nhìn ô {self.image_size} pixel",
                f"pictures are cut into tiles of {side} pixels, but the model looks at tiles of {self.image_size}",
                where=str(folder / PROCESSOR_FILES[1]),
            )
        self.tokens_per_tile = (self.image_size // int(config.vision_config.patch_size)) ** 2 // int(config.scale_factor) ** 2

    def cut(self, image: Any) -> tuple[Array, Layout]:
        """Opens one image and cuts it: pixels [tiles, 3, side, side] float32, the whole last, and how the tiles lie."""
        made = self._image_processor(images=[[open_image(image)]], return_tensors="pt", return_row_col_info=True)
        return made["pixel_values"][0].numpy(), (int(made["rows"][0][0]), int(made["cols"][0][0]))

    def pixel_values(self, images: Sequence[Array]) -> Array:
        """Tiles of several images -> [all tiles, 3, side, side] float32."""
        return np.concatenate(list(images))

    def expand(self, text: str, layouts: Sequence[Layout]) -> str:
        """Puts the placeholders of each picture, and the words between its tiles, for each `<image>`.

        Raises:
            SmolError: there are more images than places in the text, or fewer.
        """
        parts = text.split(self.image_token)
        if len(parts) != len(layouts) + 1:
            raise wrong_count(len(parts) - 1, len(layouts))
        spell: Any = get_image_prompt_string
        words = [str(spell(*one, self.tokens_per_tile, _AROUND, self.image_token, _WHOLE)) for one in layouts]
        return "".join(part + end for part, end in zip(parts, [*words, ""], strict=True))

    def save_pretrained(self, folder: str | Path) -> None:
        """Writes the tokenizer, and copies the files about pictures from the checkpoint."""
        self.tokenizer.save_pretrained(str(folder))
        for name in PROCESSOR_FILES:
            if (self.folder / name).is_file() and self.folder.resolve() != Path(folder).resolve():
                shutil.copy(self.folder / name, folder)


class _Ours:
    """What the rest of the house asks of a model that sees."""

    adapter_scope = "model.text_model"
    """Where adapters go."""

    @property
    def vision_tower(self) -> Any:
        """The encoder."""
        return cast(Any, self).model.vision_model

    @property
    def projector(self) -> Any:
        """The connector."""
        return cast(Any, self).model.connector

    @property
    def eye(self) -> Eye:
        """Both together, whose word is kept."""
        return Eye(self.vision_tower, self.projector)

    @property
    def language_model(self) -> Any:
        """The language model as a causal LM, on the very same weights."""
        if "_language" not in self.__dict__:  # not a part of its own: weights would be saved twice
            with torch.device("meta"):
                causal: Any = AutoModelForCausalLM.from_config(cast(Any, self).config.text_config)  # type: ignore[no-untyped-call]
            causal.model, causal.lm_head = cast(Any, self).model.text_model, cast(Any, self).lm_head
            self.__dict__["_language"] = causal.train(cast(Any, self).training)
        return self.__dict__["_language"]

    @property
    def first_image_id(self) -> int:
        """From here on, ids are numbers of image tokens: the placeholder itself has words of the vocabulary behind it."""
        return int(cast(Any, self).config.text_config.vocab_size)

    def processor(self, tokenizer: PreTrainedTokenizerBase) -> OtherProcessor:
        """The processor, from the folder that the model was loaded from."""
        return OtherProcessor(Path(cast(Any, self).name_or_path), cast(Any, self).config, tokenizer)

    def image_embeddings(self, pixel_values: Tensor | None = None, patches: Tensor | None = None) -> Tensor:
        """Tokens for the language model, of all images in their order: [tiles * tokens, text width]; as our own model's."""
        if patches is None:
            assert pixel_values is not None
            patches = self.eye.see(pixel_values)
        return patches.flatten(0, 1)

    def embed_numbered(self, ids: Tensor, images: Tensor | None) -> Tensor:
        """Embeddings where the id `first_image_id` + n means row n of `images`."""
        return numbered_embeddings(cast(Any, self).get_input_embeddings(), ids, images, self.first_image_id)


def other_class(kind: str) -> Any:
    """The class that loads a model of this `model_type`: that of transformers, with our words beside its own."""
    base = {"idefics3": Idefics3ForConditionalGeneration, "smolvlm": SmolVLMForConditionalGeneration}[kind]
    return type(base.__name__, (_Ours, base), {"__module__": __name__})


def load_eye(folder: Path) -> Eye:
    """Encoder and connector of a checkpoint folder alone, in evaluation mode, fp32: the language model is not read.

    Raises:
        SmolError: weights that are missing.
    """
    from safetensors import safe_open

    config: Any = AutoConfig.from_pretrained(folder)
    fresh: Any = AutoModel
    eye = Eye(fresh.from_config(config.vision_config), _CONNECTORS[config.model_type](config))
    weights: dict[str, Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(str(file), framework="pt") as stored:
            for key in list(stored.keys()):
                for theirs, ours in _EYE.items():
                    if key.startswith(theirs):
                        weights[ours + key.removeprefix(theirs)] = stored.get_tensor(key)
    try:
        eye.load_state_dict(weights)
    except RuntimeError as error:
        raise SmolError(
            "trọng số của bộ mã hoá ảnh không khớp với config.json",
            "the weights of the image encoder do not fit config.json",
            where=str(folder),
        ) from error
    return eye.float().eval()

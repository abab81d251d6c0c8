"""A small vision-language model of parts that exist: image encoder -> pixel shuffle -> projector -> language model.

An image stands in a conversation as a run of placeholder tokens. Where the language model would look those up in its table of
embeddings, it reads what the projector made of the image instead; from there on they are tokens like all others. The placeholder
is a word of the tokenizer alone: it has no embedding, and the model cannot say it.
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    GenerationMixin,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import CausalLMOutputWithPast

from smolcourse.vision.encoder import see
from smolcourse.vision.projector import Projector


class VlmConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Sizes of the parts, and how they are joined."""

    model_type = "smol_vlm"
    sub_configs: ClassVar[dict[str, type]] = {"vision_config": AutoConfig, "text_config": AutoConfig}

    vision_config: Any = None
    text_config: Any = None
    image_token_id: int = 0
    """The placeholder's id; beyond the language model's vocabulary."""
    image_size: int = 112
    """Pixels of a tile's side."""
    shuffle: int = 2
    """So many patches a side become one token."""
    max_tiles: int = 1
    """A large image is cut into so many tiles at most, behind the whole of it; 1 for no cutting."""
    embedding_std: float = 0.02
    """Of the language model's embeddings: how long image tokens begin."""
    tie_word_embeddings: bool = False  # the language model ties its own

    def __post_init__(self, **kwargs: Any) -> None:
        for name, default in (("vision_config", "dinov2"), ("text_config", "llama")):
            value = getattr(self, name)
            if not isinstance(value, PreTrainedConfig):
                values = dict(value or {})
                setattr(self, name, AutoConfig.for_model(values.pop("model_type", default), **values))
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]

    @property
    def tokens_per_tile(self) -> int:
        """Tokens that one tile of an image takes."""
        return (self.image_size // int(self.vision_config.patch_size) // self.shuffle) ** 2


class VlmForConditionalGeneration(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """Reads images and text, writes text. `generate` keeps keys and values; an image is encoded once, with the prompt."""

    adapter_scope = "language_model.model"
    """Where adapters go."""
    trained_whole = ("projector",)
    """What is trained and saved beside an adapter."""

    config_class = VlmConfig
    config: VlmConfig
    base_model_prefix = ""
    input_modalities = ["image", "text"]  # noqa: RUF012
    main_input_name = "input_ids"
    _supports_sdpa = True
    _supports_flash_attn = True
    supports_gradient_checkpointing = True

    def __init__(self, config: VlmConfig) -> None:
        super().__init__(config)
        self.vision_tower = AutoModel.from_config(config.vision_config)  # type: ignore[no-untyped-call]
        self.projector = Projector(
            config.vision_config.hidden_size, config.text_config.hidden_size, config.shuffle, config.embedding_std
        )
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)  # type: ignore[no-untyped-call]
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)  # type: ignore[no-untyped-call]
        if isinstance(module, Projector):
            module.begin()

    def get_input_embeddings(self) -> nn.Module:
        """The language model's table."""
        table: nn.Module = self.language_model.get_input_embeddings()
        return table

    def get_output_embeddings(self) -> nn.Module:
        """The language model's head."""
        head: nn.Module = self.language_model.get_output_embeddings()
        return head

    def image_embeddings(self, pixel_values: Tensor | None = None, patches: Tensor | None = None) -> Tensor:
        """Tokens for the language model, of all images in their order: [tiles * tokens, text width].

        Args:
            pixel_values: [tiles, 3, side, side]; or
            patches: what `encoder.see` said of them, kept from an earlier time.
        """
        if patches is None:
            assert pixel_values is not None
            patches = see(self.vision_tower, pixel_values)
        tokens: Tensor = self.projector(patches.to(next(self.projector.parameters()).dtype))
        return tokens.flatten(0, 1)

    def embed(self, input_ids: Tensor, images: Tensor | None) -> Tensor:
        """Embeddings of text and images: the n-th placeholder in `input_ids` becomes row n of `images`.

        Raises:
            ValueError: there are more placeholders than image tokens, or fewer.
        """
        place = input_ids == self.config.image_token_id
        given = 0 if images is None else len(images)
        if int(place.sum()) != given:
            raise ValueError(f"{int(place.sum())} image placeholders, {given} image tokens")
        numbers = torch.arange(given, device=input_ids.device) + self.config.image_token_id
        return self.embed_numbered(input_ids.masked_scatter(place, numbers), images)

    def embed_numbered(self, ids: Tensor, images: Tensor | None) -> Tensor:
        """Embeddings where the id `image_token_id` + n means row n of `images`, as often and in whatever order."""
        return numbered_embeddings(self.get_input_embeddings(), ids, images, self.config.image_token_id)

    def forward(
        self,
        input_ids: Tensor | None = None,
        pixel_values: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """As any causal LM; with the `pixel_values` [tiles, 3, side, side] of the batch's images, in order."""
        if inputs_embeds is None:
            assert input_ids is not None
            inputs_embeds = self.embed(input_ids, None if pixel_values is None else self.image_embeddings(pixel_values))
        output: CausalLMOutputWithPast = self.language_model(
            inputs_embeds=inputs_embeds, attention_mask=attention_mask, labels=labels, **kwargs
        )
        return output


def numbered_embeddings(table: nn.Module, ids: Tensor, images: Tensor | None, first: int) -> Tensor:
    """Embeddings of words out of a table, and of image tokens: the id `first` + n means row n of `images`."""
    place = ids >= first
    embedded: Tensor = table(ids.masked_fill(place, 0))
    if images is None:
        return embedded
    return embedded.masked_scatter(place.unsqueeze(-1), images[ids[place] - first].to(embedded.dtype))

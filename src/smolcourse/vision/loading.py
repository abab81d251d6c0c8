"""Which saved models see, and the parts of one that does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from smolcourse.vision.model import VlmConfig
    from smolcourse.vision.processor import VlmProcessor

_TOWER = "vision_tower."


def sees(folder: Path) -> bool:
    """Whether a checkpoint folder holds a model of ours that sees. Imports nothing heavy."""
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(values, dict) and values.get("model_type") == "smol_vlm"


def needs_sight(where: str | None = None) -> SmolError:
    """The error of pictures that are shown to a model of text."""
    return SmolError(
        "mô hình này chỉ đọc văn bản, không xem được ảnh; xem được ảnh: smolvlm-own và các run huấn luyện từ nó",
        "this model reads text only and cannot see pictures; models that see: smolvlm-own, and runs trained from it",
        where=where,
        fix="smol train smolvlm-own/sft/easy-vqa",
    )


def auto_class(folder: Path) -> Any:
    """The class of transformers that loads a checkpoint folder: of a causal LM, or of a model that sees."""
    if sees(folder):
        from smolcourse.vision.auto import AutoModelForImageTextToText

        return AutoModelForImageTextToText
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM


def load_config(folder: Path) -> VlmConfig:
    """The model's config."""
    from smolcourse.vision.model import VlmConfig

    config: VlmConfig = VlmConfig.from_pretrained(folder)
    return config


def text_config(folder: Path) -> Any:
    """The config of the language model inside."""
    return load_config(folder).text_config


def load_processor(folder: Path, tokenizer: PreTrainedTokenizerBase) -> VlmProcessor:
    """The processor, around a tokenizer that may have another chat template than the folder's."""
    from smolcourse.vision.processor import VlmProcessor

    return VlmProcessor.of(load_config(folder), tokenizer)


def load_encoder(folder: Path) -> Any:
    """The image encoder alone, in evaluation mode, fp32: the language model beside it is not read."""
    from safetensors import safe_open
    from transformers import AutoModel

    weights: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(str(file), framework="pt") as stored:
            weights |= {key.removeprefix(_TOWER): stored.get_tensor(key) for key in list(stored.keys()) if key.startswith(_TOWER)}
    config = load_config(folder).vision_config
    fresh: Any = AutoModel
    kind = type(fresh.from_config(config))  # knows the names that weights are saved under
    return kind.from_pretrained(None, config=config, state_dict=weights).eval()

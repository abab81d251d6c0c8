"""Which saved models see, and the parts of one that does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from smolcourse.vision.others import OtherProcessor
    from smolcourse.vision.processor import VlmProcessor

_TOWER = "vision_tower."
OWN = "smol_vlm"
OTHERS = ("idefics3", "smolvlm")
"""Architectures of others: SmolVLM is the first, SmolVLM2 the second."""


def sees(folder: Path) -> bool:
    """Whether a checkpoint folder holds a model that sees. Imports nothing heavy.

    Raises:
        SmolError: it sees, but nobody here knows how.
    """
    try:
        values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(values, dict):
        return False
    kind = values.get("model_type")
    text = values.get("text_config")
    inside = text.get("model_type", "llama") if isinstance(text, dict) else "llama"
    if isinstance(values.get("vision_config"), dict) and (kind not in (OWN, *OTHERS) or (kind in OTHERS and inside != "llama")):
        named = f"{kind} + {inside}" if kind in OTHERS else kind
        raise SmolError(
            f"chưa biết kiến trúc nhìn ảnh {named!r}; biết: smolvlm-own, {', '.join(OTHERS)} (với Llama bên trong)",
            f"the architecture {named!r}, which sees, is not known; known are: smolvlm-own, {', '.join(OTHERS)} (around a Llama)",
            where=str(folder / "config.json"),
            fix="model_name_or_path=hf:HuggingFaceTB/SmolVLM-256M-Instruct",
        )
    return kind in (OWN, *OTHERS)


def is_own(folder: Path) -> bool:
    """Whether a model that sees is one of our own architecture."""
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return bool(values.get("model_type") == OWN)


def needs_sight(where: str | None = None) -> SmolError:
    """The error of pictures that are shown to a model of text."""
    return SmolError(
        "mô hình này chỉ đọc văn bản, không xem được ảnh; xem được ảnh: smolvlm-own, SmolVLM và các run huấn luyện từ chúng",
        "this model reads text only and cannot see pictures; models that see: smolvlm-own, SmolVLM, and runs trained from them",
        where=where,
        fix="smol train smolvlm-own/sft/easy-vqa",
    )


def auto_class(folder: Path) -> Any:
    """The class of transformers that loads a checkpoint folder: of a causal LM, or of a model that sees."""
    if sees(folder):
        if not is_own(folder):
            from smolcourse.vision.others import other_class

            return other_class(load_config(folder).model_type)
        from smolcourse.vision.auto import AutoModelForImageTextToText

        return AutoModelForImageTextToText
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM


def load_config(folder: Path) -> Any:
    """The model's config."""
    from transformers import AutoConfig

    from smolcourse.vision.model import VlmConfig

    return (VlmConfig if is_own(folder) else AutoConfig).from_pretrained(folder)


def text_config(folder: Path) -> Any:
    """The config of the language model inside."""
    return load_config(folder).text_config


def load_processor(folder: Path, tokenizer: PreTrainedTokenizerBase) -> VlmProcessor | OtherProcessor:
    """The processor, around a tokenizer that may have another chat template than the folder's."""
    if not is_own(folder):
        from smolcourse.vision.others import OtherProcessor

        return OtherProcessor(folder, load_config(folder), tokenizer)
    from smolcourse.vision.processor import VlmProcessor

    return VlmProcessor.of(load_config(folder), tokenizer)


def load_encoder(folder: Path) -> Any:
    """The image encoder alone, in evaluation mode, fp32: the language model beside it is not read.

    Of the models of others, with what stands between encoder and language model.
    """
    if not is_own(folder):
        from smolcourse.vision.others import load_eye

        return load_eye(folder)
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

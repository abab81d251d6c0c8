"""Importing this makes the model known to transformers: `AutoModelForImageTextToText.from_pretrained(folder)` finds it."""

from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from smolcourse.vision.model import VlmConfig, VlmForConditionalGeneration
from smolcourse.vision.processor import VlmProcessor

__all__ = ["AutoConfig", "AutoModelForImageTextToText", "AutoProcessor"]

AutoConfig.register(VlmConfig.model_type, VlmConfig)
AutoModelForImageTextToText.register(VlmConfig, VlmForConditionalGeneration)
AutoProcessor.register(VlmConfig, VlmProcessor)  # type: ignore[no-untyped-call]

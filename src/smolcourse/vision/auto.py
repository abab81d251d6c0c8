"""Importing this makes the model known to transformers: `AutoModelForImageTextToText.from_pretrained(folder)` finds it."""

from typing import Any

import transformers

from smolcourse.vision.model import VlmConfig, VlmForConditionalGeneration
from smolcourse.vision.processor import VlmProcessor

AutoConfig: Any = transformers.AutoConfig
AutoModelForImageTextToText: Any = transformers.AutoModelForImageTextToText
AutoProcessor: Any = transformers.AutoProcessor

AutoConfig.register(VlmConfig.model_type, VlmConfig)
AutoModelForImageTextToText.register(VlmConfig, VlmForConditionalGeneration)
AutoProcessor.register(VlmConfig, VlmProcessor)

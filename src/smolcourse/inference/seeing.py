"""Prompts with pictures, for the fast decoder: what the projector makes of a picture joins the decoder's words.

Each picture gets ids of its own, behind those of the vocabulary, and keeps them. So prompts that show the same picture begin with
the same ids, and all that is done for shared beginnings and earlier turns is done for pictures too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch

from smolcourse.data.image_rows import with_images
from smolcourse.inference.llama import LlamaDecoder
from smolcourse.inference.merged import Unsupported
from smolcourse.inference.prompts import Prompt, encode_prompt
from smolcourse.training.sight import Sight
from smolcourse.training.vlm_sft import seeing

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from smolcourse.vision.features import Glances

_CROWD = 4096  # tokens of pictures that a decoder knows at once before it forgets them all


def sees(model: Any) -> bool:
    """Whether a model, perhaps inside PEFT, is one of ours that sees."""
    return hasattr(seeing(model), "embed_numbered")


def decoder_of(model: Any, *, joined: bool = False) -> LlamaDecoder:
    """The fast decoder of a model, or of the language model in one that sees.

    Raises:
        Unsupported: see `LlamaDecoder`.
    """
    if sees(model) and getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False):
        raise Unsupported("prompt learning")
    return LlamaDecoder(seeing(model).language_model if sees(model) else model, joined=joined)


class Eyes:
    """Turns conversations with image parts into ids that one decoder knows.

    Args:
        passing: nothing of the pictures is kept on the disk.
    """

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase, decoder: LlamaDecoder, *, passing: bool = False) -> None:
        self._model, self._tokenizer, self._decoder = seeing(model), tokenizer, decoder
        self._sight = Sight.of_model(self._model, tokenizer, passing=passing)
        self._passing = passing
        self._first: dict[str, int] = {}  # the first id of each picture that was seen
        self._tokens = 0  # of those pictures

    def make_room(self) -> bool:
        """Where pictures have piled up, forgets them all, and what the decoder has read; whether that was done."""
        if self._tokens < _CROWD:
            return False
        self._first.clear()
        self._tokens = 0
        self._decoder.forget()
        if self._passing:
            cast("Glances", self._sight.features).forget()
        return True

    @torch.inference_mode()
    def encode(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Token ids of prompts, as `encode_prompt`; image parts name their picture: {"type": "image", "image": "menu.png"}.

        Raises:
            SmolError: as `encode_prompt`; a picture that cannot be used.
        """
        mark = self._sight.processor.image_token
        prompts = [_as_words(prompt, mark) for prompt in prompts]
        rows = [with_images({"messages": [] if isinstance(prompt, str) else list(prompt)}, []) for prompt in prompts]
        encoded = []
        for prompt, row in zip(prompts, list(self._sight.rows(rows)), strict=True):
            ids = encode_prompt(prompt if isinstance(prompt, str) else row["messages"], self._tokenizer)
            for name in row["images"]:
                if name not in self._first:
                    patches = self._sight.features.get([name]).to(self._model.device)
                    tokens = self._model.image_embeddings(patches=patches)
                    self._first[name] = self._decoder.learn(tokens)
                    self._tokens += len(tokens)
            encoded.append(self._sight.numbered(ids, row["images"], self._first))
        return encoded


def _as_words(prompt: Prompt, mark: str) -> Prompt:
    """The prompt with the placeholder's name, where somebody wrote it, as words: only a part shows a picture."""
    apart = f"< {mark[1:]}"
    if isinstance(prompt, str):
        return prompt.replace(mark, apart)

    def said(content: Any) -> Any:
        if isinstance(content, list):
            return [part | {"text": said(part["text"])} if isinstance(part.get("text"), str) else part for part in content]
        return content.replace(mark, apart) if isinstance(content, str) else content

    return [message | {"content": said(message.get("content"))} for message in prompt]

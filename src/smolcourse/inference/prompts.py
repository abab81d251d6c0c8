"""From a conversation to the token ids a model goes on from, the ids at which it stops, and back to text piece by piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from smolcourse.data.templates import Message, render
from smolcourse.errors import SmolError
from smolcourse.vision.loading import needs_sight

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Prompt = str | Sequence[Message]
"""Messages, put through the chat template; or plain text that the model continues as it stands."""

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"
_LONGEST_CHARACTER = 8  # tokens: a character has at most four bytes; beyond that the bytes are simply broken


def encode_prompt(prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Token ids of a prompt, with the opening of the assistant's turn.

    Raises:
        SmolError: an empty prompt, no chat template, pictures, or messages that the template refuses.
    """
    if isinstance(prompt, str):
        ids = list(tokenizer(prompt)["input_ids"]) if prompt.strip() else []
    else:
        messages = list(prompt)
        if any(shows_picture(message) for message in messages):
            raise needs_sight()
        asked = [message for message in messages if isinstance(message, dict) and message.get("role") != "system"]
        if not asked or (asked[-1].get("role") == "user" and not str(asked[-1].get("content") or "").strip()):
            raise _empty()
        text = render(messages, tokenizer, add_generation_prompt=True)
        ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    if not ids:
        raise _empty()
    return ids


def shows_picture(message: Message) -> bool:
    """Whether a message has a picture among its parts."""
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, list) and any(isinstance(part, dict) and part.get("type") == "image" for part in content)


def _empty() -> SmolError:
    return SmolError("prompt trống, không có gì để trả lời", "the prompt is empty, there is nothing to answer")


def stop_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Ids that end an answer: those of the model's generation config and the tokenizer's own eos token."""
    found: set[int] = set()
    for value in (getattr(model.generation_config, "eos_token_id", None), tokenizer.eos_token_id):
        if value is not None:
            found.update([value] if isinstance(value, int) else value)
    return found


def room(model: Any, prompt_length: int, max_new_tokens: int) -> int:
    """How many tokens may follow the prompt within the model's context.

    Raises:
        SmolError: the prompt alone fills it.
    """
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None) or prompt_length + max_new_tokens
    if prompt_length >= limit:
        raise SmolError(
            f"prompt có {prompt_length} token, mô hình chỉ nhận {limit}",
            f"the prompt has {prompt_length} tokens, the model takes {limit}",
        )
    return int(min(max_new_tokens, limit - prompt_length))


def shared_length(sequences: list[list[int]]) -> int:
    """How many tokens all sequences begin with in common."""
    # Only the first and the last in sorting order can differ early.
    first, last = min(sequences), max(sequences)
    return next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))


class TextPieces:
    """Turns token ids into text as they come. A character whose bytes are split over tokens is held back until it is whole."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._start = 0  # tokens from here on are decoded together: a tokenizer may drop the space before a lone word
        self._told = 0  # tokens before this one have been given out

    def add(self, token: int) -> str:
        """The text that this token completes; empty while a character is unfinished."""
        self._ids.append(token)
        text = self._decode(len(self._ids))
        if text.endswith(_UNFINISHED) and len(self._ids) - self._told < _LONGEST_CHARACTER:
            return ""
        return self._tell(text)

    def end(self) -> str:
        """What is left, when no more tokens come."""
        return self._tell(self._decode(len(self._ids)))

    def _decode(self, until: int) -> str:
        return str(self._tokenizer.decode(self._ids[self._start : until], skip_special_tokens=True))

    def _tell(self, text: str) -> str:
        piece = text[len(self._decode(self._told)) :]
        self._start, self._told = self._told, len(self._ids)
        return piece

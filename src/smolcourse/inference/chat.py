"""A conversation with a model: keeps the turns, answers piece by piece."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smolcourse.data.images import open_image
from smolcourse.data.templates import Message
from smolcourse.errors import SmolError
from smolcourse.inference.generate import Streamer
from smolcourse.vision.loading import needs_sight

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass
class Chat:
    """Turns so far, and how to answer the next one."""

    streamer: Streamer
    system: str | None = None
    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    turns: list[Message] = field(default_factory=list)
    pictures: list[Image] = field(default_factory=list)
    """That go with the next question. Opened once: a file may change while people talk about it."""

    def show(self, source: str) -> Image:
        """Shows a picture with the next question.

        Raises:
            SmolError: a picture that cannot be used, or a model that sees none.
        """
        if not self.streamer.sees:
            raise needs_sight()
        self.pictures.append(open_image(source))
        return self.pictures[-1]

    def reset(self, system: str | None = None) -> None:
        """Forgets all turns and pictures; with `system`, also sets another system prompt (an empty one removes it)."""
        self.turns.clear()
        self.pictures.clear()
        if system is not None:
            self.system = system or None

    def reply(self, text: str) -> Iterator[str]:
        """Yields the answer in pieces. The turn is kept once it is over, also when the reader stops early.

        Raises:
            SmolError: nothing was asked, or the conversation has become longer than the model's context.
        """
        # Keyboards and files may write one Vietnamese letter in two ways; models are trained on NFC.
        words = unicodedata.normalize("NFC", text.strip())
        shown = [{"type": "image", "image": picture} for picture in self.pictures]
        asked: Message = {"role": "user", "content": [*shown, {"type": "text", "text": words}] if shown else words}
        opening = [{"role": "system", "content": self.system}] if self.system else []
        try:
            pieces = self.streamer.stream(
                [*opening, *self.turns, asked],
                max_new_tokens=self.max_new_tokens,
                temperature=self.temperature,
                top_p=self.top_p,
                seed=self.seed + len(self.turns),
            )
        except SmolError as error:
            if self.turns and asked["content"]:
                error.fix = error.fix or "/reset"
            raise
        self.pictures.clear()
        answer = ""
        try:
            for piece in pieces:
                answer += piece
                yield piece
        finally:
            self.turns += [asked, {"role": "assistant", "content": answer}]

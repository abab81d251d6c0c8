"""A conversation with a model: keeps the turns, answers piece by piece."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from smolcourse.data.templates import Message
from smolcourse.errors import SmolError
from smolcourse.inference.generate import Streamer


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

    def reset(self, system: str | None = None) -> None:
        """Forgets all turns; with `system`, also sets another system prompt (an empty one removes it)."""
        self.turns.clear()
        if system is not None:
            self.system = system or None

    def reply(self, text: str) -> Iterator[str]:
        """Yields the answer in pieces. The turn is kept once it is over, also when the reader stops early.

        Raises:
            SmolError: nothing was asked, or the conversation has become longer than the model's context.
        """
        # Keyboards and files may write one Vietnamese letter in two ways; models are trained on NFC.
        asked: Message = {"role": "user", "content": unicodedata.normalize("NFC", text.strip())}
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
        answer = ""
        try:
            for piece in pieces:
                answer += piece
                yield piece
        finally:
            self.turns += [asked, {"role": "assistant", "content": answer}]

"""Magpie: an aligned model, given nothing but the start of a user's turn, writes what users say.

Xu et al. 2024, *Magpie: Alignment Data Synthesis from Scratch by Prompting Aligned LLMs with Nothing*, arXiv:2406.08464. A chat
endpoint opens the assistant's turn by itself, so this needs a local model.
"""

from __future__ import annotations

from smolcourse.data.text import comparable
from smolcourse.synthesis.rows import Ask, Draft, Making, said_all

_TOGETHER = 256  # turns between two writings of rows


def instructions(
    *, count: int = 100, system: str = "", temperature: float = 1.0, top_p: float = 0.95, max_new_tokens: int = 128
) -> Making:
    """So many user turns, each an `instruction`; empty ones, and ones that were there before, are dropped.

    Args:
        system: tells the model what it is for ("You help with cooking."), and so what its users ask.
    """
    first = ({"role": "system", "content": system},) if system else ()
    seen: set[str] = set()
    for start in range(0, count, _TOGETHER):
        asks = [
            Ask(first, max_new_tokens, temperature, top_p, draw, opens="user", like=f"… {draw}")
            for draw in range(start, min(count, start + _TOGETHER))
        ]
        texts = yield from said_all(asks)
        for text in texts:
            reason = "empty" if len(text) < 3 else "said before" if comparable(text) in seen else None
            seen.add(comparable(text))
            yield Draft({"instruction": text, **({"system": system} if system else {})}, dropped=reason)

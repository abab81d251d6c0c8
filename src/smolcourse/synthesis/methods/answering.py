"""Answers to instructions, whatever made them: one, or several to choose from."""

from __future__ import annotations

from smolcourse.synthesis.rows import Making, Row, ask, drop, keep, said, said_all


def respond(row: Row, *, system: str = "", temperature: float = 0.0, max_new_tokens: int = 512) -> Making:
    """Adds `response` to `instruction`; one that stays empty is dropped.

    Args:
        system: the system message; if empty, the row's own, if it has one.
    """
    system = system or row.data.get("system", "")
    text = yield from said(row.data["instruction"], system=system or None, temperature=temperature, max_new_tokens=max_new_tokens)
    changes = {"response": text, **({"system": system} if system else {})}
    yield keep(row, **changes) if text else drop(row, "empty answer", **changes)


def sample(row: Row, *, count: int = 4, system: str = "", temperature: float = 0.8, max_new_tokens: int = 512) -> Making:
    """Adds `responses`: several answers to one instruction, equal ones once.

    Best of n: Stiennon et al. 2020, *Learning to Summarize from Human Feedback*, arXiv:2009.01325.

    Args:
        system: as for `respond`.
    """
    system = system or row.data.get("system", "")
    asks = [
        ask(
            row.data["instruction"],
            system=system or None,
            temperature=temperature,
            max_new_tokens=max_new_tokens,
            draw=draw,
            like=f"… {draw}",
        )
        for draw in range(count)
    ]
    texts = yield from said_all(asks)
    responses = list(dict.fromkeys(text for text in texts if text))
    yield keep(row, responses=responses) if len(responses) > 1 else drop(row, "no two different answers", responses=responses)

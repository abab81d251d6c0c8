"""How hard a row is for a model, by its own likelihoods: no judge is asked, nothing is written.

- Perplexity of a text: exp of the mean loss a token (Marion et al. 2023, *When Less is More*, arXiv:2309.04564). Very high for
  noise, very low for what the model can say by heart.
- Instruction-following difficulty (Li et al. 2023, *From Quantity to Quality*, arXiv:2308.12032, equation 4): the answer's mean
  loss behind its instruction over its mean loss alone. Near 0: the instruction says it all. Above 1: it does not help at all, as
  where the answer belongs to something else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of

if TYPE_CHECKING:
    from smolcourse.inference.loglik import Reader

MODEL = "smollm2-135m-instruct"

_TOGETHER = 256  # rows that are read at once


def perplexities(reader: Reader, texts: Sequence[str]) -> list[float]:
    """exp(-log p / tokens) of whole texts; infinite for an empty one."""
    read = iter(reader.texts([text for text in texts if text]))
    return [math.exp(-one.log / one.tokens) if text and (one := next(read)).tokens else math.inf for text in texts]


def instruction_difficulty(reader: Reader, instructions: Sequence[str], answers: Sequence[str]) -> list[float]:
    """Loss of the answer behind its instruction, by the loss of the answer alone. Both are read in the chat template: alone means
    behind an empty instruction, so that only what the instruction says makes the difference. NaN for an empty answer."""
    pairs = [(ask, answer) for ask, answer in zip(instructions, answers, strict=True) if answer.strip()]
    requests: list[Any] = [([{"role": "user", "content": text}], [answer]) for ask, answer in pairs for text in (ask, "")]
    losses = [-one[0].log / one[0].tokens for one in reader.loglikelihoods(requests)]
    ratios = iter(behind / alone if alone else math.nan for behind, alone in zip(losses[::2], losses[1::2], strict=True))
    return [next(ratios) if answer.strip() else math.nan for answer in answers]


def perplexity(
    rows: Sequence[Row], *, part: Part = "response", model: str = MODEL, least: float = 0.0, most: float | None = None
) -> Iterator[Draft]:
    """Keeps texts whose perplexity lies between `least` and `most`, and notes it with all of them."""
    reader = _reader(model) if len(rows) else None
    for start in range(0, len(rows), _TOGETHER):
        some = list(rows[start : start + _TOGETHER])
        assert reader is not None
        for row, value in zip(some, perplexities(reader, [part_of(row.data, part) for row in some]), strict=True):
            reason = "perplexity too low" if value < least else "perplexity too high" if value > (most or math.inf) else None
            scores = {"perplexity": round(value, 3)} if math.isfinite(value) else {}
            yield drop(row, reason or "empty", scores) if reason or not scores else keep(row, scores)


def ifd(rows: Sequence[Row], *, model: str = MODEL, least: float = 0.0, most: float = 1.0) -> Iterator[Draft]:
    """Keeps rows whose instruction-following difficulty lies between `least` and `most`, and notes it with all of them."""
    reader = _reader(model) if len(rows) else None
    for start in range(0, len(rows), _TOGETHER):
        some = list(rows[start : start + _TOGETHER])
        asked, said = ([part_of(row.data, part) for row in some] for part in ("instruction", "response"))
        assert reader is not None
        for row, value in zip(some, instruction_difficulty(reader, asked, said), strict=True):
            if math.isnan(value):
                yield drop(row, "empty")
                continue
            reason = "too easy" if value < least else "instruction does not help" if value > most else None
            scores = {"ifd": round(value, 4)}
            yield drop(row, reason, scores) if reason else keep(row, scores)


def _reader(model: str) -> Reader:
    from smolcourse.inference.loading import load_model
    from smolcourse.inference.loglik import Reader

    return Reader(*load_model(model))

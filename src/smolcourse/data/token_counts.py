"""How long rows are, in tokens: the part the model reads and the part it learns to write."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smolcourse.data.image_rows import as_text
from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from transformers import PreTrainedTokenizerBase

CountTokens = Callable[[list[Row]], list[tuple[int, int] | RowError]]
"""Native rows -> for each (tokens without loss, tokens with loss), or why it cannot be tokenised."""


@dataclass
class Spread:
    """Tokens per row, and in all."""

    median: int
    p95: int
    max: int
    total: int


@dataclass
class TokenStatistics:
    """Spread of whole rows, of prompts (no loss) and of answers (loss); how many rows exceed `max_length`."""

    row: Spread
    prompt: Spread
    answer: Spread
    max_length: int | None
    over_length: int


def counter(tokenizer: PreTrainedTokenizerBase) -> CountTokens:
    """Counts tokens as training does: same template, same mask. Of a preference row the longer side counts."""

    def count(rows: list[Row]) -> list[tuple[int, int] | RowError]:
        try:
            return list(_count(rows, tokenizer))
        except SmolError:
            if len(rows) > 1:  # one row spoils the call: find it
                return [count([row])[0] for row in rows]
        try:
            return list(_count(rows, tokenizer))
        except SmolError as error:
            return [RowError("template", error.vi, error.en, where=error.where, fix=error.fix)]

    return count


def _count(rows: list[Row], tokenizer: PreTrainedTokenizerBase) -> list[tuple[int, int]]:
    from smolcourse.data.chat import encode_batch, plan

    sides = [_sides(as_text(row)) for row in rows]
    encoded = iter(encode_batch([plan(side, tokenizer) for row in sides for side in row], tokenizer))
    counts = []
    for row in sides:
        longest = max((next(encoded) for _ in row), key=lambda side: len(side.input_ids))
        answer = sum(longest.loss_mask)
        counts.append((len(longest.input_ids) - answer, answer))
    return counts


def _sides(row: Row) -> list[Row]:
    """The row itself, or the two prompt/completion rows of a preference row."""
    if "chosen" not in row:
        return [row]
    shared = {key: value for key, value in row.items() if key not in ("chosen", "rejected")}
    return [shared | {"completion": row[side]} for side in ("chosen", "rejected")]


def statistics(prompts: array[int], answers: array[int], max_length: int | None) -> TokenStatistics:
    """Exact order statistics from one 32-bit count per row and part."""
    import numpy as np

    prompt = np.frombuffer(prompts, dtype=np.uint32).astype(np.int64)
    answer = np.frombuffer(answers, dtype=np.uint32).astype(np.int64)
    over = int((prompt + answer > max_length).sum()) if max_length else 0
    return TokenStatistics(_spread(prompt + answer), _spread(prompt), _spread(answer), max_length, over)


def _spread(counts: NDArray[np.int64]) -> Spread:
    import numpy as np

    median, p95 = np.percentile(counts, (50, 95), method="inverted_cdf")
    return Spread(int(median), int(p95), int(counts.max()), int(counts.sum()))

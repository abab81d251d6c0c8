"""Batches of rows to tokens, and what became of each row: kept, shortened, or left out for a reason."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smolcourse.data.chat import (
    Encoded,
    EncodedWithImages,
    Plan,
    Row,
    Truncation,
    encode_batch,
    plan,
    too_long,
    without_oldest_turns,
)
from smolcourse.data.preferences import EncodedPair, EncodedPairWithImages, join, plan_pair
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_EXAMPLES = 5


@dataclass
class Summary:
    """What became of the rows."""

    rows_read: int = 0
    rows: int = 0
    """Rows kept."""
    tokens: int = 0
    target_tokens: int = 0
    """Tokens that carry loss."""
    longest: int = 0
    """Tokens of the longest row read, kept or not."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Reason -> number of rows: `too_long`, `no_target`, and for pairs `equal`."""
    dropped_rows: dict[str, list[int]] = field(default_factory=dict)
    """Reason -> the numbers (from 1) of the first few."""
    shortened: int = 0
    """Rows that lost their oldest turns (`drop_turns`)."""
    rewritten: int = 0
    """Rows whose template shows an earlier answer otherwise than the model gave it (reasoning left out)."""

    def add(self, other: "Summary") -> None:
        """Adds the counts of the rows that follow."""
        for name in ("rows_read", "rows", "tokens", "target_tokens", "shortened", "rewritten"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest = max(self.longest, other.longest)
        self.dropped = dict(Counter(self.dropped) + Counter(other.dropped))
        for reason, numbers in other.dropped_rows.items():
            self.dropped_rows[reason] = (self.dropped_rows.get(reason, []) + numbers)[:_EXAMPLES]

    def drop(self, reason: str, number: int) -> None:
        """Counts one row left out."""
        self.add(Summary(dropped={reason: 1}, dropped_rows={reason: [number]}))


def encode_rows(
    batch: list[tuple[int, Row]],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int | None,
    truncation: Truncation,
    summary: Summary,
    name: str,
) -> list[Encoded | EncodedWithImages]:
    """Encodes one batch and counts what became of each row. `images`, names by now, go along."""
    plans = []
    for number, row in batch:
        with _at(name, number):
            plans.append((number, plan(row, tokenizer)))
    kept: list[Encoded | EncodedWithImages] = []
    encoded = _encode_plans(plans, tokenizer, name)
    for (number, row), (_, item), result in zip(batch, plans, encoded, strict=True):
        size = len(result.input_ids)
        summary.rows_read += 1
        summary.longest = max(summary.longest, size)
        final: Encoded | None = result
        if max_length is not None and size > max_length:
            with _at(name, number):
                if truncation == "error":
                    raise too_long(size, max_length)
                final = without_oldest_turns(row, tokenizer, max_length) if truncation == "drop_turns" else None
            if final is None:
                summary.drop("too_long", number)
                continue
            summary.shortened += 1
        assert final is not None
        targets = sum(final.loss_mask[1:])  # the first token is never predicted
        if not targets:
            summary.drop("no_target", number)
            continue
        summary.rows += 1
        summary.tokens += len(final.input_ids)
        summary.target_tokens += sum(final.loss_mask)
        summary.rewritten += item.rewritten
        kept.append(EncodedWithImages(*final, row["images"]) if "images" in row else final)
    return kept


def encode_pairs(
    batch: list[tuple[int, Row]],
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int | None,
    truncation: Truncation,
    summary: Summary,
    name: str,
) -> list[EncodedPair | EncodedPairWithImages]:
    """Encodes one batch of preference rows and counts what became of each. `images`, names by now, go along."""
    plans = []
    for number, row in batch:
        with _at(name, number):
            plans += [(number, item) for item in plan_pair(row, tokenizer)]
    encoded = _encode_plans(plans, tokenizer, name)
    kept: list[EncodedPair | EncodedPairWithImages] = []
    for index, (number, row) in enumerate(batch):
        pair = join(*encoded[2 * index : 2 * index + 2])
        summary.rows_read += 1
        summary.longest = max(summary.longest, pair.longest)
        if max_length is not None and pair.longest > max_length:
            if truncation == "error":
                with _at(name, number):
                    raise too_long(pair.longest, max_length)
            summary.drop("too_long", number)
        elif not pair.prompt_ids or not any(pair.chosen_mask) or not any(pair.rejected_mask):
            summary.drop("no_target", number)
        elif pair.chosen_ids == pair.rejected_ids:  # they differ in what the template leaves out
            summary.drop("equal", number)
        else:
            summary.rows += 1
            summary.tokens += len(pair.prompt_ids) + len(pair.chosen_ids) + len(pair.rejected_ids)
            summary.target_tokens += sum(pair.chosen_mask) + sum(pair.rejected_mask)
            summary.rewritten += plans[2 * index][1].rewritten
            kept.append(EncodedPairWithImages(*pair, row["images"]) if "images" in row else pair)
    return kept


def _encode_plans(plans: list[tuple[int, Plan]], tokenizer: "PreTrainedTokenizerBase", name: str) -> list[Encoded]:
    """One call of the tokenizer for all; where one row spoils it, the error says which."""
    try:
        return encode_batch([item for _, item in plans], tokenizer)
    except SmolError:
        for number, item in plans:
            with _at(name, number):
                encode_batch([item], tokenizer)
        raise


class _at:
    """Adds the file and the row number to the errors raised inside."""

    def __init__(self, name: str, number: int) -> None:
        self.place = f"{name}:{number}"

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SmolError):
            where = f"{self.place} {error.where}" if error.where else self.place
            raise SmolError(error.vi, error.en, where=where, fix=error.fix) from error

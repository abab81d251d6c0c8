"""A preference row as tokens: one prompt, and the two answers that follow it.

The tokens are TRL's (`DPOTrainer`): each answer is encoded together with the prompt, and begins where the prompt's own tokens and
those of either whole text part.
"""

from typing import TYPE_CHECKING, NamedTuple

from smolcourse.data.chat import Encoded, Plan, Row, encode_batch, plan
from smolcourse.data.templates import shared_prefix
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SIDES = ("chosen", "rejected")


class EncodedPair(NamedTuple):
    """One preference row as the model sees it. Masks are 1 where an answer's token is a target, and as long as its ids."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    chosen_mask: list[int]
    rejected_ids: list[int]
    rejected_mask: list[int]

    @property
    def longest(self) -> int:
        """Tokens of the longer of the two texts."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))


class EncodedPairWithImages(NamedTuple):
    """One preference row as a model that sees takes it: placeholders stand among `prompt_ids`."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    chosen_mask: list[int]
    rejected_ids: list[int]
    rejected_mask: list[int]
    images: list[str]
    """Names of the pictures that the placeholders stand for, in their order."""


def halves(row: Row) -> tuple[Row, Row]:
    """The prompt with each of its answers, as prompt-completion rows."""
    rest = {key: value for key, value in row.items() if key not in SIDES}
    return {**rest, "completion": row["chosen"]}, {**rest, "completion": row["rejected"]}


def plan_pair(row: Row, tokenizer: "PreTrainedTokenizerBase") -> tuple[Plan, Plan]:
    """Renders both answers of a native preference row.

    Raises:
        SmolError: no such row, or a template that refuses it; `where` names the key.
    """
    if not all(key in row for key in ("prompt", *SIDES)):
        raise SmolError(
            f"hàng có các khoá {sorted(row)}, cần prompt, chosen, rejected",
            f"the row has the keys {sorted(row)}; it needs prompt, chosen, rejected",
            fix="smol data check FILE",
        )
    plans = []
    for side, half in zip(SIDES, halves(row), strict=True):
        try:
            plans.append(plan(half, tokenizer))
        except SmolError as error:
            where = error.where.replace("completion", side, 1) if error.where else side
            raise SmolError(error.vi, error.en, where=where, fix=error.fix) from error
    return plans[0], plans[1]


def join(chosen: Encoded, rejected: Encoded) -> EncodedPair:
    """Cuts the two texts into their common prompt and what follows it."""
    # A token that merges across the border in one text only belongs to both answers, so that they follow the same prompt.
    cut = min(first_target(chosen), first_target(rejected), shared_prefix(chosen.input_ids, rejected.input_ids))
    masks = []
    for side in (chosen, rejected):
        begins = first_target(side)
        masks.append([1] * (begins - cut) + side.loss_mask[begins:])
    return EncodedPair(chosen.input_ids[:cut], chosen.input_ids[cut:], masks[0], rejected.input_ids[cut:], masks[1])


def encode_pair(row: Row, tokenizer: "PreTrainedTokenizerBase") -> EncodedPair:
    """Encodes one native preference row."""
    chosen, rejected = encode_batch(plan_pair(row, tokenizer), tokenizer)
    return join(chosen, rejected)


def first_target(side: Encoded) -> int:
    """Where an answer begins; behind the text if nothing of it is a target."""
    return side.loss_mask.index(1) if 1 in side.loss_mask else len(side.loss_mask)

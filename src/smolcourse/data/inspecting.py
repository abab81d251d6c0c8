"""One row taken apart: which token belongs to whom, and which the model is trained on."""

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from smolcourse.data.chat import Encoded, Plan, Row, encode_batch, plan
from smolcourse.data.image_rows import as_text
from smolcourse.data.preferences import SIDES, encode_pair, halves
from smolcourse.data.stop_token import StopCheck, check_stop_token, model_eos_ids
from smolcourse.data.templates import Message, load_tokenizer, render_with_spans
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MARK = "\ue0f4"


class Piece(NamedTuple):
    """The least run of tokens that is readable text: one token, or the byte tokens of one Vietnamese letter."""

    text: str
    ids: list[int]
    role: str
    """system, user, assistant, tool; `template` for text that no message holds; else the key: prompt, completion, text."""
    target: bool
    special: bool


class Inspection(NamedTuple):
    """A row as the model sees it."""

    pieces: list[Piece]
    encoded: Encoded
    stop: StopCheck
    rewritten: bool
    """The template shows an earlier answer in another form than the model gave it."""

    @property
    def tokens(self) -> int:
        """Tokens in the row."""
        return len(self.encoded.input_ids)

    @property
    def target_tokens(self) -> int:
        """Tokens that carry loss."""
        return sum(self.encoded.loss_mask)

    def as_json(self) -> dict[str, Any]:
        """The whole inspection as plain values."""
        return {
            "tokens": self.tokens,
            "target_tokens": self.target_tokens,
            "target_share": self.target_tokens / max(1, self.tokens),
            "rewritten_history": self.rewritten,
            "stop_token": {**self.stop._asdict(), "ok": self.stop.ok},
            "pieces": [piece._asdict() for piece in self.pieces],
            "input_ids": self.encoded.input_ids,
            "loss_mask": self.encoded.loss_mask,
        }


class PairInspection(NamedTuple):
    """A preference row as the model sees it: both answers after their prompt, as two rows."""

    chosen: Inspection
    rejected: Inspection
    prompt_tokens: int
    """Tokens that both begin with; none of them carries loss."""

    def as_json(self) -> dict[str, Any]:
        """Both sides as plain values."""
        return {"prompt_tokens": self.prompt_tokens, "chosen": self.chosen.as_json(), "rejected": self.rejected.as_json()}


def inspect_row(row: Row, tokenizer: "PreTrainedTokenizerBase", eos_ids: list[int]) -> Inspection:
    """Encodes one native row exactly as training does and labels every token. A picture is shown as `<image>`.

    Raises:
        SmolError: whatever `encode` raises for the row.
    """
    row = as_text(row)
    planned = plan(row, tokenizer)
    return _inspect(row, planned, encode_batch([planned], tokenizer)[0], tokenizer, eos_ids)


def inspect_pair(row: Row, tokenizer: "PreTrainedTokenizerBase", eos_ids: list[int]) -> PairInspection:
    """The same for a native preference row, with the masks that DPO and ORPO use.

    Raises:
        SmolError: whatever `encode_pair` raises for the row.
    """
    row = as_text(row)
    pair = encode_pair(row, tokenizer)
    sides = []
    for half, ids, mask in zip(
        halves(row), (pair.chosen_ids, pair.rejected_ids), (pair.chosen_mask, pair.rejected_mask), strict=True
    ):
        encoded = Encoded(pair.prompt_ids + ids, [0] * len(pair.prompt_ids) + mask)
        sides.append(_inspect(half, plan(half, tokenizer), encoded, tokenizer, eos_ids))
    return PairInspection(sides[0], sides[1], len(pair.prompt_ids))


def _inspect(row: Row, planned: Plan, encoded: Encoded, tokenizer: "PreTrainedTokenizerBase", eos_ids: list[int]) -> Inspection:
    """Gives every token of an encoded row its text and its role."""
    marks = tokenizer(planned.text, add_special_tokens=planned.special_tokens, return_offsets_mapping=True, verbose=False)
    offsets = [(int(start), int(end)) for start, end in marks["offset_mapping"]]
    roles = _roles(row, planned.text, planned.messages, tokenizer)
    pieces = []
    for first, last in _readable(offsets):
        ids = encoded.input_ids[first : last + 1]
        start, end = offsets[first][0], offsets[last][1]
        # The space before a word may belong to no token's offsets; show it with the word.
        start = min(start, offsets[first - 1][1]) if first and end > start else start
        added = start == end
        text = str(tokenizer.convert_ids_to_tokens(ids[0])) if added else planned.text[start:end]
        target = any(encoded.loss_mask[first : last + 1])
        role = roles[min(max(start, 0), len(roles) - 1)] if roles else ("completion" if target else "prompt")
        if "text" in row and planned.messages is None:
            role = "text"
        special = all(token in tokenizer.all_special_ids for token in ids) or added
        pieces.append(Piece(text, ids, role, target, special))
    stop = check_stop_token(tokenizer, eos_ids, row)
    return Inspection(pieces, encoded, stop, planned.rewritten)


def inspect_source(
    source: str, number: int, *, model: str, split: str | None = None, chat_template: str | None = None
) -> Inspection | PairInspection:
    """Inspects row `number` (from 1) of a built-in data set or a file, with the tokenizer of `model` (any reference)."""
    from smolcourse.assets.resolver import resolve_model
    from smolcourse.data.loading import load_rows

    row = next(itertools.islice(load_rows(source, {}, split), number - 1, None), None)
    if row is None:
        size = sum(1 for _ in load_rows(source, {}, split))
        raise SmolError(
            f"không có hàng {number}: dữ liệu có {size} hàng",
            f"there is no row {number}: the data has {size} rows",
            where=source,
            fix=f"smol inspect {source} --row {max(1, size)}",
        )
    folder = resolve_model(model)
    tokenizer = load_tokenizer(folder, chat_template)
    try:
        inspect = inspect_pair if all(side in row for side in SIDES) else inspect_row
        return inspect(row, tokenizer, model_eos_ids(folder, tokenizer))
    except SmolError as error:
        place = f"{source}:{number}" + (f" {error.where}" if error.where else "")
        raise SmolError(error.vi, error.en, where=place, fix=error.fix) from error


def _readable(offsets: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Groups tokens whose characters overlap: (first, last) token of each group."""
    groups: list[tuple[int, int]] = []
    for index, (start, end) in enumerate(offsets):
        if groups and start < offsets[groups[-1][1]][1] and end > start:
            groups[-1] = (groups[-1][0], index)
        else:
            groups.append((index, index))
    return groups


def _roles(row: Row, text: str, messages: list[Message] | None, tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """The role of every character of a rendered conversation; empty for plain strings. For display only."""
    if messages is None:
        return []
    starts = [_first_header(text, messages[0], tokenizer)]
    for index in range(1, len(messages)):
        try:
            before = render_with_spans(messages[:index], tokenizer, tools=row.get("tools") or None)[0]
        except SmolError:
            before = None
        if before is not None and text.startswith(before):
            starts.append(len(before))
        else:
            content = str(messages[index].get("content") or "").strip()
            place = text.find(content, starts[-1] + 1)
            starts.append(place if place >= 0 else starts[-1])
    roles = ["template"] * starts[0]
    for (start, end), message in zip(itertools.pairwise([*starts, len(text)]), messages, strict=True):
        roles += [str(message["role"])] * (end - start)
    return roles


def _first_header(text: str, first: Message, tokenizer: "PreTrainedTokenizerBase") -> int:
    """Where the first message begins: a template may put a system prompt of its own before a user's turn."""
    if first["role"] != "user":
        return 0
    earlier: list[Message] = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    try:
        before = render_with_spans(earlier, tokenizer)[0]
        after = render_with_spans([*earlier, {"role": "user", "content": _MARK}], tokenizer)[0]
    except SmolError:
        return 0
    header = after[len(before) :].partition(_MARK)[0] if after.startswith(before) else ""
    content = text.find(first["content"].strip())
    return max(0, text.rfind(header, 0, content)) if header and content >= 0 else 0

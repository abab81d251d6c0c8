"""What shape a row has, and how it becomes one of the four shapes that trainers take (the names and keys are TRL's)."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum

from smolcourse.data import conversions
from smolcourse.data.image_rows import column_images, has_images, with_images
from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError
from smolcourse.data.validating import NATIVE_KEYS, PASSED_ON, validate


class Format(StrEnum):
    """The first four are native; the others are converted."""

    MESSAGES = "messages"
    PROMPT_COMPLETION = "prompt-completion"
    TEXT = "text"
    PREFERENCE = "preference"
    SHAREGPT = "sharegpt"
    ALPACA = "alpaca"
    DIALOGUE = "dialogue"
    QUESTION_ANSWER = "question-answer"
    CAPTION = "caption"
    TEXTS = "texts"


NATIVE = (Format.MESSAGES, Format.PROMPT_COMPLETION, Format.TEXT, Format.PREFERENCE)

_EXPECTED = "messages | prompt, completion | text | chosen, rejected | conversations | instruction, output | question, answer"
_NATIVE_KEYS = ("messages", "text", "prompt", "completion", "chosen", "rejected")
_KNOWN_KEYS = (*_NATIVE_KEYS, "conversations", "instruction", "input", "output", "response", "question", "answer")


def detect(row: Row) -> Format:
    """The format of a row, from its keys. Raises a `RowError` that names the nearest known key."""
    if "chosen" in row or "rejected" in row:
        return _detect_preference(row)
    if "messages" in row:
        return Format.SHAREGPT if conversions.is_sharegpt(row["messages"]) else Format.MESSAGES
    if "conversations" in row or "conversation" in row:
        return Format.SHAREGPT
    if "prompt" in row and "completion" in row:
        return Format.PROMPT_COMPLETION
    if "instruction" in row and ("output" in row or "response" in row):
        return Format.ALPACA
    if conversions.question_keys(row):
        return Format.QUESTION_ANSWER
    if isinstance(row.get("texts"), list):
        return Format.TEXTS
    if column_images(row) and conversions.caption_key(row):
        return Format.CAPTION
    if "text" in row:
        return Format.DIALOGUE if conversions.is_dialogue(row["text"]) else Format.TEXT
    raise _unknown(row)


def to_native(row: Row, fmt: Format | None = None) -> Row:
    """The row in its native shape: `messages`, `prompt`+`completion`, `text`, or `prompt`+`chosen`+`rejected`.

    A preference row without a prompt gets one: what both answers begin with. `tools` and `chat_template_kwargs` are passed on;
    pictures become `images` (see `image_rows`); other columns are left out. Raises a `RowError` whose `where` is the key path.
    """
    fmt = fmt or detect(row)
    convert = {
        Format.SHAREGPT: conversions.from_sharegpt,
        Format.ALPACA: conversions.from_alpaca,
        Format.DIALOGUE: conversions.from_dialogue,
        Format.QUESTION_ANSWER: conversions.from_question_answer,
        Format.CAPTION: conversions.from_caption,
        Format.TEXTS: conversions.from_texts,
        Format.PREFERENCE: conversions.with_explicit_prompt,
    }.get(fmt)
    native = convert(row) if convert else {key: row[key] for key in NATIVE_KEYS[fmt] if key in row}
    native |= {key: row[key] for key in PASSED_ON if row.get(key) is not None}
    if isinstance(native.get("tools"), str):
        native |= {"tools": conversions.parsed_tools(native["tools"])}
    if has_images(row):
        native = with_images(native, column_images(row))
    validate(native)
    return native


def native_format(native: Row) -> Format:
    """Which of the four native shapes a native row has."""
    if "messages" in native:
        return Format.MESSAGES
    if "chosen" in native:
        return Format.PREFERENCE
    return Format.TEXT if "text" in native else Format.PROMPT_COMPLETION


def _detect_preference(row: Row) -> Format:
    for key in ("chosen", "rejected"):
        if key not in row:
            raise RowError("missing_key", f"thiếu khoá {key!r}", f"the key {key!r} is missing", where=key)
    if conversions.is_sharegpt(row.get("conversations")) or conversions.is_sharegpt([row["chosen"]]):
        return Format.SHAREGPT
    if conversions.is_sharegpt(row["chosen"]):
        return Format.SHAREGPT
    whole = row["chosen"] if not isinstance(row.get("prompt"), str) else row["prompt"]
    return Format.DIALOGUE if isinstance(row["chosen"], str) and conversions.is_dialogue(whole) else Format.PREFERENCE


def _unknown(row: Row) -> RowError:
    keys = [str(key) for key in row]
    for key in keys:
        near = get_close_matches(key.lower(), _KNOWN_KEYS, n=1, cutoff=0.75)
        if near and near[0] != key:
            return RowError(
                "unknown_format",
                f"không có khoá {key!r}; có phải ý bạn là {near[0]!r}?",
                f"{key!r} is not a known key; did you mean {near[0]!r}?",
                where=key,
                fix=_EXPECTED,
            )
    for key, other in (("prompt", "completion"), ("instruction", "output"), ("question", "answer"), ("completion", "prompt")):
        if key in row:
            return RowError("missing_key", f"có {key!r} nhưng thiếu {other!r}", f"{key!r} without {other!r}", where=other)
    listed = ", ".join(keys[:8]) or "{}"
    return RowError(
        "unknown_format",
        f"không nhận ra định dạng từ các khoá: {listed}",
        f"no known format has these keys: {listed}",
        fix=_EXPECTED,
    )

"""Mending one row: roles by other names, a conversation without a last answer, letters that are not composed, stray spaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smolcourse.data.formats import Format, native_format
from smolcourse.data.json_files import Row
from smolcourse.data.text import is_nfc, reread, to_nfc
from smolcourse.data.validating import suggested_role

Note = Callable[[str], None]
"""Called with the kind of every change made."""

_LISTS = ("messages", "prompt", "completion", "chosen", "rejected")


def mend(row: Row, note: Note) -> Row:
    """What can be mended before a row is converted: known roles under other names, turns after the last answer."""
    mended = dict(row)
    for key in _LISTS:
        messages = mended.get(key)
        if isinstance(messages, list):
            mended[key] = [_with_known_role(message, note) for message in messages]
    for key in ("messages", "conversations"):
        turns = mended.get(key)
        if isinstance(turns, list) and "chosen" not in mended:
            kept = _until_answer(turns)
            if 0 < len(kept) < len(turns):
                note("cut_turns")
                mended[key] = kept
    return mended


def clean(native: Row, note: Note) -> Row:
    """A native row whose texts are NFC, rightly decoded, with "\\n" line ends and without space around them."""
    cleaned = dict(native)
    for key in (*_LISTS, "text"):
        value = native.get(key)
        if isinstance(value, str):
            # Where a string answer begins with a space, the space belongs to its first token.
            cleaned[key] = _clean_text(value, note, str.rstrip if key in ("completion", "chosen", "rejected") else _unchanged)
        elif isinstance(value, list):
            cleaned[key] = [_clean_message(message, note) for message in value]
    return cleaned


def as_messages(native: Row) -> Row:
    """A prompt/completion row as a conversation."""
    if native_format(native) is not Format.PROMPT_COMPLETION:
        return native
    prompt, completion = native["prompt"], native["completion"]
    if isinstance(prompt, str):
        prompt, completion = [{"role": "user", "content": prompt}], [{"role": "assistant", "content": completion.lstrip()}]
    rest = {key: value for key, value in native.items() if key not in ("prompt", "completion")}
    return {"messages": prompt + completion} | rest


def _with_known_role(message: Any, note: Note) -> Any:
    role = message.get("role") if isinstance(message, dict) else None
    meant = suggested_role(role) if isinstance(role, str) else None
    if meant is None or meant == role:
        return message
    note("renamed_role")
    return {**message, "role": meant}


def _until_answer(turns: list[Any]) -> list[Any]:
    """The turns up to the last one of the assistant."""
    for index in range(len(turns), 0, -1):
        turn = turns[index - 1]
        speaker = turn.get("role") or turn.get("from") if isinstance(turn, dict) else None
        if not isinstance(speaker, str) or suggested_role(speaker) == "assistant":
            return turns[:index]
    return []


def _clean_message(message: dict[str, Any], note: Note) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": _clean_text(content, note, str.strip)}
    if isinstance(content, list):
        parts = [
            part if part.get("type") != "text" else {**part, "text": _clean_text(part["text"], note, str.strip)}
            for part in content
        ]
        return {**message, "content": parts}
    return message


def _clean_text(text: str, note: Note, trim: Callable[[str], str]) -> str:
    original = text
    if not text.isascii():
        if (read := reread(text)) != text:
            note("reread")
            text = read
        if not is_nfc(text):
            note("nfc")
            text = to_nfc(text)
    trimmed = trim(text.replace("\r\n", "\n") if "\r" in text else text)
    if trimmed != text:
        note("trimmed")
    return trimmed if trimmed != original else original


def _unchanged(text: str) -> str:
    return text

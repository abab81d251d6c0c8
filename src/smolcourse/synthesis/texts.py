"""Which text of a row is meant, whatever the row's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from smolcourse.synthesis.rows import Data

Part = Literal["instruction", "response", "all"]

_KEYS = {"instruction": ("instruction", "prompt"), "response": ("response", "completion", "chosen", "text")}
_ROLES = {"instruction": ("user",), "response": ("assistant",)}


def part_of(data: Data, part: Part = "all") -> str:
    """What is asked, what is answered, or both; several turns stand on lines of their own.

    Of a preference pair `chosen` is the answer; a passage (`text`) is one too.

    Raises:
        KeyError: the row has no such part. Named is the first of the keys that were looked for.
    """
    if part != "all":
        return _of(data, part)
    both = [text for kind in ("instruction", "response") if (text := _of(data, kind, missing="")).strip()]
    if not both and not any(key in data for keys in _KEYS.values() for key in (*keys, "messages")):
        raise KeyError("instruction")
    return "\n".join(both)


def with_part(data: Data, part: Part, change: Any) -> Data:
    """The row's data with `change(text)` in place of every text of this part.

    Raises:
        KeyError: as `part_of`.
    """
    part_of(data, part)
    kinds = ("instruction", "response") if part == "all" else (part,)
    changed = dict(data)
    for kind in kinds:
        if "messages" in data:
            changed["messages"] = _changed(changed["messages"], _ROLES[kind], change)
        for key in (*_KEYS[kind], *(("rejected",) if kind == "response" else ())):
            if isinstance(value := data.get(key), str):
                changed[key] = change(value)
            elif isinstance(value, list):
                changed[key] = _changed(value, ("user", "assistant"), change)
    return changed


def _of(data: Data, kind: str, missing: str | None = None) -> str:
    for key in _KEYS[kind]:
        if key in data:
            value = data[key]
            return value if isinstance(value, str) else _spoken(value, ("user", "assistant"))
    if "messages" in data:
        return _spoken(data["messages"], _ROLES[kind])
    if missing is None:
        raise KeyError(_KEYS[kind][0])
    return missing


def _spoken(messages: Sequence[dict[str, Any]], roles: Sequence[str]) -> str:
    return "\n".join(str(message.get("content") or "") for message in messages if message["role"] in roles)


def _changed(messages: Sequence[dict[str, Any]], roles: Sequence[str], change: Any) -> list[dict[str, Any]]:
    return [
        {**message, "content": change(content)}
        if message["role"] in roles and isinstance(content := message.get("content"), str)
        else message
        for message in messages
    ]

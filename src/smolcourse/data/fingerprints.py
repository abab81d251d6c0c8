"""Eight bytes for a row or its prompt, so that duplicates among millions of rows are found in flat memory."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from smolcourse.data.image_rows import content_text, identities
from smolcourse.data.json_files import Row
from smolcourse.data.text import comparable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=repr)


def fingerprint(text: str) -> int:
    """64 bits of BLAKE2b. Among a million rows the chance of one false match is 3 in 100 million."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def row_text(native: Row) -> str:
    """A whole native row as one string: equal for equal rows, whatever the order of their keys."""
    if native.get("images"):
        native = native | {"images": identities(native)}
    return _ENCODER.encode(native)


def prompt_text(native: Row) -> str:
    """What the model is asked, in comparable form: all that comes before the last answer, without the system message.

    The system message is left out because a test row stays a leak when only its system message was changed. Images count,
    or "What colour is it?" would be the same question about every picture.
    """
    if "messages" in native:
        asked = _said(native["messages"][:-1])
    elif "text" in native:
        asked = native["text"]
    else:
        prompt = native["prompt"]
        asked = prompt if isinstance(prompt, str) else _said(prompt)
    return comparable(asked) + " ".join(identities(native))


def answer_text(native: Row) -> str:
    """What the model should answer, in comparable form; for a preference row both answers."""
    if "messages" in native:
        return comparable(_said(native["messages"][-1:]))
    answers = (native[key] for key in ("completion", "chosen", "rejected") if key in native)
    return "\n".join(comparable(answer if isinstance(answer, str) else _said(answer)) for answer in answers)


def repeated(fingerprints: array[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the fingerprints seen before, in order, and for each the position where it was seen first.

    Sorting costs 25 bytes per row for a moment; a Python set would hold more than 60 for good.
    """
    import numpy as np

    values = np.frombuffer(fingerprints, dtype=np.uint64)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1]) + 1
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    firsts = order[starts[np.searchsorted(starts, same, side="right") - 1]]
    copies = order[same]
    by_row = np.argsort(copies, kind="stable")
    return copies[by_row], firsts[by_row]


def _said(messages: Iterable[dict[str, Any]]) -> str:
    """Speaker and words of each message; a content of parts gives its texts."""
    lines = []
    for message in messages:
        if message["role"] in ("system", "developer"):
            continue
        content = content_text(message.get("content"), mark=" ")
        calls = json.dumps(message["tool_calls"], default=repr) if message.get("tool_calls") else ""
        lines.append(f"{message['role']} {content}{calls}")
    return "\n".join(lines)

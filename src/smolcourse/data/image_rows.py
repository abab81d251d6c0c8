"""Rows with pictures to TRL's shape: contents are lists of parts, and `images` holds the pictures in their order.

{"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Giá?"}]}, ...], "images": ["menu.png"]}

A picture stands where a part or `<image>` in the text says; where nothing does, before what the user says first. A part of
the type `video` ({"type": "video", "video": "clip.gif"}, or a folder of frames) becomes some pictures, evenly spaced (`frames`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smolcourse.data.frames import FRAMES, MOST_FRAMES, frames
from smolcourse.data.images import as_data_url, identity, open_image
from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError
from smolcourse.errors import SmolError

MARK = "<image>"
"""Stands for a picture in a text, as LLaVA's data has it."""
COLUMNS = ("images", "image", "file_name", "image_path")
"""Where rows keep pictures: TRL's; LLaVA's and the hub's; that of `datasets`' image folders; a common one."""
_LISTS = ("messages", "prompt", "completion", "chosen", "rejected")
_FILE_KEYS = ("image", "path", "url", "image_url")
_VIDEO_KEYS = ("video", "path", "url")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|/|~|[A-Za-z]:\\")


def has_images(row: Row) -> bool:
    """Whether a row, in whatever format, comes with pictures."""
    return any(row.get(column) for column in COLUMNS) or any(
        _is_image(part) or _is_video(part) for key in _LISTS for part in _parts_of(row.get(key))
    )


def column_images(row: Row) -> list[Any]:
    """The pictures that a row keeps in a column of their own."""
    value = next((row[column] for column in COLUMNS if row.get(column)), None)
    return value if isinstance(value, list) else [] if value is None else [value]


def with_images(native: Row, given: list[Any]) -> Row:
    """A native row in the shape above; its string prompts and answers become conversations.

    Args:
        given: pictures of a column, for the places that hold none of their own.

    Raises:
        RowError: more pictures than places, or fewer; a video that cannot be used.
    """
    row = _as_conversations(native)
    keys = [key for key in _LISTS if isinstance(row.get(key), list)]
    for key in keys:
        row[key] = [_with_parts(message, marked=bool(given)) for message in row[key]]
    places = [part for key in keys for part in _parts_of(row[key]) if _is_image(part)]
    empty = [part for part in places if _file_of(part) is None]
    if given and not places:
        places = empty = _put_first(row, keys, len(given))
    if len(empty) != len(given):
        raise RowError(
            "image_count",
            f"có {len(given)} ảnh cho {len(empty)} chỗ",
            f"{len(given)} images for {len(empty)} places",
            where="images",
            fix=f"{MARK} | " + '{"type": "image"}',
        )
    waiting = iter(given)
    images = [next(waiting) if (own := _file_of(part)) is None else own for part in places]
    for part in places:
        for key in _FILE_KEYS:
            part.pop(key, None)
        part["type"] = "image"
    return row | {"images": images}


def as_text(row: Row) -> Row:
    """A native row whose contents are strings, `<image>` where a picture stands: for what reads text alone."""
    if not row.get("images"):
        return row
    shown = {key: value for key, value in row.items() if key != "images"}
    for key in _LISTS:
        if isinstance(shown.get(key), list):
            shown[key] = [{**message, "content": content_text(message.get("content"))} for message in shown[key]]
    return shown


def content_text(content: Any, mark: str = MARK) -> str:
    """The words of a content, a string or a list of parts; `mark` where a picture stands."""
    if not isinstance(content, list):
        return content or ""
    return "".join(mark if _is_image(part) else str(part.get("text") or "") for part in content)


def anchored(row: Row, folder: Path) -> Row:
    """The row with its pictures' paths, which are relative to the file they stand in, below `folder`."""
    if not has_images(row):
        return row
    row = dict(row)
    for column in COLUMNS:
        if row.get(column):
            row[column] = (
                [_below(folder, one) for one in row[column]] if isinstance(row[column], list) else _below(folder, row[column])
            )
    for key in _LISTS:
        if isinstance(row.get(key), list):
            row[key] = [_anchored_message(message, folder) for message in row[key]]
    return row


def portable(row: Row) -> Row:
    """The row as JSON can hold it: pictures that are no files become data URLs."""
    if not has_images(row):
        return row
    row = dict(row)
    for column in COLUMNS:
        if row.get(column):
            row[column] = [_writable(one) for one in row[column]] if isinstance(row[column], list) else _writable(row[column])
    return row


def check_images(native: Row) -> None:
    """Opens every picture of a native row. Raises a `RowError` of the kind `bad_image` for the first that cannot be used."""
    for index, image in enumerate(native.get("images") or ()):
        try:
            open_image(image)
        except SmolError as error:
            name = f" ({error.where})" if error.where and isinstance(image, str) else ""
            raise RowError("bad_image", error.vi + name, error.en + name, where=f"images[{index}]", fix=error.fix) from None


def by_content(value: Any) -> Any:
    """The same conversations with pictures by content, not by path: equal on every machine, different when a file changes."""
    if isinstance(value, dict):
        is_part = _is_image(value)
        return {key: identity(one) if is_part and key == "image" else by_content(one) for key, one in value.items()}
    return [by_content(one) for one in value] if isinstance(value, (list, tuple)) else value


def identities(row: Row) -> list[str]:
    """One short name for each picture of a native row: equal for equal files, wherever they lie."""
    return [identity(image) for image in row.get("images") or ()]


def _as_conversations(native: Row) -> Row:
    """Trainers take pictures in conversations only."""
    row = dict(native)
    speakers = {"prompt": "user", "completion": "assistant", "chosen": "assistant", "rejected": "assistant"}
    for key, role in speakers.items():
        if isinstance(row.get(key), str):
            row[key] = [{"role": role, "content": row[key]}]
    return row


def _with_parts(message: Any, *, marked: bool) -> Any:
    """A message whose content is a list of fresh parts; what is no message is left to the checks."""
    if not isinstance(message, dict):
        return message
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": list(_split(content)) if marked else [{"type": "text", "text": content}]}
    if isinstance(content, list):
        # Tables (Arrow) fill every part up with keys that it does not have.
        kept = [
            {key: value for key, value in part.items() if value is not None} if isinstance(part, dict) else part
            for part in content
        ]
        return {**message, "content": [one for part in kept for one in (_moments(part) if _is_video(part) else [part])]}
    return message


def _moments(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The pictures that a video part stands for."""
    file = next((part[key] for key in _VIDEO_KEYS if isinstance(part.get(key), str)), None)
    count = part.get("frames", FRAMES)
    if not file:
        raise RowError("bad_image", "phần video không nêu tệp nào", "a video part names no file or folder", where="video")
    if type(count) is not int or not 1 <= count <= MOST_FRAMES:
        raise RowError(
            "wrong_type",
            f"frames phải là số từ 1 đến {MOST_FRAMES}",
            f"frames must be a number from 1 to {MOST_FRAMES}",
            where="video",
        )
    try:
        return [{"type": "image", "image": name} for name in frames(file, count)]
    except SmolError as error:
        raise RowError("bad_image", f"{error.vi} ({file})", f"{error.en} ({file})", where="video", fix=error.fix) from None


def _split(text: str) -> Iterator[dict[str, Any]]:
    before, *others = text.split(MARK)
    if before.strip() or not others:
        yield {"type": "text", "text": before.rstrip("\n") if others else before}
    for other in others:
        yield {"type": "image"}
        if other.strip():
            yield {"type": "text", "text": other.strip("\n")}


def _put_first(row: Row, keys: list[str], count: int) -> list[dict[str, Any]]:
    """Puts places before what the user says first."""
    places: list[dict[str, Any]] = [{"type": "image"} for _ in range(count)]
    for key in keys:
        for message in row[key]:
            if isinstance(message, dict) and message.get("role") == "user" and isinstance(message.get("content"), list):
                message["content"] = [*places, *message["content"]]
                return places
    return []


def _parts_of(messages: Any) -> Iterator[Any]:
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        yield from content if isinstance(content, list) else ()


def _is_image(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") in ("image", "image_url")


def _is_video(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "video"


def _file_of(part: dict[str, Any]) -> Any:
    """The picture that a part brings along: `image`, `path`, `url`, or OpenAI's `image_url`."""
    value = next((part[key] for key in _FILE_KEYS if part.get(key) is not None), None)
    return value.get("url") if isinstance(value, dict) and "url" in value else value


def _anchored_message(message: Any, folder: Path) -> Any:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        return message
    parts = [_anchored_part(part, folder) if _is_image(part) or _is_video(part) else part for part in content]
    return {**message, "content": parts}


def _anchored_part(part: dict[str, Any], folder: Path) -> dict[str, Any]:
    keys = (*_FILE_KEYS, *_VIDEO_KEYS)
    return {key: _below(folder, value) if key in keys and value is not None else value for key, value in part.items()}


def _writable(image: Any) -> Any:
    if isinstance(image, dict) and not image.get("bytes"):
        return image.get("path")
    return image if isinstance(image, str) else as_data_url(image)


def _below(folder: Path, image: Any) -> Any:
    if isinstance(image, str):
        return image if not image or _ADDRESS.match(image) else str(folder / image)
    if isinstance(image, dict) and isinstance(image.get("path"), str) and not image.get("bytes"):
        return {**image, "path": _below(folder, image["path"])}
    return image

"""Pictures in requests: parts as OpenAI has them, which bring the picture along as a `data:` URL. Nothing is fetched.

The server looks at addresses only. Files that strangers made are opened in the worker, which may die of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from smolcourse.data.images import open_image
from smolcourse.inference.serving.keeper import Facts
from smolcourse.inference.serving.problems import wrong
from smolcourse.vision.loading import needs_sight

FEATURE = "images"
MOST = 16
"""Pictures in one request."""
MOST_PIXELS = 32_000_000
"""Of all pictures in one request: a file of a few kilobytes may unpack to any number."""
KINDS = ("PNG", "JPEG", "WEBP", "GIF")
_DATA_URL = re.compile(rf"data:image/({'|'.join(KINDS)}|jpg);base64,", re.IGNORECASE)
_LOGGED = 40  # characters of a data URL


def parts_of(content: Sequence[Mapping[str, Any]], where: str, facts: Facts) -> str | list[dict[str, Any]]:
    """What a worker is told of a content's parts: one text, or parts where there are pictures.

    Args:
        where: names the content in errors, `messages[0].content`.

    Raises:
        Problem: a picture for a model that sees none, or one that is not brought along.
    """
    parts: list[dict[str, Any]] = []
    for index, part in enumerate(content):
        if part["type"] == "text":
            parts.append({"type": "text", "text": unicodedata.normalize("NFC", part["text"])})
            continue
        place = f"{where}[{index}].image_url.url"
        if FEATURE not in facts.features:
            error = needs_sight()
            raise wrong(f"{place}: {error.vi}", f"{place}: {error.en}", place, "images_not_supported")
        check_address(part["image_url"]["url"], place)
        parts.append({"type": "image", "image": part["image_url"]["url"], "where": place})
    return parts if any(part["type"] == "image" for part in parts) else "".join(part["text"] for part in parts)


def check_address(url: str, where: str) -> None:
    """Raises `Problem` 400 for anything but a `data:` URL of a kind that is taken."""
    kinds = ", ".join(kind.lower() for kind in KINDS)
    if url[:5].lower() != "data:":
        raise wrong(
            f"{where}: server không tải ảnh từ địa chỉ hay tệp nào; hãy gửi chính ảnh: data:image/png;base64,...",
            f"{where}: this server fetches no picture from any address or file; send the picture: data:image/png;base64,...",
            where,
            "remote_image_refused",
        )
    if not _DATA_URL.match(url):
        raise wrong(
            f"{where}: phải là data:image/KIỂU;base64,... với KIỂU là một trong {kinds}",
            f"{where}: must be data:image/KIND;base64,... where KIND is one of {kinds}",
            where,
            "invalid_image_url",
        )


def check_count(messages: Sequence[Mapping[str, Any]]) -> None:
    """Raises `Problem` 400 for more than `MOST` pictures."""
    contents = [message["content"] for message in messages if isinstance(message["content"], list)]
    places = [part["where"] for content in contents for part in content if part["type"] == "image"]
    if len(places) > MOST:
        where = places[MOST]
        vi, en = f"một request nhiều nhất {MOST} ảnh, không phải {len(places)}", f"{MOST} pictures a request, not {len(places)}"
        raise wrong(f"{where}: {vi}", f"{where}: {en}", where, "too_many_images")


def opened(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """In the worker: messages whose pictures are opened, one after the other.

    Raises:
        SmolError: one that is no picture, damaged, or too large; `where` names its part.
    """
    left = MOST_PIXELS
    result = []
    for message in messages:
        content = message["content"]
        if isinstance(content, list):
            content = list(content)
            for index, part in enumerate(content):
                if part["type"] == "image":
                    picture = open_image(part["image"], where=part["where"], formats=KINDS, most=left)
                    left -= picture.width * picture.height
                    content[index] = {"type": "image", "image": picture}
        result.append({**message, "content": content})
    return result


def for_the_log(value: Any) -> Any:
    """A request without the bytes of its pictures."""
    if isinstance(value, dict):
        return {key: for_the_log(one) for key, one in value.items()}
    if isinstance(value, list):
        return [for_the_log(one) for one in value]
    if isinstance(value, str) and len(value) > _LOGGED and _DATA_URL.match(value):
        return f"{value[:_LOGGED]}... ({len(value)})"
    return value

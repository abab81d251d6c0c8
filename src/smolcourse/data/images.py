"""One door for pictures: whatever they come from, out comes RGB as a person would see it, or one clear error.

Upright (EXIF), transparent parts white, the first frame of an animation or the one it is asked for (`clip.gif#frame=12`),
sixteen bits as eight. Nothing is fetched.
"""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from smolcourse.errors import SmolError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
"""Formats of plain pixels. Pillow knows others that start programs (EPS) or fetch fonts; they stay shut."""
MIN_SIDE = 4
"""Pixels. A picture of 1 x 1 is what is left of one (a tracker, a failed download), and there is nothing in it to learn from."""
MAX_SIDE = 4096
"""Pixels. A longer side is shrunk to this: no model here sees as much."""
MAX_PIXELS = 100_000_000
"""A file of a few kilobytes may unpack to any number of pixels; this many are 300 MB, and no more are unpacked."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: C:\ is a disk
_FRAME = re.compile(r"(?!data:)(?P<file>.+)#frame=(?P<number>\d{1,7})", re.DOTALL | re.IGNORECASE)
_DATA_URL = re.compile(r"data:(?P<kind>[^;,]*)(?P<rest>[^,]*),(?P<data>.*)", re.DOTALL | re.IGNORECASE)


def open_image(
    source: str | Path | bytes | dict[str, Any] | Image,
    *,
    where: str = "",
    formats: Sequence[str] = FORMATS,
    most: int = MAX_PIXELS,
) -> Image:
    """Opens a picture as RGB, at most `MAX_SIDE` pixels a side.

    Args:
        source: a path, a `data:` URL, the bytes of a file, a Pillow image, or what `datasets` keeps: {"bytes": ..., "path": ...}.
        where: stands before the error (`menu.jsonl:3 images[0]`); the source itself where it is left out.
        formats: of `FORMATS`, that files may have.
        most: pixels that a file may unpack to.

    Raises:
        SmolError: not there, not a picture, cut off, too small, too many pixels, or an address in a network.
    """
    from PIL import Image as pillow

    place = where or _name_of(source)
    if isinstance(source, dict):
        source = source.get("bytes") or source.get("path") or b""
    if isinstance(source, pillow.Image):
        return _finished(source, place)
    data, frame = split_frame(source)
    if isinstance(data, str) and _is_data_url(data):
        data = _from_data_url(data, place)
    if not isinstance(data, bytes):
        data = _read(data, place)
    if not data:
        raise _bad(place, "tệp ảnh trống", "the image file is empty")
    return _opened(data, place, formats, most, frame)


def identity(source: str | Path | bytes | dict[str, Any] | Image) -> str:
    """A short name, equal for equal files wherever they lie; that of its path for a file that cannot be read."""
    from PIL import Image as pillow

    if isinstance(source, dict):
        source = source.get("bytes") or source.get("path") or b""
    if isinstance(source, pillow.Image):
        data = repr((source.mode, source.size)).encode() + source.tobytes()
    elif isinstance(source, bytes):
        data = source
    else:
        file, frame = split_frame(source)
        try:
            data = _from_data_url(str(source), "") if _is_data_url(source) else _read(file, "")
            data += b"#%d" % frame if frame else b""
        except SmolError:
            data = str(source).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=12).hexdigest()


def split_frame(source: Any) -> tuple[Any, int]:
    """`clip.gif#frame=12` -> `clip.gif`, 12; frame 0 of anything else."""
    match = _FRAME.fullmatch(str(source)) if isinstance(source, str | Path) else None
    return (match["file"], int(match["number"])) if match else (source, 0)


def as_data_url(source: bytes | dict[str, Any] | Image) -> str:
    """A picture that is no file, as text that a file can hold: `data:image/png;base64,...`."""
    if isinstance(source, dict):
        source = source.get("bytes") or b""
    if isinstance(source, bytes):
        kind, data = ("jpeg" if source.startswith(b"\xff\xd8") else "png"), source  # readers look at the bytes, not at the name
    else:
        buffer = BytesIO()
        source.save(buffer, "PNG")
        kind, data = "png", buffer.getvalue()
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _opened(data: bytes, where: str, formats: Sequence[str], most: int, frame: int = 0) -> Image:
    _strict_about_bombs()
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    try:
        with pillow.open(BytesIO(data), formats=tuple(formats)) as image:
            _check_size(image, where, most)
            if frame:
                image.seek(frame)
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # a huge JPEG is shrunk while it is unpacked
            return _finished(image, where)
    except SmolError:
        raise
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        raise _too_many(where, most) from error
    except UnidentifiedImageError as error:
        raise _no_image(data, where, formats) from error
    except MemoryError as error:
        raise _too_many(where, most) from error
    except (
        Exception
    ) as error:  # a damaged file may break a decoder in any way: OSError, SyntaxError, IndexError, struct.error, ...
        reason = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise _bad(where, f"ảnh bị hỏng hoặc bị cắt cụt ({reason})", f"the image is damaged or cut off ({reason})") from error


def _finished(image: Image, where: str) -> Image:
    """Upright, RGB, not too large."""
    from PIL import Image as pillow
    from PIL import ImageOps

    _check_size(image, where)
    image.load()
    try:
        upright = ImageOps.exif_transpose(image)
    except Exception:  # what is broken is the note about the camera, not the picture
        upright = image.copy()
    plain = _as_rgb(upright)
    if max(plain.size) > MAX_SIDE:
        plain.thumbnail((MAX_SIDE, MAX_SIDE), pillow.Resampling.LANCZOS, reducing_gap=2.0)
        _check_size(plain, where)
    return plain


def _as_rgb(image: Image) -> Image:
    from PIL import Image as pillow

    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = pillow.new("RGBA", layer.size, "white")
        return pillow.alpha_composite(white, layer).convert("RGB")
    return image.copy() if image.mode == "RGB" else image.convert("RGB")


def _eight_bits(image: Image) -> Image:
    """Greys of more bits, which `convert` would cut off at 255: 16 bits as 65535ths, others from darkest to lightest."""
    import numpy as np
    from PIL import Image as pillow

    values = np.asarray(image).astype(np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = (0.0, 65535.0) if image.mode.startswith("I;16") else (values.min(), values.max())
    return pillow.fromarray(((values - low) / max(high - low, 1e-9) * 255).round().astype(np.uint8))


def _check_size(image: Image, where: str, most: int = MAX_PIXELS) -> None:
    width, height = image.size
    if width * height > most:
        raise _too_many(where, most, f"{width} x {height}")
    if min(width, height) < MIN_SIDE:
        vi = f"ảnh chỉ có {width} x {height} pixel: không có gì để xem"
        raise _bad(where, vi, f"the image has {width} x {height} pixels: there is nothing to see")


def _read(source: str | Path, where: str) -> bytes:
    if isinstance(source, str) and _SCHEME.match(source):
        scheme = source.partition(":")[0]
        raise _bad(
            where,
            f"không tải ảnh từ địa chỉ {scheme}:; hãy tải về trước, hoặc dùng data URL",
            f"images are not fetched from {scheme}: addresses; download it first, or use a data URL",
        )
    try:
        path = Path(source).expanduser() if str(source).startswith("~") else Path(source)
        if not path.exists():
            raise _bad(where, "không có tệp ảnh này", "there is no such image file")
        if not path.is_file():  # a folder; a pipe or a device would never end
            raise _bad(where, "đây không phải là một tệp", "this is not a file")
        return path.read_bytes()
    except OSError as error:
        raise _bad(where, f"không đọc được ({error.strerror})", f"cannot be read ({error.strerror})") from error
    except (ValueError, RuntimeError) as error:  # a null byte; the home of nobody
        raise _bad(where, "không có tệp ảnh này", "there is no such image file") from error


def _is_data_url(source: object) -> bool:
    return isinstance(source, str) and source[:5].lower() == "data:"


def _from_data_url(url: str, where: str) -> bytes:
    match = _DATA_URL.fullmatch(url)
    if match is None or not match["kind"].lower().startswith("image/"):
        raise _bad(where, "data URL phải là data:image/...;base64,...", "a data URL must be data:image/...;base64,...")
    try:
        data = unquote_to_bytes(match["data"])
        return base64.b64decode(b"".join(data.split()), validate=True) if match["rest"].lower().endswith(";base64") else data
    except (binascii.Error, ValueError) as error:
        raise _bad(where, "base64 của data URL bị hỏng", "the base64 of the data URL is broken") from error


@cache
def _strict_about_bombs() -> None:
    """Pillow only warns of images that are somewhat too large; the warning is an error here."""
    from PIL import Image as pillow

    warnings.filterwarnings("error", category=pillow.DecompressionBombWarning)


def _no_image(data: bytes, where: str, formats: Sequence[str]) -> SmolError:
    """Says what it is instead, where that can be told."""
    if data[4:8] == b"ftyp" and data[8:11] in (b"hei", b"mif", b"hev"):
        return _bad(where, "ảnh HEIC của iPhone; hãy xuất ra JPEG hoặc PNG", "an iPhone's HEIC; export it as JPEG or PNG")
    if data[4:8] == b"ftyp" or data[:4] == b"\x1a\x45\xdf\xa3":
        return video_file(where)
    start = data[:512].lstrip().lower()
    for sign, name in (
        (b"%pdf", "PDF"),
        (b"<svg", "SVG"),
        (b"<?xml", "XML/SVG"),
        (b"<!doctype html", "HTML"),
        (b"<html", "HTML"),
    ):
        if start.startswith(sign):
            return _bad(where, f"đây là {name}, không phải ảnh", f"this is {name}, not an image")
    if data[:1024].isascii() and b"\0" not in data[:1024]:
        return _bad(where, "đây là văn bản, không phải ảnh", "this is text, not an image")
    listed = ", ".join(formats)
    return _bad(where, f"không phải ảnh mà smol đọc được ({listed})", f"not an image that smol can read ({listed})")


def video_file(where: str) -> SmolError:
    """The error of a video file, with the command that makes a folder of it."""
    return SmolError(
        "đây là tệp video; hãy tách nó thành một thư mục khung hình rồi dùng thư mục đó",
        "this is a video file; make a folder of frames of it, and name that folder instead",
        where=where or None,
        fix="mkdir FRAMES && ffmpeg -i VIDEO -vf fps=2 FRAMES/%05d.jpg",
    )


def _too_many(where: str, most: int, size: str = "") -> SmolError:
    millions = f"{most / 1e6:.3g}"
    said = f" ({size})" if size else ""
    return _bad(
        where,
        f"ảnh quá nhiều pixel{said}; nhiều nhất {millions} triệu",
        f"the image has too many pixels{said}; at most {millions} million",
    )


def _name_of(source: object) -> str:
    """How an error names a picture that nobody named."""
    if isinstance(source, str) and _is_data_url(source):
        return source[:24] + "..."
    return str(source)[:200] if isinstance(source, (str, Path)) else "image"


def _bad(where: str, vi: str, en: str) -> SmolError:
    return SmolError(vi, en, where=where or None)

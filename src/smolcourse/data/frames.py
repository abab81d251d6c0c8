"""Video as pictures: some moments of an animation or of a folder of frames, evenly spaced, the first and the last among them.

A moment is named, not copied: `clip.gif#frame=12` is a picture wherever `clip.gif` could be one, and is decoded when it is
opened. Real video files need a decoder that is far larger than this project; ffmpeg makes a folder of frames of them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from smolcourse.data.images import FORMATS, open_image, video_file
from smolcourse.errors import SmolError

FRAMES = 8
"""Of a video, unless its part says another number: every one costs as many tokens as a picture."""
MOST_FRAMES = 64
_MOVING = ("GIF", "WEBP", "PNG", "AVIF")
_VIDEO = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi", ".mpg", ".mpeg", ".ts", ".3gp")
_PICTURE = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".avif")


def frames(source: str | Path, count: int = FRAMES) -> list[str]:
    """The names of at most `count` pictures of a video, in their order, each of which `images.open_image` opens.

    Args:
        source: an animation (GIF, WebP, APNG, AVIF), a folder of numbered frames, or one picture.

    Raises:
        SmolError: not there, no picture in it, damaged, or a video file: then with ffmpeg's command.
    """
    path = Path(source)
    if path.suffix.lower() in _VIDEO:
        raise video_file(str(source))
    if not is_folder(source):
        total = _length(source)
        return [str(source)] if total == 1 else [f"{source}#frame={place}" for place in spaced(total, count)]
    try:
        found = sorted((file for file in path.expanduser().iterdir() if file.suffix.lower() in _PICTURE), key=_numbers)
    except OSError as error:
        raise SmolError(
            f"không đọc được thư mục ({error.strerror})", f"the folder cannot be read ({error.strerror})", where=str(source)
        ) from error
    if not found:
        raise SmolError("thư mục không có khung hình nào", "there are no frames in the folder", where=str(source))
    return [str(found[place]) for place in spaced(len(found), count)]


def shown_by(source: str) -> list[str]:
    """The pictures that somebody means who names a file: frames where it moves or is a folder, else the file itself."""
    moves = is_folder(source) or Path(source).suffix.lower() in (*_VIDEO, ".gif", ".webp", ".png", ".apng", ".avif")
    return frames(source) if moves else [source]


def is_folder(source: str | Path) -> bool:
    """Whether frames lie in a folder of that name; no text, however long or odd, is an error."""
    try:
        return Path(source).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):
        return False


def spaced(total: int, count: int) -> list[int]:
    """`count` of the numbers below `total`, evenly spaced, the first and the last among them; all where they are no more."""
    if total <= count:
        return list(range(total))
    return [round(place * (total - 1) / (count - 1)) for place in range(count)] if count > 1 else [total // 2]


def _length(source: str | Path) -> int:
    """Frames of a file that may move."""
    from PIL import Image as pillow

    open_image(source)  # whatever is wrong with it is told there
    if str(source)[:5].lower() == "data:":
        return 1
    with pillow.open(Path(source).expanduser(), formats=FORMATS) as image:
        return int(getattr(image, "n_frames", 1)) if image.format in _MOVING else 1


def _numbers(file: Path) -> list[Any]:
    """2.png before 10.png."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", file.name)]

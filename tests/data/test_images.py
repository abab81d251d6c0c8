"""Pictures as people have them. A table of what is wrong with a file, and a table of what is merely unusual."""

from __future__ import annotations

import base64
import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from smolcourse.data import images
from smolcourse.data.images import MAX_SIDE, open_image
from smolcourse.errors import SmolError

Source = str | Path | bytes


def photo(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Red, with the upper left quarter blue: one sees whether it was turned."""
    image = Image.new("RGB", (width, height), "red")
    ImageDraw.Draw(image).rectangle((0, 0, width // 2 - 1, height // 2 - 1), fill="blue")
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def looks_like_photo(image: Image.Image, tolerance: int = 12) -> bool:
    """Blue in the upper left corner, red in the others."""
    width, height = image.size
    corners = [(2, 2), (width - 3, 2), (2, height - 3), (width - 3, height - 3)]
    wanted = [(0, 0, 255), (255, 0, 0), (255, 0, 0), (255, 0, 0)]
    pixels = [image.getpixel(corner) for corner in corners]
    return all(
        abs(a - b) <= tolerance
        for pixel, colour in zip(pixels, wanted, strict=True)
        for a, b in zip(pixel, colour, strict=True)  # type: ignore[arg-type]
    )


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises this many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def corrupted(data: bytes) -> bytes:
    """The middle overwritten, as a failing disk does."""
    middle = len(data) // 2
    return data[:middle] + b"\xff\x00" * 40 + data[middle + 80 :]


def in_file(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


def big_photo() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3), dtype=np.uint8)
    return Image.fromarray(noise)


BAD: dict[str, tuple[Callable[[Path], Source], str]] = {
    "missing": (lambda folder: folder / "menu.png", "không có tệp"),
    "a name with a null byte": (lambda folder: "me\0nu.png", "không có tệp"),
    "a folder": (lambda folder: folder, "không phải là một tệp"),
    "empty": (lambda folder: in_file(folder, "a.png", b""), "trống"),
    "no bytes": (lambda folder: b"", "trống"),
    "truncated PNG": (lambda folder: encoded(big_photo())[:-5000], "cắt cụt"),
    "truncated JPEG": (lambda folder: encoded(big_photo(), "JPEG")[:-5000], "cắt cụt"),
    "truncated WebP": (lambda folder: encoded(big_photo(), "WEBP")[:-2000], "cắt cụt"),
    "only a header": (lambda folder: encoded(photo())[:20], ""),
    "corrupted PNG": (lambda folder: corrupted(encoded(big_photo())), "hỏng"),
    "1 x 1": (lambda folder: encoded(Image.new("RGB", (1, 1))), "1 x 1"),
    "a line of one pixel": (lambda folder: encoded(Image.new("RGB", (500, 1))), "500 x 1"),
    "decompression bomb": (lambda folder: bomb(60_000, 60_000), "quá nhiều pixel"),
    "bomb below Pillow's own limit": (lambda folder: bomb(12_000, 12_000), "quá nhiều pixel"),
    "20,000 x 20,000": (lambda folder: bomb(20_000, 20_000), "quá nhiều pixel"),
    "text named .png": (lambda folder: in_file(folder, "a.png", "phở bò 45k".encode() * 9), "không phải ảnh"),
    "ASCII text named .jpg": (lambda folder: in_file(folder, "a.jpg", b"pho bo 45k"), "văn bản"),
    "a web page named .jpg": (lambda folder: in_file(folder, "a.jpg", b"<!DOCTYPE html><html>404</html>"), "HTML"),
    "SVG": (lambda folder: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "PDF": (lambda folder: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "PDF"),
    "HEIC of an iPhone": (lambda folder: b"\0\0\0\x18ftypheic" + b"\0" * 64, "HEIC"),
    "EPS, which would start a program": (lambda folder: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "không phải ảnh"),
    "random bytes": (lambda folder: bytes(range(256)) * 8, "không phải ảnh"),
    "an address": (lambda folder: "https://example.com/menu.png", "không tải ảnh"),
    "an address inside the network": (lambda folder: "HTTP://169.254.169.254/latest", "không tải ảnh"),
    "a file address": (lambda folder: "file:///etc/passwd", "không tải ảnh"),
    "a data URL of text": (lambda folder: "data:text/html,<b>", "data URL"),
    "a data URL without a comma": (lambda folder: "data:image/png;base64", "data URL"),
    "a data URL with broken base64": (lambda folder: "data:image/png;base64,@@@=", "base64"),
    "a data URL of something else": (lambda folder: "data:image/png;base64,aGVsbG8=", "không phải ảnh"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_ends_in_one_clear_error(kind: str, tmp_path: Path) -> None:
    make, said = BAD[kind]
    with pytest.raises(SmolError) as caught:
        open_image(make(tmp_path), where="menu.jsonl:3 images[0]")
    assert said in caught.value.vi
    assert caught.value.where == "menu.jsonl:3 images[0]"


@pytest.mark.bad_input
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SmolError, match="không phải là một tệp"):
        open_image(pipe(tmp_path))


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("unpacked"))
    with pytest.raises(SmolError, match="quá nhiều"):
        open_image(bomb(12_000, 12_000))


def turned(orientation: int) -> bytes:
    """The photo as a camera held otherwise keeps it."""
    undo = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[274] = orientation
    return encoded(photo().transpose(undo[orientation]), "JPEG", exif=exif, quality=95, subsampling=0)


def transparent(mode: str) -> Image.Image:
    image = photo().convert("RGBA")
    image.paste((9, 9, 9, 0), (20, 12, 40, 28))
    return image if mode == "RGBA" else image.quantize(16)


def animated(kind: str) -> bytes:
    other = Image.new("RGB", (60, 40), "green")
    return encoded(photo(), kind, save_all=True, append_images=[other, other], duration=50, lossless=True)


UNUSUAL: dict[str, Callable[[], bytes]] = {
    "PNG": lambda: encoded(photo()),
    "JPEG": lambda: encoded(photo(), "JPEG", quality=95, subsampling=0),
    "WebP": lambda: encoded(photo(), "WEBP", lossless=True),
    "BMP": lambda: encoded(photo(), "BMP"),
    "TIFF": lambda: encoded(photo(), "TIFF"),
    "palette": lambda: encoded(photo(mode="P"), "PNG"),
    "CMYK": lambda: encoded(photo(mode="CMYK"), "JPEG", quality=95, subsampling=0),
    "CMYK TIFF": lambda: encoded(photo(mode="CMYK"), "TIFF"),
    "alpha": lambda: encoded(transparent("RGBA")),
    "palette with a transparent colour": lambda: encoded(transparent("P")),
    "turned by 180": lambda: turned(3),
    "turned to the right": lambda: turned(6),
    "turned to the left": lambda: turned(8),
    "animated GIF": lambda: animated("GIF"),
    "animated WebP": lambda: animated("WEBP"),
    "animated PNG": lambda: animated("PNG"),
    "broken EXIF": lambda: encoded(photo(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", quality=95, subsampling=0),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_an_unusual_image_is_seen_as_a_person_sees_it(kind: str) -> None:
    image = open_image(UNUSUAL[kind]())
    assert image.mode == "RGB"
    assert image.size == (60, 40)
    assert looks_like_photo(image)


@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_what_is_transparent_is_white(mode: str) -> None:
    assert open_image(encoded(transparent(mode))).getpixel((30, 20)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "I;16"), ("TIFF", "I"), ("TIFF", "F"), ("PNG", "1"), ("PNG", "L"), ("PNG", "LA")]
)
def test_greys_of_any_depth_keep_their_shades(kind: str, mode: str) -> None:
    ramp = np.tile(np.linspace(0, 1, 64), (8, 1))
    if mode == "I;16":
        image = Image.fromarray((ramp * 65535).astype(np.uint16))
    elif mode in ("I", "F"):
        image = Image.fromarray((ramp * 1000).astype(np.int32 if mode == "I" else np.float32))
    else:
        image = Image.fromarray((ramp * 255).astype(np.uint8)).convert(mode)
    assert image.mode == mode
    seen = np.asarray(open_image(encoded(image, kind)))[4, :, 0].astype(int)
    assert seen[0] < 10
    assert seen[-1] > 245
    if mode != "1":
        assert abs(seen[32] - 129) < 6


def test_a_side_of_20_000_pixels_is_shrunk() -> None:
    for kind in ("PNG", "JPEG"):
        image = open_image(encoded(photo(20_000, 400), kind))
        assert image.size[0] == MAX_SIDE
        assert abs(image.size[1] - 400 * MAX_SIDE / 20_000) <= 1
        assert looks_like_photo(image)


def test_a_strip_that_shrinking_leaves_nothing_of_is_refused() -> None:
    with pytest.raises(SmolError, match="không có gì để xem"):
        open_image(encoded(Image.new("RGB", (20_000, 4))))


def test_every_way_to_name_an_image(tmp_path: Path) -> None:
    data = encoded(photo())
    path = in_file(tmp_path, "phở bò.png", data)
    in_base64 = base64.b64encode(data).decode()
    sources: list[Any] = [path, str(path), data, photo(), {"bytes": data, "path": None}, {"bytes": None, "path": str(path)}]
    sources += [f"data:image/png;base64,{in_base64}", f"DATA:image/png;charset=x;base64,{in_base64[:40]}\n{in_base64[40:]}"]
    assert all(looks_like_photo(open_image(source)) for source in sources)


def test_what_is_given_is_not_changed() -> None:
    mine = photo()
    open_image(mine).paste("green", (0, 0, 60, 40))
    assert looks_like_photo(mine)


def test_an_error_names_the_file_when_nobody_says_where(tmp_path: Path) -> None:
    with pytest.raises(SmolError) as caught:
        open_image(tmp_path / "menu.png")
    assert caught.value.where == str(tmp_path / "menu.png")


def test_no_format_that_runs_programs_is_open() -> None:
    assert not {"EPS", "PDF", "WMF", "FPX", "MIC", "GRIB", "HDF5"} & set(images.FORMATS)

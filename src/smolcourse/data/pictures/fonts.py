"""Be Vietnam Pro, a typeface with every Vietnamese letter (SIL Open Font License), out of its wheel."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

Weight = Literal["Regular", "Italic", "Medium", "SemiBold", "Bold", "ExtraBold"]


@cache
def font(size: int, weight: Weight = "Medium") -> FreeTypeFont:
    """The typeface at `size` pixels; the first time, its wheel is downloaded and checked (see `smolcourse.assets`)."""
    from PIL import ImageFont

    from smolcourse.assets import resolve

    # The plain layout: composed letters need no shaping, and it draws alike wherever Pillow runs.
    return ImageFont.truetype(
        resolve("be-vietnam-pro") / f"BeVietnamPro-{weight}.ttf", size, layout_engine=ImageFont.Layout.BASIC
    )

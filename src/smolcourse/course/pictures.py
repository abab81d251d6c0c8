"""The pictures of a lesson: functions of its `pictures.py`, drawn in the language in use."""

from functools import lru_cache
from pathlib import Path
from types import ModuleType

from smolcourse.course.files import load_file
from smolcourse.course.lessons import Module
from smolcourse.errors import SmolError


def draw(module: Module, name: str) -> str:
    """One picture as SVG.

    Raises:
        SmolError: the lesson has no picture of that name.
    """
    function = getattr(_drawings(module.folder / "pictures.py"), name, None)
    if function is None:
        raise SmolError(f"không có hình {name!r}", f"there is no picture {name!r}", where=f"{module.name}/pictures.py")
    return str(function())


@lru_cache(maxsize=8)
def _drawings(file: Path) -> ModuleType:
    return load_file(file)

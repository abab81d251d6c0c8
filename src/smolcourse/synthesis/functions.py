"""The functions that pipelines are made of: found by name, told apart by their code."""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.synthesis.rows import digest

FOLDERS = ("methods", "filters")
"""Folders of this package whose modules hold steps: `use: evol.deepen` is the function `deepen` of `methods/evol.py`."""

StepFunction = Callable[..., Any]


def unknown(vi: str, en: str, name: str, known: Any, where: str) -> SmolError:
    """The error for a name that is none of those there are; the nearest of them mends it."""
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.4)
    listed = ", ".join(map(str, known)) or "-"
    return SmolError(
        f"không có {vi}; có: {listed}", f"there is no {en}; there are: {listed}", where=where, fix=(near or [None])[0]
    )


def find_function(use: str, folder: Path, where: str = "use") -> StepFunction:
    """`evol.deepen` of this package, or `my_steps.py:shorten` of a file beside the recipe.

    Raises:
        SmolError: there is no such file, module or function.
    """
    file, colon, name = use.rpartition(":")
    if colon:
        path = folder / file
        if not path.is_file():
            raise SmolError("không có tệp này", "no such file", where=f"{where} {path}")
        found = getattr(_run(path), name, None)
        if not inspect.isgeneratorfunction(found):
            raise SmolError(
                f"{file} không có bước {name!r}: một hàm có yield",
                f"{file} has no step {name!r}: a function that yields",
                where=where,
            )
        return found
    steps = dict(all_functions())
    if use not in steps:
        raise unknown(f"bước {use!r}", f"step {use!r}", use, steps, where)
    return steps[use]


def _run(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        kind = type(error).__name__
        raise SmolError(f"không chạy được: {kind}: {error}", f"cannot be run: {kind}: {error}", where=str(path)) from error
    return module


def all_functions() -> Iterator[tuple[str, StepFunction]]:
    """Every step that comes with this package, as `use:` names it."""
    for module in _modules():
        for name, function in vars(module).items():
            public = not name.startswith("_") and inspect.isgeneratorfunction(function)
            if public and function.__module__ == module.__name__:
                yield f"{module.__name__.rpartition('.')[2]}.{name}", function


def _modules() -> Iterator[ModuleType]:
    for part in FOLDERS:
        for path in sorted((Path(__file__).parent / part).glob("[a-z]*.py")):
            yield importlib.import_module(f"smolcourse.synthesis.{part}.{path.stem}")


def code_version(function: StepFunction) -> str:
    """A hash of the file that the function stands in, without comments and docstrings."""
    file = inspect.getsourcefile(function)
    try:
        return _code_of(Path(file).read_text(encoding="utf-8")) if file else _bytecode(function)
    except (OSError, SyntaxError):  # typed into a notebook
        return _bytecode(function)


def _bytecode(function: StepFunction) -> str:
    code = function.__code__
    return blake2b(code.co_code + repr(code.co_consts).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=64)
def _code_of(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # A docstring, and the text below an attribute, is an expression that is nothing but text.
            node.body = [one for one in body if not _is_text(one)] or [ast.Pass()]  # type: ignore[attr-defined]
    return blake2b(ast.unparse(tree).encode(), digest_size=16).hexdigest()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def content_of(path: Path) -> str:
    """A hash of a file, or of all files below a folder with their names."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    parts = [(file.name if file == path else str(file.relative_to(path)), _hash(file)) for file in files]
    return digest(parts)


def _hash(file: Path) -> str:
    found = blake2b(digest_size=16)
    try:
        with file.open("rb") as stream:
            while piece := stream.read(1 << 20):
                found.update(piece)
    except OSError as error:
        raise SmolError(f"không đọc được: {error.strerror}", f"cannot be read: {error.strerror}", where=str(file)) from error
    return found.hexdigest()

"""Writing that a crash cannot spoil: a line is added whole, a file is replaced whole; the disk's refusals in plain words."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError

PARTIAL = ".partial"  # a name that ends so is never read


@contextlib.contextmanager
def mendable(where: Path) -> Iterator[None]:
    """Turns what the disk refuses into an error that the user can mend."""
    try:
        yield
    except SmolError:
        raise
    except Exception as error:
        if _disk_is_full(error):
            raise SmolError("đĩa đã đầy", "the disk is full", where=str(where), fix="smol runs rm RUN") from error
        if not isinstance(error, OSError):
            raise
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise SmolError(
                "không có quyền ghi vào thư mục này", "this folder cannot be written", where=str(where), fix="output_dir=..."
            ) from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG):
            raise SmolError(
                f"không dùng được làm thư mục: {error.strerror}", f"cannot serve as a folder: {error.strerror}", where=str(where)
            ) from error
        raise


def _disk_is_full(error: Exception) -> bool:
    """By number, or by words: safetensors and torch write in other languages and raise errors of their own."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    text = str(error)
    return "No space left" in text or "os error 28" in text or "PytorchStreamWriter failed writing" in text


def _plain(value: Any) -> Any:
    """Values as JSON has them: tensors and numpy scalars become numbers, and NaN, which JSON lacks, becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if callable(getattr(value, "item", None)):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_line(values: Mapping[str, Any]) -> str:
    """One line of JSON, letters of all languages as they are."""
    return json.dumps(_plain(values), ensure_ascii=False, allow_nan=False, default=str)


def json_text(values: Mapping[str, Any]) -> str:
    """JSON for a file that people open."""
    return json.dumps(_plain(values), ensure_ascii=False, allow_nan=False, indent=1, default=str) + "\n"


def append_line(path: Path, values: Mapping[str, Any]) -> None:
    """One `write` of one line, then `fsync`. If it fails half-way, the file is cut back to what it was."""
    data = (json_line(values) + "\n").encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        try:
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, data[written:])
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines of a JSONL file; torn or foreign ones are passed over."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    for line in data.split(b"\n"):
        with contextlib.suppress(ValueError):  # UnicodeDecodeError is one too
            values = json.loads(line)
            if isinstance(values, dict):
                yield values


def mend_tail(path: Path) -> None:
    """Cuts a torn last line off, so that the next append starts a line of its own. A whole line without its end gets one."""
    if not path.exists():
        return
    data = path.read_bytes()
    if not data or data.endswith(b"\n"):
        return
    keep = data.rfind(b"\n") + 1
    try:
        whole = isinstance(json.loads(data[keep:]), dict)
    except ValueError:
        whole = False
    with path.open("r+b") as file:
        if whole:
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        else:
            file.truncate(keep)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, text: str) -> None:
    """Replaces a whole file at once, or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk. Windows cannot do the latter."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(folder: Path) -> None:
    """Removes a folder so that a crash half-way leaves no complete-looking rest: first a new name, then the files."""
    hidden = folder.with_name(f"{folder.name}.old{PARTIAL}")
    shutil.rmtree(hidden, ignore_errors=True)
    os.replace(folder, hidden)
    shutil.rmtree(hidden, ignore_errors=True)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none or it cannot be read."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}

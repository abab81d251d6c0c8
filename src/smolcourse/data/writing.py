"""Writing JSON lines: all files of one operation appear together and whole, or none does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from smolcourse.data.image_rows import portable
from smolcourse.data.json_files import Row
from smolcourse.errors import SmolError

Write = Callable[[Row], None]


@contextmanager
def new_jsonl(paths: Sequence[Path], *, source: str | Path | None = None, force: bool = False) -> Iterator[list[Write]]:
    """Yields one writing function per path. The files get their names only when the block ends without an error.

    Raises:
        SmolError: if a path exists (unless `force`), is the source itself, or cannot be written (disk full, no such folder).
    """
    for path in paths:
        check_target(path, source=source, force=force)
    parts = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
    try:
        with ExitStack() as stack:
            files = [stack.enter_context(part.open("wb")) for part in parts]
            yield [_writer(file.write) for file in files]
            for file in files:
                file.flush()
                os.fsync(file.fileno())
        for part, path in zip(parts, paths, strict=True):
            os.replace(part, path)
    except OSError as error:
        where = str(paths[0].parent)
        raise SmolError(f"không ghi được: {error.strerror}", f"cannot write: {error.strerror}", where=where) from None
    finally:
        for part in parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)


def check_target(path: Path, *, source: str | Path | None = None, force: bool = False) -> None:
    """Refuses a file that may not be written: before the work, not after it."""
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise SmolError(
            "không ghi đè lên tệp nguồn; hãy chọn tên khác",
            "the source is never written over; choose another name",
            where=str(path),
        )
    if path.is_dir():
        raise SmolError("đây là thư mục, cần một tên tệp", "this is a folder, a file name is needed", where=str(path))
    if path.suffix not in (".jsonl", ".ndjson"):
        raise SmolError(
            "tệp mới là JSON lines, tên phải có đuôi .jsonl", "the new file is JSON lines: name it .jsonl", where=str(path)
        )
    if path.exists() and not force:
        raise SmolError("tệp đã có", "the file exists", where=str(path), fix="--force")
    if not path.parent.is_dir():
        raise SmolError("không có thư mục này", "no such folder", where=str(path.parent))


def _writer(write: Callable[[bytes], int]) -> Write:
    def write_row(row: Row) -> None:
        row = portable(row)
        try:
            line = json.dumps(row, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:  # half a character in a column that is not used for training
            line = json.dumps(row).encode("ascii")
        except (TypeError, ValueError) as error:
            raise SmolError(f"không ghi được thành JSON: {error}", f"cannot be written as JSON: {error}") from None
        write(line + b"\n")

    return write_row

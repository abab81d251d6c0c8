"""The cache folder: where it is, one writer at a time, room checked before writing, and plain words when the disk refuses."""

import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smolcourse.errors import SmolError
from smolcourse.language import tr

UNKNOWN_LICENSE = "?"
SPARE_BYTES = 64 * 2**20  # left free on the disk beyond what is about to be written


def home() -> Path:
    """The cache folder: `SMOLCOURSE_HOME`, else the user's cache folder of this operating system. Not created here."""
    chosen = os.environ.get("SMOLCOURSE_HOME")
    if chosen:
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_path

    return user_cache_path("smolcourse", appauthor=False)


def tell(vi: str, en: str) -> None:
    """Tells the user what takes time. On stderr: stdout belongs to the command's result."""
    print(tr(vi, en), file=sys.stderr, flush=True)


def megabytes(count: int) -> str:
    """A number of bytes as a person reads it: `93 MB`, `1.2 GB` (decimal, as disks and downloads are sold)."""
    return (
        f"{count / 1e9:.1f} GB"
        if count >= 999_500_000
        else f"{count / 1e6:.0f} MB"
        if count >= 999_500
        else f"{count / 1e3:.0f} kB"
    )


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, lower-case hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def lock(key: str) -> Iterator[None]:
    """Lets one process at a time prepare `key`; says so when it has to wait."""
    from filelock import FileLock, Timeout

    with plain_disk_errors():
        folder = home() / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        guard = FileLock(folder / f"{key}.lock")
        try:
            guard.acquire(timeout=0.2)
        except Timeout:
            tell(
                f"Một tiến trình khác đang chuẩn bị {key}; chờ nó xong...",
                f"Another process is preparing {key}; waiting for it...",
            )
            guard.acquire()
    try:
        yield
    finally:
        guard.release()


def require_space(needed: int, folder: Path | None = None) -> None:
    """Raises when the disk that holds `folder` (the cache by default) has no room for `needed` bytes more."""
    place = folder or home()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed + SPARE_BYTES:
        raise SmolError(
            f"ổ đĩa không đủ chỗ: cần {megabytes(needed + SPARE_BYTES)}, còn trống {megabytes(free)}",
            f"not enough disk space: {megabytes(needed + SPARE_BYTES)} needed, {megabytes(free)} free",
            where=str(place),
            fix=tr("giải phóng ổ đĩa, hoặc SMOLCOURSE_HOME=/ổ/khác", "free some space, or SMOLCOURSE_HOME=/another/disk"),
        )


@contextmanager
def plain_disk_errors() -> Iterator[None]:
    """Turns a full, read-only or forbidden disk into one clear message."""
    try:
        yield
    except OSError as error:
        where = str(error.filename or home())
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SmolError(
                "ổ đĩa đã đầy khi đang ghi; chưa có gì được giữ lại dở dang",
                "the disk filled up while writing; nothing half-written was kept",
                where=where,
                fix=tr("giải phóng ổ đĩa, hoặc SMOLCOURSE_HOME=/ổ/khác", "free some space, or SMOLCOURSE_HOME=/another/disk"),
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise SmolError(
                f"không ghi được vào thư mục cache ({error.strerror})",
                f"the cache folder cannot be written ({error.strerror})",
                where=where,
                fix=tr("SMOLCOURSE_HOME=/thư/mục/ghi/được", "SMOLCOURSE_HOME=/a/writable/folder"),
            ) from error
        raise

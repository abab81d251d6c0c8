"""What a learner's code may not do while it is checked: take much memory, use the network, start programs, touch other files."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

_NETWORK = ("socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname")
_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty", "os.kill", "os.startfile")
_FILES = (
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.chmod", "os.link", "os.symlink"),
    *("shutil.rmtree", "shutil.move"),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Forbidden(BaseException):
    """The code touched what it may not; `kind` is `network`, `program` or `file`. No `except Exception` hides it."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind = kind


def limit_memory(extra_bytes: int) -> None:
    """From here on, at most so much more address space. Where the system has no such limit, the parent watches alone."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        import psutil

        size = psutil.Process().memory_info().vms + extra_bytes
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 26, 1 << 26))  # 64 MB: an endless print must not fill the disk
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forbid(scratch: Path) -> None:
    """Installs an audit hook, which Python code cannot take out again."""
    allowed = str(scratch.resolve())
    seen = [False]  # the hook's own calls must not be audited

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if seen[0]:
            return
        if event in _NETWORK:
            raise Forbidden("network", event)
        if event in _PROGRAMS:
            raise Forbidden("program", str(arguments[0])[:80] if arguments else event)
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES
        if not writes and event not in _FILES:
            return
        seen[0] = True
        try:
            path = arguments[0] if arguments else ""
            inside = isinstance(path, int) or os.path.realpath(os.fsdecode(path)).startswith(allowed)
        finally:
            seen[0] = False
        if not inside and path != os.devnull:
            raise Forbidden("file", str(path))

    sys.addaudithook(hook)

"""`smol serve` in a process of its own, for those who measure it: its address, its memory, its processor time."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psutil

from smolcourse.errors import SmolError

_BETWEEN = 0.1  # seconds between two looks at the memory
_START = 600.0  # seconds: a model may have to be exported first
_END = 60.0


@dataclass
class Served:
    """A server that runs.

    Attributes:
        url: up to and with `/v1`.
        process: the server; its workers are its children.
        seconds: from the command until it was ready.
        peak: bytes of memory that the server and its workers held at most, looked at ten times a second; pages that they share
            are counted twice.
        ended: set when it is told to end.
    """

    url: str
    process: psutil.Process
    seconds: float
    peak: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def processor_seconds(self) -> float:
        """Of the server and its workers, since they started."""
        return float(sum(time.user + time.system for time in self._each("cpu_times")))

    def memory(self) -> int:
        """Bytes now."""
        return int(sum(each.rss for each in self._each("memory_info")))

    def watch(self) -> None:
        """Keeps `peak`, until the server is told to end."""
        while True:
            self.peak = max(self.peak, self.memory())
            if self.ended.wait(_BETWEEN):
                return

    def _each(self, what: str) -> list[Any]:
        found = []
        with contextlib.suppress(psutil.Error):
            for process in (self.process, *self.process.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    found.append(getattr(process, what)())
        return found


@contextlib.contextmanager
def served(model: str, *options: str) -> Iterator[Served]:
    """Runs `smol serve MODEL` with these options on a free port, and ends it.

    Raises:
        SmolError: it ended before it was ready; what it said last is in the message.
    """
    command = [sys.executable, "-m", "smolcourse.cli.main", "serve", model, "--port", "0", "--quiet", *options]
    began = time.monotonic()
    said: list[str] = []
    environment = {**os.environ, "SMOLCOURSE_LANG": "en", "PYTHONUTF8": "1"}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8", errors="replace") as child:
        late = threading.Timer(_START, child.kill)
        late.start()
        try:
            assert child.stderr
            for line in child.stderr:
                said.append(line.strip())
                if ready := re.match(r"Ready: (\S+/v1)", line):
                    break
            else:
                raise SmolError(
                    f"máy chủ không khởi động được: {' '.join(said[-5:])}",
                    f"the server did not start: {' '.join(said[-5:])}",
                    where=model,
                )
            late.cancel()
            running = Served(ready[1], psutil.Process(child.pid), time.monotonic() - began)
            threads = [threading.Thread(target=child.stderr.read), threading.Thread(target=running.watch)]
            for thread in threads:
                thread.start()
            try:
                yield running
            finally:
                running.ended.set()
                threads[1].join()
        finally:
            late.cancel()
            child.terminate()
            try:
                child.wait(_END)
            except subprocess.TimeoutExpired:
                child.kill()

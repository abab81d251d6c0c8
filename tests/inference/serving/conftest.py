"""A server in its own process on a free port, with the tiny model, its adapter and a second name; and the official client."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Running:
    """A server: its address, its process, and what it has said."""

    def __init__(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "smolcourse.cli.main", "serve", *arguments, "--port", "0"],
            env={**os.environ, "SMOLCOURSE_LANG": "en", **(env or {})},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self.lines: list[str] = []
        self._ready = threading.Event()
        self.url = ""
        threading.Thread(target=self._listen, daemon=True).start()
        if not self._ready.wait(300) or not self.url:
            self.process.kill()
            raise AssertionError("\n".join(self.lines))

    def _listen(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line.rstrip())
            if found := re.match(r"Ready: (\S+)/v1", line):
                self.url = found[1]
                self._ready.set()
        self._ready.set()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def events(self, name: str) -> list[dict]:
        """The log's events of one name."""
        found = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [event for event in found if event["event"] == name]

    def get(self, path: str) -> tuple[int, str]:
        """One GET: status and body."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=120) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def figure(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = self.get("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}(\{{|\s)", line))

    def worker(self) -> int:
        """The process id of the first model's worker."""
        return int(self.events("worker_ready")[-1]["pid"])

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The first model's worker stands still: however slow this machine is, nothing is answered meanwhile."""
        worker = self.worker()
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(180)


def eventually(true: Callable[[], object], seconds: float = 180.0) -> None:
    """Waits until something holds; fails if it never does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def exported(tiny_gguf: Path) -> Path:
    """A folder as `smol export` leaves it."""
    (tiny_gguf.parent / "export.json").write_text(json.dumps({"system_prompt": "Bạn ghi đơn."}), encoding="utf-8")
    return tiny_gguf.parent


@pytest.fixture(scope="session")
def server(exported: Path, calling_gguf: Path) -> Iterator[Running]:
    """One server for all tests that leave it as it was: two models, two slots each."""
    running = Running(
        f"tiny={exported},{calling_gguf}", "--slots", "2", "--context", "512", "--threads", "1", "--max-body", "200000"
    )
    yield running
    running.stop()


@pytest.fixture
def serve(exported: Path) -> Iterator[Callable[..., Running]]:
    """Starts servers that a test may break."""
    started: list[Running] = []

    def start(*arguments: str, models: str | None = None, env: dict[str, str] | None = None) -> Running:
        common = ("--slots", "2", "--context", "512", "--threads", "1")
        started.append(Running(models or f"tiny={exported}", *common, *arguments, env=env))
        return started[-1]

    yield start
    for running in started:
        running.process.kill()
        running.process.wait()


@pytest.fixture(scope="session")
def client(server: Running):
    """OpenAI's own client, which tries once."""
    import openai

    return openai.OpenAI(base_url=server.url + "/v1", api_key="none-is-needed", max_retries=0, timeout=300)

"""Runs a learner's file against a check in another process, and ends it when it takes too long or too much."""

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

CPU_SECONDS = 20.0
WALL_SECONDS = 120.0
MEMORY = 2 << 30
_STARTING = 300.0  # seconds that loading torch may take on the slowest machine


class Sandbox:
    """A process that has torch loaded and forks for every check; start it once, check often.

    Args:
        cpu_seconds: processor time of one check; an endless loop ends there.
        wall_seconds: the same for code that waits.
        memory: bytes that one check may take on top of what Python and torch take.
    """

    def __init__(self, *, cpu_seconds: float = CPU_SECONDS, wall_seconds: float = WALL_SECONDS, memory: int = MEMORY) -> None:
        self.cpu_seconds, self.wall_seconds, self.memory = cpu_seconds, wall_seconds, memory
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def run(self, code: Path, check: Path, seed: int) -> dict[str, Any]:
        """The verdict of one check (see `child`), with `output`: the last lines that the code printed."""
        with tempfile.TemporaryDirectory(prefix="smol-check-") as folder:
            scratch = Path(folder).resolve()
            job = {"code": str(code.resolve()), "check": str(check.resolve()), "seed": seed, "scratch": str(scratch)}
            ended = self._do({**job, "memory": self.memory})
            try:
                verdict: dict[str, Any] = json.loads((scratch / "verdict.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                verdict = _unfinished(ended)
            with suppress(OSError), (scratch / "output.txt").open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 4000))
                verdict["output"] = "\n".join(file.read().decode("utf-8", "replace").splitlines()[-15:])
            return verdict

    def _do(self, job: dict[str, Any]) -> str:
        """Sends a job and watches over it. Returns "" or why it was ended: `endless`, `memory`, `crash SIGNAL`."""
        process = self._start()
        assert process.stdin
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        pid = self._answer(_STARTING)["pid"]
        ended = self._watch(pid)
        if not hasattr(os, "fork"):
            self.close()  # it did its one job
            return ended
        status = self._answer(_STARTING)["status"]
        return ended or (f"crash {-status}" if status < 0 else "" if status == 0 else f"crash {status}")

    def _watch(self, pid: int) -> str:
        import psutil

        try:
            process = psutil.Process(pid)
            before = process.memory_info().rss
            started = time.monotonic()
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                used = process.cpu_times()
                late = used.user + used.system > self.cpu_seconds or time.monotonic() - started > self.wall_seconds
                large = process.memory_info().rss > before + self.memory
                if late or large:
                    process.kill()
                    return "endless" if late else "memory"
                if not self._lines.empty():
                    return ""
                time.sleep(0.01)
        except psutil.Error:
            pass  # it has ended
        return ""

    def _start(self) -> subprocess.Popen[str]:
        if self._process and self._process.poll() is None:
            return self._process
        env = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
        self._lines = queue.Queue()
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "smolcourse.course.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )
        assert process.stdout
        threading.Thread(target=_pass_on, args=(process.stdout, self._lines), daemon=True).start()
        self._answer(_STARTING)
        return process

    def _answer(self, seconds: float) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._lines.get(timeout=seconds))
        return answer


def _pass_on(stream: IO[str], lines: "queue.Queue[str]") -> None:
    for line in stream:
        lines.put(line)


def _unfinished(ended: str) -> dict[str, Any]:
    """The verdict on code that never came back."""
    texts = {
        "endless": ("chạy mãi không xong (vòng lặp vô hạn?)", "never ends (an endless loop?)"),
        "memory": ("đòi quá nhiều bộ nhớ", "asks for too much memory"),
    }
    name = ended if ended in texts else "crash"
    vi, en = texts.get(
        name,
        (
            f"làm sập cả tiến trình Python ({ended or 'os._exit'})",
            f"brings the whole Python process down ({ended or 'os._exit'})",
        ),
    )
    return {"ok": False, "name": name, "vi": vi, "en": en, "call": "", "got": "", "wanted": "", "read": ""}

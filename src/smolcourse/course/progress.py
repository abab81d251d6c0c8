"""What a learner did: `progress.jsonl`, one line an event, only ever appended to; two copies merge by joining their lines."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

FILE = "progress.jsonl"


@dataclass(frozen=True)
class Progress:
    """The events of a workspace, oldest first, whatever order the lines stand in."""

    events: list[dict[str, Any]]

    def last(self, event: str, about: str) -> dict[str, Any] | None:
        """The newest event of a kind about an exercise or a module."""
        return next((line for line in reversed(self.events) if line["event"] == event and line.get("about") == about), None)

    def count(self, event: str, about: str) -> int:
        """How often something happened since the exercise was last reset."""
        reset = self.last("reset", about)
        since = reset["time"] if reset else ""
        return sum(line["event"] == event and line.get("about") == about and line["time"] > since for line in self.events)

    def state(self, exercise_id: str, code: str) -> str:
        """The state of the last check, if the file is still what was checked; "" otherwise."""
        line = self.last("check", exercise_id)
        return str(line["state"]) if line and line.get("code") == code else ""


def read_progress(workspace: Path) -> Progress:
    """Reads the file; lines that are damaged (a merge left its marks) are passed over."""
    events = {}
    try:
        text = (workspace / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("time"), str) and isinstance(value.get("event"), str):
            events[line] = value
    return Progress(sorted(events.values(), key=lambda event: event["time"]))


def note(workspace: Path, event: str, about: str, **details: Any) -> None:
    """Appends one event, as one write."""
    time = datetime.now(UTC).isoformat(timespec="microseconds")
    line = json.dumps({"time": time, "event": event, "about": about, **details}, ensure_ascii=False)
    descriptor = os.open(workspace / FILE, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        whole = size == 0 or _byte_at(descriptor, size - 1) == b"\n"
        os.write(descriptor, (("" if whole else "\n") + line + "\n").encode())
    finally:
        os.close(descriptor)


def _byte_at(descriptor: int, place: int) -> bytes:
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.read(descriptor, 1)


def digest(file: Path) -> str:
    """Twelve letters that change with the file; "" without one."""
    try:
        return sha256(file.read_bytes()).hexdigest()[:12]
    except OSError:
        return ""

"""`smol watch` checks a file when it is saved, and Ctrl-C ends it."""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from smolcourse.course import workspace
from smolcourse.course.lessons import find_exercise


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to one process there")
def test_saving_a_file_checks_it(tmp_path: Path) -> None:
    workspace.create(tmp_path)
    exercise = find_exercise("shift")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "smolcourse.cli.main", "watch", "shift"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout
    threading.Thread(target=lambda: [lines.put(line) for line in process.stdout or ()], daemon=True).start()

    def wait_for(words: str) -> None:
        while words not in lines.get(timeout=300):
            pass

    try:
        wait_for("Ctrl-C")
        file = workspace.file_of(tmp_path, exercise)
        file.write_text("def shift(a, b):\n    return a, b\n", encoding="utf-8")
        wait_for("chưa đạt")
        file.write_text(exercise.solution.read_text(encoding="utf-8"), encoding="utf-8")
        wait_for("✓ 🐢 shift: đạt")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=300) == 130
    finally:
        process.kill()

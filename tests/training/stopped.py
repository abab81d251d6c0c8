"""`smol`, sent a signal by itself so many seconds after it has written the metrics of a step.

    python stopped.py STEP SECONDS SIGNAL train ...

It does not get further than five steps before the signal comes: a run cannot end first, however slow the machine is.
"""

import os
import signal
import sys
import threading
from typing import Any

from smolcourse.cli.main import main
from smolcourse.training.runs import Run

if __name__ == "__main__":
    last, seconds, number = int(sys.argv[1]), float(sys.argv[2]), signal.Signals[sys.argv[3]]
    del sys.argv[1:4]
    append, begun, sent = Run.append_metrics, threading.Event(), threading.Event()

    def send() -> None:
        os.kill(os.getpid(), number)
        sent.set()

    def append_and_stop(run: Run, step: int, **values: Any) -> None:
        append(run, step, **values)
        if step >= last and not begun.is_set():
            begun.set()
            threading.Timer(seconds, send).start()
        if step >= last + 5:
            sent.wait()

    Run.append_metrics = append_and_stop  # type: ignore[method-assign]
    main()

"""The child process that holds a model, so that the server outlives whatever happens to it.

It is told what to load in one line of JSON on its standard input, says where it listens in one line on its standard output, and
ends when its input does: with the server, however that ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError


def main() -> None:
    """Runs one worker."""
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is not an answer
    # Ctrl-C and a service's SIGTERM reach all processes; the server lets requests finish first and then closes our input.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    wanted = json.loads(sys.stdin.readline())
    try:
        _model, facts = _start(wanted)  # held: it lives as long as this process
    except SmolError as error:
        facts = {"error": {"vi": error.vi, "en": error.en, "where": error.where, "fix": error.fix}}
    said.write(json.dumps(facts) + "\n")
    said.flush()
    if "error" not in facts:
        sys.stdin.read()
    os._exit(0)  # no farewell: threads may be deep in a product of matrices


def _start(wanted: dict[str, Any]) -> tuple[object, dict[str, Any]]:
    """The model, and what the server must know of it."""
    if wanted["kind"] == "plain":
        from smolcourse.inference.serving.plain_backend import PlainBackend

        plain = PlainBackend(wanted["path"], name=wanted["name"])
        return plain, {"host": plain.host, "port": plain.port, "key": plain.key, **plain.facts()}
    from smolcourse.inference.engine import Engine

    adapters = {name: Path(file) for name, file in wanted["adapters"].items()}
    engine = Engine(Path(wanted["path"]), name=wanted["name"], adapters=adapters, **wanted["settings"])
    return engine, {"host": engine.host, "port": engine.port, "key": engine.key, **engine.facts()}


if __name__ == "__main__":
    main()

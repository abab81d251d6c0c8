"""Runs all cells of a lesson in one process of its own, top to bottom, and keeps what each prints."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from smolcourse.course.myst import Lesson
from smolcourse.errors import SmolError

_RUNNER = """
import contextlib, io, json, sys, warnings
warnings.simplefilter("ignore")
cells, outputs, names = json.load(open(sys.argv[1], encoding="utf-8")), {}, {"__name__": "__main__"}
for label, code in cells:
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(compile(code, label, "exec"), names)
    except BaseException as error:
        import traceback
        line = next((f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == label), 0)
        json.dump({"failed": [label, line, f"{type(error).__name__}: {error}"]}, open(sys.argv[2], "w"))
        sys.exit(1)
    outputs[label] = printed.getvalue()
json.dump(outputs, open(sys.argv[2], "w"))
"""


def run_cells(lesson: Lesson, *, tiny: bool = False) -> Mapping[str, str]:
    """What each cell of the lesson prints, by label.

    Args:
        tiny: on a random model of two layers, as the tests do.

    Raises:
        SmolError: a cell fails; names the cell and its line.
    """
    order = [part for block in lesson.blocks for part in lesson.parts(block) if part.kind == "cell"]
    with tempfile.TemporaryDirectory(prefix="smol-cells-") as folder:
        source, result = Path(folder) / "cells.json", Path(folder) / "outputs.json"
        source.write_text(json.dumps([(part.label, part.text) for part in order]), encoding="utf-8")
        env = {**os.environ, "SMOLCOURSE_LANG": lesson.language, "PYTHONIOENCODING": "utf-8"} | (
            {"SMOLCOURSE_TINY": "1"} if tiny else {}
        )
        done = subprocess.run([sys.executable, "-c", _RUNNER, str(source), str(result)], cwd=folder, env=env, capture_output=True)
        outputs = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
    if "failed" in outputs:
        label, line, error = outputs["failed"]
        raise SmolError(
            f"ô {label!r} dừng ở dòng {line}: {error}", f"cell {label!r} stops in line {line}: {error}", where=lesson.module.name
        )
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise SmolError(f"các ô không chạy được: {last}", f"the cells cannot be run: {last}", where=lesson.module.name)
    return dict(outputs)

"""Runs code that a model wrote: in its own process, an empty folder, without secrets, with little time and memory, and, where the
system allows it, without a network. It stops accidents, not an attacker; that is why nothing runs unless it is asked for.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
import sys
import tempfile

from smolcourse.evaluation.scorers import Scores

SECONDS = 10
_PATIENCE = 6  # the clock may take so many times the processor's seconds: a busy machine must not change a score
_MEMORY = 1 << 30

_GUARD = f"""
import sys
try:
    import resource
    for kind, most in (("RLIMIT_CPU", int(sys.argv[1])), ("RLIMIT_AS", {_MEMORY}), ("RLIMIT_FSIZE", 1 << 20), ("RLIMIT_CORE", 0)):
        resource.setrlimit(getattr(resource, kind), (most, most))
except (ImportError, AttributeError, ValueError, OSError):
    pass
try:
    import ctypes
    ctypes.CDLL(None).unshare(0x10000000 | 0x40000000)  # CLONE_NEWUSER | CLONE_NEWNET: no network of the machine's
except (AttributeError, OSError, TypeError):
    pass
_REFUSED = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill", "os.remove",
            "os.rename", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate", "shutil.", "ctypes.",
            "winreg.", "webbrowser.", "ftplib.", "smtplib.", "urllib.")
def _watch(event, arguments):
    if event.startswith(_REFUSED):
        raise PermissionError(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise PermissionError("writing")
sys.addaudithook(_watch)
exec(compile(sys.stdin.read(), "answer", "exec"), {{"__name__": "__main__"}})
"""


def runs(program: str, *, seconds: int = SECONDS) -> bool:
    """Whether a Python program reaches its own end, in time and without an error. (One that leaves early has not.)

    Args:
        seconds: of the processor.
    """
    done = secrets.token_hex()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-I", "-S", "-c", _GUARD, str(seconds)],
                input=f"{program}\nprint({done!r}, flush=True)\n".encode("utf-8", "replace"),
                cwd=folder,
                env={"PATH": "", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=said,
                stderr=subprocess.DEVNULL,
                timeout=_PATIENCE * seconds,
            )
        said.seek(0)
        return done.encode() in said.read()


def passes(answer: str, gold: str) -> Scores:
    """HumanEval's score (Chen et al. 2021): does the function that the answer completes pass the tests?

    Args:
        gold: JSON with `prompt`, `test`, `entry_point`.
    """
    problem = json.loads(gold)
    return {"exact_match": float(runs(f"{problem['prompt']}{answer}\n\n{problem['test']}\ncheck({problem['entry_point']})\n"))}

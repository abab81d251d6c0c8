"""Code from a model: what is right passes, what is wrong, slow or nosy does not."""

import json
import sys

import pytest

from smolcourse.evaluation.sandbox import passes, runs

PROBLEM = {
    "prompt": 'def add(a, b):\n    """Sum."""\n',
    "test": "def check(f):\n    assert f(1, 2) == 3\n",
    "entry_point": "add",
}


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("    return a + b\n", 1),
        ("    return a - b\n", 0),
        ("    return a +\n", 0),
        ("    raise SystemExit(0)\n", 0),
        ("    import os\n    os._exit(0)\n", 0),
    ],
)
def test_passes(answer, right):
    assert passes(answer, json.dumps(PROBLEM))["exact_match"] == right


@pytest.mark.parametrize(
    "program",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "open('x', 'w')",
        "import os; os.system('true')",
        "import subprocess; subprocess.run(['true'])",
        "import os; assert os.environ.get('HOME')",
        pytest.param("x = bytearray(3 << 30)", marks=pytest.mark.skipif(sys.platform != "linux", reason="no RLIMIT_AS")),
    ],
)
def test_nosy_programs(program):
    assert not runs(program)


def test_a_program_that_never_ends():
    assert not runs("while True: pass", seconds=1)
    assert runs("print('xin chào')")

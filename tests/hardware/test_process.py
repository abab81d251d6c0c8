"""This process: its memory, and whether another one still lives."""

import os
import subprocess
import sys

import pytest

from smolcourse.hardware import process


def test_memory_of_this_process() -> None:
    assert 0 < process.memory_in_use() <= process.peak_memory() * 1.1


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_tunables_keep_freed_memory() -> None:
    """A freed and re-taken block must not fault again page by page."""
    program = (
        "import resource, sys\n"
        "from smolcourse.hardware import keep_memory\n"
        "if sys.argv[1] == 'on' and not keep_memory(): sys.exit(3)\n"
        "def touch():\n"
        "    for _ in range(20): bytearray(40 << 20)\n"
        "touch()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "touch()\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )

    def faults(switch: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", program, switch], capture_output=True, text=True, check=False)

    on = faults("on")
    if on.returncode == 3:
        pytest.skip("not glibc")
    # calloc may hand out fresh zero pages lazily; what counts is that it is far below the default
    assert int(on.stdout) * 5 < int(faults("off").stdout) or int(on.stdout) < 100


def test_a_process_is_known_by_number_and_start_time() -> None:
    number, started = process.identity()
    assert number == os.getpid() and process.is_alive(number, started)
    assert not process.is_alive(number, started - 3600)  # the number was used again
    assert not process.is_alive(number, None)
    for nonsense in (0, -1, None, "12"):
        assert not process.is_alive(nonsense, started)


def test_a_dead_process_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not process.is_alive(child.pid, process.identity()[1])

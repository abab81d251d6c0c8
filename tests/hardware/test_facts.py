"""What this process may use: the limits of a container, cores without hyper-threads, memory, disk."""

import json
import os
import sys
from pathlib import Path

import pytest

from smolcourse.errors import SmolError
from smolcourse.hardware import facts


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_machine_states_plausible_facts() -> None:
    found = facts.machine(with_accelerator=False)
    assert found.cpu and 1 <= found.usable_cores <= found.logical_cores
    assert 0 < found.memory_available <= found.memory_total
    assert found.disk_free > 0
    assert json.loads(json.dumps(found.as_dict())) == found.as_dict()


def test_cgroup_v2_limits_are_the_tightest_on_the_way_up(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "0::/outer/inner\n",
            "sys/fs/cgroup/outer/memory.max": "1000\n",
            "sys/fs/cgroup/outer/memory.current": "900\n",
            "sys/fs/cgroup/outer/memory.stat": "anon 100\ninactive_file 300\n",
            "sys/fs/cgroup/outer/inner/memory.max": "max\n",
            "sys/fs/cgroup/outer/inner/memory.current": "50\n",
            "sys/fs/cgroup/outer/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/outer/inner/cpu.max": "max 100000\n",
        },
    )
    assert facts.memory_limit(tmp_path) == (1000, 600)
    assert facts.cpu_quota(tmp_path) == 1.5


def test_cgroup_v1_limits(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n",
            # inside a container the path does not exist under the mount: its root is our own group
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "4096\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "1024\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "200000\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        },
    )
    assert facts.memory_limit(tmp_path) == (4096, 1024)
    assert facts.cpu_quota(tmp_path) == 2.0


def test_no_limit_is_none(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/\n3:cpu:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
        },
    )
    assert facts.memory_limit(tmp_path) == (None, 0)
    assert facts.cpu_quota(tmp_path) is None
    assert facts.memory_limit(tmp_path / "no such root") == (None, 0)


def test_a_container_limit_bounds_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "memory_limit", lambda: (1 << 20, 3 << 18))
    found = facts.machine(with_accelerator=False)
    assert found.memory_limited and found.memory_total == 1 << 20 and found.memory_available == 1 << 18


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is asked on Linux")
def test_usable_cores_count_cores_not_hyper_threads_within_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    for index in range(4):
        topology = f"sys/devices/system/cpu/cpu{index}/topology"
        write(tmp_path, {f"{topology}/physical_package_id": "0\n", f"{topology}/core_id": f"{index // 2}\n"})
    assert facts.usable_cores(tmp_path) == 2
    write(tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"})
    assert facts.usable_cores(tmp_path) == 1


def test_too_little_disk_is_said_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts.require_disk(tmp_path / "not" / "there" / "yet", 1)
    monkeypatch.setattr(facts, "disk_free", lambda _: 5)
    with pytest.raises(SmolError, match="smol runs rm"):
        facts.require_disk(tmp_path, 6)

"""What this process may use: cores, memory, disk, GPU; the limits of a container (cgroup) are already applied."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from smolcourse.errors import SmolError

Device = Literal["cpu", "cuda", "mps"]

GIB = 1 << 30


@dataclass(frozen=True)
class Machine:
    """What this process may use. Sizes in bytes. Limits of a container (cgroup) are already applied."""

    system: str  # "Linux 6.1 x86_64"
    cpu: str
    logical_cores: int
    physical_cores: int
    usable_cores: int  # physical cores this process may run on: affinity and CPU quota applied
    memory_total: int
    memory_available: int
    memory_limited: bool  # True where a container allows less than the machine has
    disk_free: int  # where runs are written
    device: Device
    accelerator: str | None  # name of the GPU; None on the processor alone
    accelerator_memory: int | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


def machine(folder: Path | None = None, *, with_accelerator: bool = True) -> Machine:
    """Looks at the machine.

    Args:
        folder: where the run will be written (for free disk); the current folder if none.
        with_accelerator: asking about a GPU imports torch (about 2 s); False skips it and reports the processor.
    """
    limit, used = memory_limit()
    virtual = psutil.virtual_memory()
    total, available = int(virtual.total), int(virtual.available)
    limited = limit is not None and limit < total
    if limit is not None and limited:
        total, available = limit, max(0, min(available, limit - used))
    device, accelerator, accelerator_memory = ask_accelerator() if with_accelerator else ("cpu", None, None)
    return Machine(
        system=f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        cpu=cpu_name(),
        logical_cores=os.cpu_count() or 1,
        physical_cores=psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory_total=total,
        memory_available=available,
        memory_limited=limited,
        disk_free=disk_free(folder or Path.cwd()),
        device=device,
        accelerator=accelerator,
        accelerator_memory=accelerator_memory,
    )


def cpu_name() -> str:
    """Model name of the processor."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith("model name"):
                    return " ".join(line.partition(":")[2].split())
    if sys.platform == "darwin":
        with contextlib.suppress(OSError):
            import subprocess

            answer = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
            if answer.stdout.strip():
                return answer.stdout.strip()
    return platform.processor() or platform.machine()


def usable_cores(root: Path = Path("/")) -> int:
    """Physical cores this process may use: by its affinity, without hyper-threads, within the container's quota; at least 1."""
    allowed: set[int] = os.sched_getaffinity(0) if sys.platform == "linux" else set(range(os.cpu_count() or 1))
    cores = set()
    for index in allowed:
        topology = root / f"sys/devices/system/cpu/cpu{index}/topology"
        try:
            cores.add(((topology / "physical_package_id").read_text().strip(), (topology / "core_id").read_text().strip()))
        except OSError:  # not Linux, or hidden: trust psutil instead
            cores = set()
            break
    count = len(cores) or min(len(allowed), psutil.cpu_count(logical=False) or len(allowed))
    quota = cpu_quota(root)
    return max(1, min(count, math.ceil(quota)) if quota else count)


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Processors that the cgroup (v1 or v2) allows, as a fraction; None without a limit."""
    quotas = []
    for folder in _cgroup_folders("cpu", root):
        with contextlib.suppress(OSError, ValueError, IndexError):  # cgroup v2: "200000 100000" or "max 100000"
            allowance, period = (folder / "cpu.max").read_text().split()[:2]
            quotas.append(int(allowance) / int(period))
        with contextlib.suppress(OSError, ValueError):  # cgroup v1: -1 means no limit
            quota = int((folder / "cpu.cfs_quota_us").read_text())
            if quota > 0:
                quotas.append(quota / int((folder / "cpu.cfs_period_us").read_text()))
    return min(quotas, default=None)


def memory_limit(root: Path = Path("/")) -> tuple[int | None, int]:
    """The tightest memory limit of the cgroup (v1 or v2) and what is used under it, both in bytes; `(None, 0)` without a limit.

    Page cache counts as used in a cgroup but is given back under pressure, so inactive file pages are taken off.
    """
    found: list[tuple[int, int]] = []
    for folder in _cgroup_folders("memory", root):
        for limit_name, used_name in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
            with contextlib.suppress(OSError, ValueError):
                limit = int((folder / limit_name).read_text())  # "max" is a ValueError: no limit
                if limit >= 1 << 60:  # cgroup v1 writes "no limit" as a huge number
                    continue
                used = int((folder / used_name).read_text())
                with contextlib.suppress(OSError, ValueError):
                    fields = dict(line.split()[:2] for line in (folder / "memory.stat").read_text().splitlines())
                    used -= int(fields.get("total_inactive_file", fields.get("inactive_file", 0)))
                found.append((limit, max(0, used)))
    return min(found, key=lambda pair: pair[0] - pair[1], default=(None, 0))


def _cgroup_folders(controller: str, root: Path) -> list[Path]:
    """The cgroup folders that bind this process, from its own up to the mount's root, for v2 and for the v1 controller."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, names, path = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        base = root / "sys/fs/cgroup"
        mounts = [base / name for name in (names, controller)] if names else [base, base / "unified"]
        for mount in mounts:
            # Inside a container the path may name the host's tree and not exist here; then the mount's root is our own group.
            parts = [part for part in path.split("/") if part not in ("", "..")]
            folders += [mount.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return list(dict.fromkeys(folder for folder in folders if folder.is_dir()))


def disk_free(folder: Path) -> int:
    """Free bytes where `folder` is, or will be."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


def require_disk(folder: Path, needed: int) -> None:
    """Says so before a run starts that would fill the disk.

    Raises:
        SmolError: less than `needed` bytes are free where `folder` is.
    """
    free = disk_free(folder)
    if free < needed:
        raise SmolError(
            f"cần {needed / GIB:.1f} GB trống trên đĩa, chỉ còn {free / GIB:.1f} GB",
            f"{needed / GIB:.1f} GB of free disk are needed, {free / GIB:.1f} GB are left",
            where=str(folder),
            fix="smol runs rm RUN",
        )


def ask_accelerator() -> tuple[Device, str | None, int | None]:
    try:
        import torch
    except Exception:  # a broken torch must not keep `smol doctor` from saying so
        return "cpu", None, None
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return "cuda", properties.name, int(properties.total_memory)
    if torch.backends.mps.is_available():
        return "mps", "Apple GPU (MPS)", None  # memory is shared with the processor
    return "cpu", None, None

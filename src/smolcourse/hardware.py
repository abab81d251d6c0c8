"""Cores, memory, dtype, calibration. The only place that decides about devices.

`machine()` states facts and imports nothing heavy. `calibrate()` measures, once for a processor and a torch version: which number
of threads and which dtype are fastest *here* is never read from a table. bf16 halves the bytes, yet on a processor without
matrix units for it, it is slower than fp32; only a stopwatch knows.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import functools
import json
import math
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import psutil

from smolcourse.errors import SmolError

Device = Literal["cpu", "cuda", "mps"]

GIB = 1 << 30
# Products of one SmolLM2-135M layer over a packed row of 512 tokens, as (rows, inner, columns): attention output, gate/up, down.
LAYER_SHAPES = ((512, 576, 576), (512, 576, 1536), (512, 1536, 576))
# Casting and fp32 master weights eat part of a lower dtype's gain: it must be clearly faster to be worth it.
CLEARLY_FASTER = 1.25
BUSY_SCALING = 0.9  # how well cores add up, assumed where other programs keep them from being tried together
_CACHE_VERSION = 2
_BUSY_CACHE_SECONDS = 60.0  # a calibration taken while other programs ran is soon taken again


# ---------------------------------------------------------------- facts


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
    device, accelerator, accelerator_memory = _accelerator() if with_accelerator else ("cpu", None, None)
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


def memory_in_use() -> int:
    """Resident memory of this process now, in bytes."""
    return int(psutil.Process().memory_info().rss)


def peak_memory() -> int:
    """Highest resident memory of this process so far, in bytes (what `/usr/bin/time` calls maximum resident set size)."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024  # macOS counts bytes, Linux kibibytes


def _accelerator() -> tuple[Device, str | None, int | None]:
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


# ---------------------------------------------------------------- calibration


@dataclass(frozen=True)
class Calibration:
    """What was measured here, and what follows from it: device, threads and dtype of a run."""

    device: Device
    threads: int
    dtype: str  # fastest dtype to train in: "float32" or "bfloat16"
    gflops: dict[str, float]  # matrix products on the model's own shapes, by dtype, in GFLOP/s
    bandwidth: float  # copying memory on one core, GB/s, read and written bytes both counted
    busy: bool  # other programs took more than a fifth of the processor: all cores together were reckoned, not tried
    measured_at: float  # seconds since 1970
    key: str  # processor, cores and torch version it holds for

    @property
    def speed(self) -> float:
        """GFLOP/s in the chosen dtype."""
        return self.gflops[self.dtype]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dataclasses.asdict(self)


def calibrate(*, refresh: bool = False) -> Calibration:
    """The calibration of this machine: from the cache, else measured (under 5 s) and cached.

    It holds for one processor, core count and torch version. One taken while other programs were busy is kept for one minute.

    Args:
        refresh: measure again even if a cached one holds.
    """
    key = calibration_key()
    cached = None if refresh else _read_calibration(key)
    if cached is not None:
        return cached
    measured = _measure(key)
    _write_calibration(measured)
    return measured


def cached_calibration() -> Calibration | None:
    """The calibration that holds here if one was made, without measuring anything."""
    return _read_calibration(calibration_key())


def calibration_file() -> Path:
    """Where the calibration is kept. The cache folder is worked out here because `assets` stands above this room."""
    home = os.environ.get("SMOLCOURSE_HOME")
    if home:
        return Path(home).expanduser() / "calibration.json"
    from platformdirs import user_cache_path

    return user_cache_path("smolcourse", appauthor=False) / "calibration.json"


def calibration_key() -> str:
    """What a calibration depends on."""
    try:
        torch_version = version("torch")
    except PackageNotFoundError:
        torch_version = "none"
    return (
        f"{_CACHE_VERSION}|{cpu_name()}|{usable_cores()} cores|OMP {os.environ.get('OMP_NUM_THREADS', '-')}|torch {torch_version}"
    )


def choose_dtype(gflops: dict[str, float], candidates: tuple[str, ...] = ("bfloat16",)) -> str:
    """fp32 unless another dtype is clearly faster.

    float16 is measured but no candidate: it overflows in training without loss scaling, and the loss goes to NaN late.
    """
    best = max((name for name in candidates if name in gflops), key=lambda name: gflops[name], default="float32")
    return best if best != "float32" and gflops[best] > CLEARLY_FASTER * gflops["float32"] else "float32"


def thread_candidates(cores: int) -> list[int]:
    """Thread counts worth trying: all physical cores, and half of them where some may be slow (efficiency) cores."""
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdigit() and int(limit) > 0:  # the user has decided
        return [int(limit)]
    return [cores, cores // 2] if cores >= 4 else [cores]


def set_threads(threads: int) -> None:
    """Sets the threads of torch's matrix products in this process."""
    import torch

    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def _measure(key: str) -> Calibration:
    """Measures each dtype on one core by processor time, which other programs cannot stretch, then how well all cores add up."""
    import torch

    device = _accelerator()[0]
    before = torch.get_num_threads()
    busy = device == "cpu" and _others_busy()
    options = thread_candidates(usable_cores())
    try:
        torch.set_num_threads(1)
        one_core = {"float32": _matmul_gflops("float32", device, on_one_core=True)}
        for name in ("bfloat16", "float16"):
            with contextlib.suppress(RuntimeError):  # not every device multiplies every dtype
                one_core[name] = _matmul_gflops(name, device, on_one_core=True, hopeless_below=one_core["float32"] / 4)
        bandwidth = _copy_bandwidth(device)
        speeds = {options[0]: one_core["float32"] * options[0] * BUSY_SCALING}
        if device != "cpu":
            speeds = {options[0]: one_core["float32"]}
        elif not busy:
            for threads in options:
                torch.set_num_threads(threads)
                speeds[threads] = _matmul_gflops("float32", device)
    finally:
        torch.set_num_threads(before)
    # Fewer threads must win clearly, so that noise does not halve the machine.
    threads = max(speeds, key=lambda count: speeds[count] * (1.05 if count == options[0] else 1.0))
    gain = speeds[threads] / one_core["float32"]
    return Calibration(
        device=device,
        threads=threads,
        dtype=choose_dtype(one_core),
        gflops={name: round(value * gain, 1) for name, value in one_core.items()},
        bandwidth=round(bandwidth, 1),
        busy=busy,
        measured_at=round(time.time(), 1),
        key=key,
    )


def _others_busy() -> bool:
    """Whether programs other than this one take more than a fifth of the processor right now (looks for 0.3 s)."""
    psutil.cpu_percent(None)
    time.sleep(0.3)
    return bool(psutil.cpu_percent(None) > 20.0)


def _best_seconds(work: Callable[[], Any], settle: Callable[[], None], seconds: float, clock: Callable[[], float]) -> float:
    """The fastest of as many repeats as fit in `seconds` (at least two after a warm-up): noise only ever adds time."""
    work()
    settle()
    best, repeats, start = math.inf, 0, time.perf_counter()
    while repeats < 2 or time.perf_counter() - start < seconds:
        began = clock()
        work()
        settle()
        best = min(best, clock() - began)
        repeats += 1
    return max(best, 1e-9)


def _settle(device: Device) -> Callable[[], None]:
    """Waits for the device: a GPU answers before it is done."""
    import torch

    return {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(device, lambda: None)


def _clock(device: Device, on_one_core: bool) -> Callable[[], float]:
    """Processor time of this thread where one thread does all the work; Windows counts it too coarsely, and a GPU is not in it."""
    return time.thread_time if on_one_core and device == "cpu" and sys.platform != "win32" else time.perf_counter


def _matmul_gflops(dtype: str, device: Device, *, on_one_core: bool = False, hopeless_below: float = 0.0) -> float:
    """GFLOP/s over one layer's products: all floating point operations over all seconds, 2 operations a multiply-add.

    Stops after the first shape if it is slower than `hopeless_below`: an emulated dtype would take minutes.
    """
    import torch

    operations = seconds = 0.0
    clock = _clock(device, on_one_core)
    for rows, inner, columns in LAYER_SHAPES:
        batch = torch.ones(rows, inner, dtype=getattr(torch, dtype), device=device)
        weight = torch.ones(columns, inner, dtype=getattr(torch, dtype), device=device)
        seconds += _best_seconds(functools.partial(torch.nn.functional.linear, batch, weight), _settle(device), 0.1, clock)
        operations += 2.0 * rows * inner * columns
        if operations / seconds / 1e9 < hopeless_below:
            break
    return operations / seconds / 1e9


def _copy_bandwidth(device: Device) -> float:
    """GB/s of copying 128 MiB: more than a cache holds on a laptop, so this is memory."""
    import torch

    source = torch.zeros(32 << 20, dtype=torch.float32, device=device)
    target = torch.zeros_like(source)
    seconds = _best_seconds(functools.partial(target.copy_, source), _settle(device), 0.2, _clock(device, True))
    return 2 * source.numel() * 4 / seconds / 1e9


def _read_calibration(key: str) -> Calibration | None:
    try:
        values = json.loads(calibration_file().read_text(encoding="utf-8"))
        calibration = Calibration(**values)
    except (OSError, ValueError, TypeError):  # none yet, or from another version: measure again
        return None
    age = time.time() - calibration.measured_at
    if calibration.key != key or calibration.dtype not in calibration.gflops or (calibration.busy and age > _BUSY_CACHE_SECONDS):
        return None
    return calibration


def _write_calibration(calibration: Calibration) -> None:
    path = calibration_file()
    with contextlib.suppress(OSError):  # a cache that cannot be written costs two seconds next time, no more
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        partial.write_text(json.dumps(calibration.as_dict(), indent=1), encoding="utf-8")
        os.replace(partial, path)


# ---------------------------------------------------------------- process


def apply_process_tunables() -> bool:
    """Lets the C library keep the memory that training frees, instead of handing it to the system and touching it afresh.

    Every step allocates and frees the same activations. With glibc's defaults each large block goes back to the kernel and
    returns page by page, zeroed: 15-25 % of a step's processor time. Measured on five full steps of SmolLM2-135M: 690,000 page
    faults before, 10,000 after, system time down two to five times, peak memory the same; huge pages (THP_MEM_ALLOC_ENABLE,
    glibc.malloc.hugetlb) saved faults but no time. `mallopt` works in a running process, so nothing is started anew. Call it
    before the first large allocation.

    Returns:
        True where it was applied (Linux with glibc), False elsewhere.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return False
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of <malloc.h>
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(mmap_threshold, 1 << 30)) and bool(libc.mallopt(trim_threshold, (1 << 31) - 1))


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

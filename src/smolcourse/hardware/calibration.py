"""How fast this machine is, measured once for a processor and a torch version: device, threads and dtype follow from it.

Which number of threads and which dtype are fastest *here* is never read from a table. bf16 halves the bytes, yet on a
processor without matrix units for it, it is slower than fp32; only a stopwatch knows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from smolcourse.hardware.facts import Device, ask_accelerator, cpu_name, usable_cores

# Products of one SmolLM2-135M layer over a packed row of 512 tokens, as (rows, inner, columns): attention output, gate/up, down.
LAYER_SHAPES = ((512, 576, 576), (512, 576, 1536), (512, 1536, 576))
# Rounding eats part of what a lower dtype gains: it must be clearly faster to be worth it.
CLEARLY_FASTER = 1.25
# Rounding to int8 and back costs two passes over memory: the product itself must be much faster.
INT8_FASTER = 2.0
BUSY_SCALING = 0.9  # how well cores add up, assumed where other programs keep them from being tried together
_CACHE_VERSION = 3
_BUSY_CACHE_SECONDS = 60.0  # a calibration taken while other programs ran is soon taken again


@dataclass(frozen=True)
class Calibration:
    """What was measured here, and what follows from it: device, threads and dtype of a run."""

    device: Device
    threads: int
    dtype: str  # fastest for the products of a training: "float32" or "bfloat16"
    gflops: dict[str, float]  # matrix products on the model's own shapes, by dtype ("int8" too), in 10^9 operations a second
    bandwidth: float  # copying memory on one core, GB/s, read and written bytes both counted
    busy: bool  # other programs took more than a fifth of the processor: all cores together were reckoned, not tried
    measured_at: float  # seconds since 1970
    key: str  # processor, cores and torch version it holds for

    @property
    def speed(self) -> float:
        """GFLOP/s in the chosen dtype."""
        return self.gflops[self.dtype]

    @property
    def int8_pays(self) -> bool:
        """Whether int8 products are so much faster than fp32 ones that rounding is worth its time and its noise.

        Never where bf16 pays: what has units for both is at most twice as fast in int8, and rounding to it takes longer.
        """
        return self.device == "cpu" and self.dtype == "float32" and self.gflops.get("int8", 0.0) > INT8_FASTER * self.speed

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

    device = ask_accelerator()[0]
    before = torch.get_num_threads()
    busy = device == "cpu" and _others_busy()
    options = thread_candidates(usable_cores())
    try:
        torch.set_num_threads(1)
        one_core: dict[str, float] = {}
        for _ in range(2):  # dtypes take turns: a neighbour's load then slows all of them, not one
            for name in ("float32", "bfloat16", "float16", "int8"):
                hopeless = one_core.get("float32", 0.0) / 4
                with contextlib.suppress(RuntimeError):  # not every device multiplies every dtype
                    found = _matmul_gflops(name, device, on_one_core=True, hopeless_below=hopeless)
                    one_core[name] = max(found, one_core.get(name, 0.0))
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
    """Processor time of this thread where it does all the work; Windows counts that too coarsely, and a GPU is not in it."""
    return time.thread_time if on_one_core and device == "cpu" and sys.platform != "win32" else time.perf_counter


def _matmul_gflops(dtype: str, device: Device, *, on_one_core: bool = False, hopeless_below: float = 0.0) -> float:
    """GFLOP/s over one layer's products: all floating point operations over all seconds, 2 operations a multiply-add.

    Stops after the first shape if it is slower than `hopeless_below`: an emulated dtype would take minutes.
    """
    import torch

    operations = seconds = 0.0
    clock = _clock(device, on_one_core)
    product = torch._int_mm if dtype == "int8" else torch.mm
    for rows, inner, columns in LAYER_SHAPES:
        batch = torch.ones(rows, inner, dtype=getattr(torch, dtype), device=device)
        weight = torch.ones(columns, inner, dtype=getattr(torch, dtype), device=device).t()
        seconds += _best_seconds(functools.partial(product, batch, weight), _settle(device), 0.1, clock)
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

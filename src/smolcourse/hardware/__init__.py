"""Cores, memory, dtype, calibration. The only place that decides about devices.

`machine()` states facts and imports nothing heavy; `calibrate()` measures, once, and is cached.
"""

from smolcourse.hardware.calibration import Calibration, cached_calibration, calibrate, set_threads
from smolcourse.hardware.facts import GIB, Device, Machine, disk_free, machine, require_disk
from smolcourse.hardware.process import keep_memory, memory_in_use, peak_memory

__all__ = [
    "GIB",
    "Calibration",
    "Device",
    "Machine",
    "cached_calibration",
    "calibrate",
    "disk_free",
    "keep_memory",
    "machine",
    "memory_in_use",
    "peak_memory",
    "require_disk",
    "set_threads",
]

"""What tells two runs apart beyond the recipe: versions, processor, calibration, commit. Nothing that names a person."""

from __future__ import annotations

import contextlib
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from smolcourse import hardware


def environment() -> dict[str, Any]:
    """What is needed to tell two runs apart: versions, processor, limits, calibration, commit. No user name, no home folder."""
    facts = hardware.machine(with_accelerator=False)
    calibration = hardware.cached_calibration()
    values: dict[str, Any] = scrub(
        {
            "versions": versions(),
            "system": facts.system,
            "cpu": facts.cpu,
            "usable_cores": facts.usable_cores,
            "memory_total": facts.memory_total,
            "calibration": calibration.as_dict() if calibration else None,
            "commit": _commit(),
        }
    )
    return values


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that shape a result; missing ones are left out."""
    found = {"python": platform.python_version()}
    for name in ("smolcourse", "torch", "transformers", "peft", "accelerate", "datasets", "tokenizers", "safetensors", "numpy"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def scrub(value: Any) -> Any:
    """Takes the home folder and the user's name out of every text of a JSON value, so that it can be shown to others."""
    home = str(Path.home())
    if isinstance(value, str):
        if home not in ("/", ""):
            value = value.replace(home, "~")
        user = Path(home).name
        return re.sub(rf"(?<=[/\\]){re.escape(user)}(?=[/\\]|$)", "USER", value) if len(user) > 1 else value
    if isinstance(value, Mapping):
        return {scrub(key): scrub(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub(item) for item in value]
    return value


def _commit() -> str | None:
    """The commit of the folder we run in, with `+` if files are changed; None outside a repository."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, timeout=5, check=True)
        dirty = subprocess.run(["git", "status", "--porcelain", "-uno"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")

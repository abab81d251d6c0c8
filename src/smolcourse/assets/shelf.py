"""What the cache holds, as a person manages it: list, fetch all, verify, remove. The work behind `smol assets`."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from smolcourse.assets import references, store
from smolcourse.assets.cache import home, plain_disk_errors, sha256_of
from smolcourse.assets.catalog import CATALOG, Asset
from smolcourse.assets.references import HubRepo, WheelPart
from smolcourse.assets.resolver import key_of, part_of, resolve
from smolcourse.errors import SmolError

State = Literal["ready", "absent", "damaged"]


@dataclass(frozen=True)
class Line:
    """One asset as `smol assets ls` shows it. `download` and `disk` are bytes; `download` is None where unknown."""

    name: str
    kind: str
    state: State
    license: str
    download: int | None
    disk: int
    path: str | None
    about: str


def lines() -> list[Line]:
    """The catalog first, then whatever else the cache holds."""
    shown = []
    for asset in CATALOG.values():
        key = key_of(asset)
        stored = store.read(key)
        state: State = "absent" if stored is None else "ready" if store.ready(key) else "damaged"
        disk, path = (stored.bytes, str(stored.path)) if stored else (asset.disk, None)
        shown.append(Line(asset.alias, asset.kind, state, asset.license, asset.download, disk, path, asset.about))
    known = {key_of(asset) for asset in CATALOG.values()}
    for stored in store.everything():
        if stored.key not in known:
            kind = stored.reference.partition(":")[0] if ":" in stored.reference else "model"
            state = "ready" if store.ready(stored.key) else "damaged"
            shown.append(Line(stored.reference, kind, state, stored.license, None, stored.bytes, str(stored.path), ""))
    return shown


def fetch(names: list[str]) -> Iterator[tuple[str, str]]:
    """Fetches each reference, and gives it back with its path as soon as it is ready."""
    for name in names:
        yield name, str(resolve(name))


def verify(names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Recomputes the hashes of the named assets, or of all in the cache. Yields each name with its wrong files."""
    for stored in _stored(names) if names else store.everything():
        wrong = store.problems(stored)
        pinned = next((a.sha256 for a in CATALOG.values() if a.kind != "model" and key_of(a) == stored.key), None)
        if not wrong and pinned and sha256_of(stored.path) != pinned:  # asset.json was changed along with the file
            wrong = [stored.name]
        yield name_of(stored), wrong


def remove(names: list[str]) -> int:
    """Deletes the named assets, with the wheels and fragments that interrupted work left of them. Returns bytes freed."""
    freed = 0
    for name in names:
        source = _source(name)
        for stored in store.everything():
            if stored.reference == name:  # also what an older converter wrote under this name
                freed += store.remove(stored.key)
        if source is None:
            continue
        freed += store.remove(key_of(source))
        if not isinstance(source, HubRepo):
            wheel = home() / "wheels" / f"{(part_of(source) if isinstance(source, Asset) else source).sha256}.whl"
            if wheel.is_file():
                freed += wheel.stat().st_size
                wheel.unlink()
    return freed


def remove_everything() -> int:
    """Empties the cache of assets. Returns bytes freed. Other things under the cache folder are left alone."""
    freed = 0
    with plain_disk_errors():
        for folder in (home() / "assets", home() / "partial", home() / "wheels"):
            if folder.exists():
                freed += sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                shutil.rmtree(folder)
    return freed


def name_of(stored: store.Stored) -> str:
    """What a user types for an asset of the cache: its alias, else its reference."""
    return next((asset.alias for asset in CATALOG.values() if key_of(asset) == stored.key), stored.reference)


def _source(name: str) -> Asset | WheelPart | HubRepo | None:
    """What a name stands for; None for something in the cache that is known by its reference alone."""
    named = name in CATALOG or name.startswith(("wheel:", "hf:"))
    if not named and any(stored.reference == name for stored in store.everything()):
        return None
    source = references.parse(name)
    if isinstance(source, (Asset, WheelPart, HubRepo)):
        return source
    raise SmolError("đây là tệp của bạn, không nằm trong cache", "this is a file of yours, not in the cache", where=name)


def _stored(names: list[str]) -> Iterator[store.Stored]:
    for name in names:
        source = _source(name)
        found = [s for s in store.everything() if s.reference == name or (source is not None and s.key == key_of(source))]
        if not found:
            raise SmolError("chưa có trong cache", "not in the cache", where=name, fix=f"smol assets fetch '{name}'")
        yield from found

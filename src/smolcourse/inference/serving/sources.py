"""From what `smol serve` is told to files: a GGUF, an exported folder, a run, any model; several with commas between."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from smolcourse.errors import SmolError
from smolcourse.language import tr

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_PREFERRED = ("q8_0", "f16", "q5_0", "q4_0")  # of several files in a folder


@dataclass(frozen=True)
class Source:
    """One model to serve.

    Attributes:
        name: that clients use.
        kind: `gguf` for llama.cpp, `plain` for transformers.
        path: of the GGUF, or what `inference.loading.load_model` takes.
        adapters: GGUF LoRA files by the names that clients use.
        system: the system prompt that the model was trained with.
        sees: whether it takes pictures.
    """

    name: str
    kind: Literal["gguf", "plain"]
    path: str
    adapters: dict[str, Path] = field(default_factory=dict)
    system: str | None = None
    sees: bool = False

    def wanted(self, settings: dict[str, Any]) -> dict[str, Any]:
        """What its worker is told."""
        adapters = {name: str(file) for name, file in self.adapters.items()}
        return {"kind": self.kind, "name": self.name, "path": self.path, "adapters": adapters, "settings": settings}


def find_all(models: str, *, backend: Literal["llama", "transformers"] = "llama", system: str | None = None) -> list[Source]:
    """Finds every model of `NAME=MODEL,MODEL,...`.

    Args:
        backend: `transformers` for all models, instead of llama.cpp.
        system: instead of the system prompt that a model was trained with; empty for none.

    Raises:
        SmolError: nothing of that name, a name twice, or one that no client could ask for.
    """
    found = [_find(part.strip(), backend, system) for part in models.split(",") if part.strip()]
    names = [name for source in found for name in (source.name, *source.adapters)]
    if not found:
        raise SmolError("chưa cho biết mô hình nào", "no model was named", fix="smol serve latest")
    for name in names:
        if names.count(name) > 1 or name == "default":
            raise SmolError(
                f"tên {name} trùng nhau; hãy đặt tên khác",
                f"the name {name} is taken; choose another",
                where=models,
                fix=f"smol serve a={name},...",
            )
    return found


def _find(part: str, backend: str, system: str | None) -> Source:
    name, given, reference = part.rpartition("=")
    path = Path(reference).expanduser()
    if path.suffix == ".gguf" and backend == "llama":
        if not path.is_file():
            raise SmolError("không có tệp này", "there is no such file", where=str(path))
        source = Source(_named(name if given else path.stem), "gguf", str(path.resolve()))
    elif backend == "llama" and path.is_dir() and any(path.glob("*.gguf")):
        source = _exported(path.resolve(), name if given else path.resolve().name)
    else:
        source = _other(reference, name if given else "", backend)
    return source if system is None else replace(source, system=system or None)


def _exported(folder: Path, name: str) -> Source:
    """A folder that `smol export` wrote."""
    files = sorted(folder.glob("*.gguf"), key=lambda file: (_rank(file), file.name))
    adapters = {_named(file.stem): file for file in sorted((folder / "adapters").glob("*.gguf"))}
    return Source(_named(name), "gguf", str(files[0]), adapters, _system_in(folder))


def _other(reference: str, name: str, backend: str) -> Source:
    """A run or a model: exported to Q8_0 into the cache first, once for its content; as it is for transformers.

    A model that sees is for transformers whatever was asked for: there is no GGUF of it.
    """
    from smolcourse.inference.loading import base_of, can_see, locate

    located = locate(reference)
    sees = can_see(located)
    own = (located.run.name if located.run else Path(reference).name or reference).replace(" ", "-")
    shown = _named(name or own)
    if sees or backend == "transformers":
        from smolcourse.inference.loading import system_prompt_of

        return Source(shown, "plain", reference, system=system_prompt_of(located), sees=sees)
    from smolcourse.assets.cache import home

    folders = [located.path, *([base_of(located)] if (located.path / "adapter_config.json").is_file() else [])]
    folder = home() / "exports" / f"{own.replace(':', '-')}-{_content(folders)}"
    if not any(folder.glob("*.gguf")):
        _export(reference, folder)
    return _exported(folder, shown)


def _export(reference: str, folder: Path) -> None:
    """In a process of its own, so that the server's stays small: an export needs torch."""
    print(tr(f"Đang xuất {reference} sang GGUF Q8_0 (một lần)…", f"Exporting {reference} to GGUF Q8_0 (once)…"), file=sys.stderr)
    command = [sys.executable, "-m", "smolcourse.cli.main", "export", reference, "--to", "q8_0", "--output", str(folder)]
    if subprocess.run(command, stdout=sys.stderr).returncode:
        raise SmolError(
            "không xuất được mô hình này sang GGUF",
            "this model could not be exported to GGUF",
            where=reference,
            fix=f"smol serve {reference} --backend transformers",
        )


def _content(folders: list[Path]) -> str:
    """Twelve digits that stand for the content of the folders' files."""
    from smolcourse.assets.cache import sha256_of

    files = sorted(file for folder in folders for file in folder.iterdir() if file.is_file())
    return sha256("\n".join(f"{file.name} {sha256_of(file)}" for file in files).encode()).hexdigest()[:12]


def _system_in(folder: Path) -> str | None:
    """The system prompt that `smol export` wrote down."""
    try:
        said = json.loads((folder / "export.json").read_text(encoding="utf-8")).get("system_prompt")
    except (OSError, ValueError, AttributeError):
        return None
    return said if isinstance(said, str) else None


def _rank(file: Path) -> int:
    return next((at for at, kind in enumerate(_PREFERRED) if kind in file.stem.lower()), len(_PREFERRED))


def _named(name: str) -> str:
    """The name, if clients can ask for it and nothing of it could be taken for a path."""
    if not _NAME.fullmatch(name):
        raise SmolError(
            f"tên mô hình {name!r} không dùng được (chữ cái không dấu, số, . _ : -)",
            f"{name!r} cannot be a model's name (letters, digits, . _ : -)",
            fix="smol serve orders=./my-model",
        )
    return name

"""A model or a run, exported: every file written beside its target, checked against the trained model, then put in place."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import smolcourse
from smolcourse.adapters.files import CONFIG
from smolcourse.assets.cache import sha256_of
from smolcourse.errors import SmolError
from smolcourse.evaluation.tasks import Task, load_task
from smolcourse.inference.export import parity
from smolcourse.inference.export.beside import write_beside
from smolcourse.inference.export.card import write_card
from smolcourse.inference.export.gguf import KINDS, check_architecture, write_gguf
from smolcourse.inference.export.lora import write_lora
from smolcourse.inference.export.parity import Parity
from smolcourse.inference.loading import Located, base_of, can_see, load_model, locate, quiet, system_prompt_of
from smolcourse.training.durable import PARTIAL, mendable
from smolcourse.vision.loading import load_processor

FORMATS = ("safetensors", *KINDS)
ITEMS = 50
"""Items of the run's task that the trained model and each file answer."""


@dataclass(frozen=True)
class Exported:
    """What was written, and how near it is to what was trained."""

    folder: Path
    name: str
    files: dict[str, Path]
    """`safetensors` (a folder), `q8_0` ...: the file of each format."""
    parity: list[Parity]
    """One for each format, then one for each adapter."""
    adapters: dict[str, Path]


def export_model(
    reference: str,
    folder: Path | None = None,
    *,
    formats: Sequence[str] = ("safetensors", "q8_0"),
    adapters: Sequence[str] = (),
    items: int = ITEMS,
    force: bool = False,
) -> Exported:
    """Exports a model, checks every file against it, and puts the folder in place whole or not at all.

    Args:
        reference: a model, or a run, whose adapter is merged; as `loading.locate` takes it.
        folder: a new one, or one that an export wrote and nobody touched, which is replaced; by default `export` in the run's
            folder, or `NAME-export` here.
        formats: of `FORMATS`.
        adapters: runs with a LoRA of this very model, written as GGUF LoRA beside it, to be put on and off while it serves.
        items: of the run's task, answered by the trained model and by each file; 0 leaves the task out.
        force: puts it in place even if it drifts.

    Raises:
        SmolError: an unknown format, no such model, one that cannot be written as GGUF (none that sees can), a folder with
            something else in it, or files that drift beyond `parity.LIMITS`.
    """
    for one in formats:
        if one not in FORMATS:
            known = ",".join(FORMATS)
            raise SmolError(f"không có định dạng {one!r}", f"there is no format {one!r}", where="--to", fix=f"--to {known}")
    if not formats or (adapters and not set(formats) & set(KINDS)):
        raise SmolError("cần một định dạng GGUF", "a GGUF format is needed", where="--to", fix="--to q8_0")
    located = locate(reference)
    if can_see(located) and set(formats) & set(KINDS):
        raise SmolError(
            "mô hình xem được ảnh này không có dạng GGUF (llama.cpp không biết kiến trúc này), nên chỉ xuất ra safetensors; "
            "smol chat, smol eval và smol serve chạy thẳng mô hình này",
            "there is no GGUF of this model that sees (llama.cpp does not know its kind), so it is exported as safetensors only; "
            "smol chat, smol eval and smol serve run it as it is",
            where=reference,
            fix=f"smol export {reference} --to safetensors",
        )
    name = _name(located, reference)
    target = _target(located, name, folder)
    worn = {_name(place, one): place for one, place in ((one, locate(one)) for one in adapters)}
    for place in worn.values():
        _need_same_base(place, located)
    with mendable(target), _in_place(target) as partial:
        with quiet():
            made = _write(located, name, partial, tuple(dict.fromkeys(formats)), worn, _task(located, items))
        bad = [(one.kind, vi, en) for one in made.parity for vi, en in one.problems]
        if bad and not force:
            raise SmolError(
                "bản export không giống mô hình đã huấn luyện: " + "; ".join(f"{kind}: {vi}" for kind, vi, _ in bad),
                "the export is not what was trained: " + "; ".join(f"{kind}: {en}" for kind, _, en in bad),
                where=reference,
                fix=f"smol export {reference} --to {_more_exact(bad[0][0])}   (--force)",
            )
        _write_record(located, reference, made, partial)
    return Exported(
        target,
        name,
        {kind: target / file.name for kind, file in made.files.items()},
        made.parity,
        {one: target / "adapters" / file.name for one, file in made.adapters.items()},
    )


def _write(
    located: Located, name: str, folder: Path, formats: tuple[str, ...], worn: dict[str, Located], task: Task | None
) -> Exported:
    from smolcourse.adapters import load_adapter, merge_in_memory
    from smolcourse.inference.engine import Engine

    model: Any
    model, tokenizer = load_model(located)
    if can_see(located):
        task = None  # its score would be that of the same numbers
    if set(formats) & set(KINDS):
        check_architecture(model.config)
    expected = parity.expect(model, tokenizer, task)
    if (located.path / CONFIG).is_file():
        merge_in_memory(model)
        model = model.unload()
    files: dict[str, Path] = {}
    found: list[Parity] = []
    loras: dict[str, Path] = {}
    for one, place in worn.items():
        loras[one] = folder / "adapters" / f"{one}.gguf"
        loras[one].parent.mkdir(exist_ok=True)
        write_lora(place.path, model.config, loras[one], name=one)
    for kind in formats:
        files[kind] = folder / "safetensors" if kind == "safetensors" else folder / f"model-{kind}.gguf"
        if kind == "safetensors":
            model.config.use_cache = True
            model.save_pretrained(files[kind])
            (load_processor(files[kind], tokenizer) if can_see(located) else tokenizer).save_pretrained(files[kind])
            found.append(parity.hold_model(expected, *load_model(str(files[kind]))))
            continue
        write_gguf(model, tokenizer, files[kind], kind, name=name)
        with Engine(files[kind], context=parity.CONTEXT) as engine:
            found.append(parity.hold(expected, engine, kind))
    exact = next((files[kind] for kind in KINDS if kind in files), None)
    if exact and loras:
        kind = next(kind for kind in KINDS if kind in files)
        with Engine(exact, context=parity.CONTEXT, adapters=loras) as engine:
            for one, place in worn.items():
                dressed = load_adapter(model, place.path)
                wanted = parity.expect(dressed.eval(), tokenizer)
                found.append(parity.hold(wanted, engine, kind, adapter=one))
                model = dressed.unload()
    return Exported(folder, name, files, found, loras)


def _write_record(located: Located, reference: str, made: Exported, folder: Path) -> None:
    """Everything beside the weights, and last `export.json`: what was exported from what, and the hash of every file."""
    (folder / "parity.json").write_text(parity.report(made.parity), encoding="utf-8")
    system = system_prompt_of(located)
    config = json.loads((_config_folder(located) / "config.json").read_text(encoding="utf-8"))
    sees, context = can_see(located), int(config.get("text_config", config)["max_position_embeddings"])
    write_beside(folder, made.name, sorted(made.files), sorted(made.adapters), system, context, sees=sees)
    write_card(folder, made.name, reference, located.run, made.parity, system, sees=sees)
    record = {
        "name": made.name,
        "source": reference,
        "source_sha256": _hashes(located.path),
        "system_prompt": system,
        "formats": list(made.files),
        "adapters": list(made.adapters),
        "smolcourse": smolcourse.__version__,
        "files": _hashes(folder),
    }
    (folder / "export.json").write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under a folder, by its path in it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "export.json")
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in files}


def _config_folder(located: Located) -> Path:
    return base_of(located) if (located.path / CONFIG).is_file() else located.path


def _name(located: Located, reference: str) -> str:
    return located.run.name if located.run else Path(reference.rpartition(":")[2]).expanduser().resolve().name


def _target(located: Located, name: str, folder: Path | None) -> Path:
    if folder is None:
        return located.run.path / "export" if located.run else Path(f"{name}-export").resolve()
    return folder.expanduser().resolve()


def _task(located: Located, items: int) -> Task | None:
    """The run's task, in the language it was trained in."""
    recipe = located.recipe
    if not recipe.get("task") or items < 1:
        return None
    split = (recipe.get("task_splits") or ["new"])[0]
    language = str((recipe.get("dataset_config") or {}).get("language", "vi"))
    return load_task(f"{recipe['task']}:{split}", size=items, language=language)


def _need_same_base(adapter: Located, model: Located) -> None:
    if not (adapter.path / CONFIG).is_file() or base_of(adapter).resolve() != model.path.resolve():
        raise SmolError(
            "adapter này không phải của mô hình đang xuất",
            "this adapter does not belong to the model that is exported",
            where=str(adapter.path),
            fix="smol adapters ls",
        )


def _more_exact(kind: str) -> str:
    """The next type with more bits."""
    return KINDS[max(0, KINDS.index(kind) - 1)] if kind in KINDS else kind


@contextlib.contextmanager
def _in_place(target: Path) -> Iterator[Path]:
    """A folder to write into, which takes the target's place if nothing is raised.

    Raises:
        SmolError: the target holds something that no export wrote, or that was changed since.
    """
    _need_ours(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    partial = target.with_name(f".{target.name}.{os.getpid()}{PARTIAL}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        _need_ours(target)  # minutes have passed
        old = target.with_name(f".{target.name}.{os.getpid()}.old{PARTIAL}")
        if target.exists():
            os.replace(target, old)
        os.replace(partial, target)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _sweep(target: Path) -> None:
    """Removes what exports to this target left that were killed."""
    for path in target.parent.glob(f".{target.name}.*{PARTIAL}"):
        number = path.name.removeprefix(f".{target.name}.").partition(".")[0]
        if number.isdecimal() and not psutil.pid_exists(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def _need_ours(target: Path) -> None:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        ours = json.loads((target / "export.json").read_text(encoding="utf-8"))["files"] == _hashes(target)
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    if not ours:
        raise SmolError(
            "đã có thứ khác ở đây (hoặc bản export cũ đã bị sửa); không ghi đè",
            "something else is here (or an export that was changed since); nothing is overwritten",
            where=str(target),
            fix="--output FOLDER",
        )

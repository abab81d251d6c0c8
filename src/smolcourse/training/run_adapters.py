"""The adapters that runs left: listed with what their files say, and merged into a model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from smolcourse.adapters import Facts, describe, merge
from smolcourse.adapters.files import CONFIG
from smolcourse.errors import SmolError
from smolcourse.training.located import base_of, locate
from smolcourse.training.runs import Run, find_run, list_runs, runs_folder
from smolcourse.vision.loading import auto_class


@dataclass(frozen=True)
class Listed:
    """One adapter; `facts` is None where its files are damaged, which `problem` then says."""

    name: str
    path: Path
    facts: Facts | None = None
    problem: SmolError | None = None


def list_adapters(where: str | None = None) -> list[Listed]:
    """Finds adapters; a damaged one does not hide the others.

    Args:
        where: a runs folder (`runs` by default), a run by path or name, an adapter's folder, or a folder of those.

    Raises:
        SmolError: nothing of that name.
    """
    folder = Path(where).expanduser() if where is not None else runs_folder()
    if (folder / CONFIG).is_file():
        return [_listed(folder.name, folder)]
    if (folder / "recipe.yaml").is_file():
        return _of_run(Run(folder))
    if folder.is_dir():
        loose = sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))
        return [*(one for run in list_runs(folder) for one in _of_run(run)), *(_listed(path.name, path) for path in loose)]
    return [] if where is None else _of_run(find_run(where))


def _of_run(run: Run) -> list[Listed]:
    folder = run.path / "adapter"
    if not (folder / CONFIG).is_file():
        return []
    listed = _listed(run.name, folder)
    try:
        olora = run.recipe().get("init_lora_weights") == "olora"
    except SmolError:
        olora = False
    if olora and listed.facts and listed.facts.kind == "LoRA":  # what is saved is plain LoRA; how it began, the recipe knows
        return [dataclasses.replace(listed, facts=dataclasses.replace(listed.facts, kind="OLoRA"))]
    return [listed]


def _listed(name: str, folder: Path) -> Listed:
    try:
        return Listed(name, folder, describe(folder))
    except SmolError as error:
        return Listed(name, folder, problem=error)


def merge_run(reference: str, target: Path | None = None) -> tuple[Path, float]:
    """Writes a model with a run's adapter merged into it.

    Args:
        reference: a run, or a folder with an adapter.
        target: a new folder; by default `merged` in the run's folder, or `NAME-merged` beside a folder.

    Returns:
        The folder, and the largest difference between merged and unmerged logits, as a share of the largest.

    Raises:
        SmolError: no such run, one without an adapter, or what `adapters.merge` raises.
    """
    place = locate(reference)
    if not (place.path / CONFIG).is_file():
        raise SmolError(
            "đây là cả một mô hình, không có adapter để ghép",
            "this is a whole model, there is no adapter to merge",
            where=reference,
            fix="smol adapters ls",
        )
    beside = place.run.path / "merged" if place.run else place.path.with_name(f"{place.path.resolve().name}-merged")
    target = (target or beside).expanduser()
    base = base_of(place)
    return target, merge(base, place.path, target, auto_class(base))

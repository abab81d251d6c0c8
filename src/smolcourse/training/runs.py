"""Run folders: what one is (`Run`), all of a folder, or the one a person means."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from smolcourse.errors import SmolError
from smolcourse.training.durable import PARTIAL
from smolcourse.training.run_folder import Run, State, runs_folder

__all__ = ["Run", "State", "find_run", "list_runs", "runs_folder"]


def list_runs(folder: Path | str | None = None) -> list[Run]:
    """All runs of a folder, oldest first. Folders that are no runs are passed over."""
    root = Path(folder) if folder is not None else runs_folder()
    if not root.is_dir():
        return []
    found = [Run(path) for path in root.iterdir() if not path.name.endswith(PARTIAL) and (path / "recipe.yaml").is_file()]
    return sorted(found, key=lambda run: (run.status().get("created_at") or run.path.stat().st_mtime, run.name))


def find_run(reference: str, folder: Path | str | None = None) -> Run:
    """A run by name, path, unique beginning or part of its name, or `latest`.

    Raises:
        SmolError: none, or several, fit.
    """
    if reference != "latest" and (Path(reference) / "recipe.yaml").is_file():
        return Run.open(reference)
    runs = list_runs(folder)
    wanted = unicodedata.normalize("NFC", reference)
    if reference == "latest" and runs:
        return Run.open(runs[-1].path)
    for fits in (str.__eq__, str.startswith, str.__contains__):
        hits = [run for run in runs if fits(unicodedata.normalize("NFC", run.name), wanted)]
        if len(hits) == 1:
            return Run.open(hits[0].path)
        if hits and wanted:
            names = ", ".join(run.name for run in hits[:5])
            raise SmolError(
                f"{reference!r} khớp với nhiều run: {names}", f"{reference!r} fits several runs: {names}", fix="smol runs ls"
            )
    if Path(reference).is_dir():
        return Run.open(reference)  # says why it is none
    raise SmolError(
        "chưa có run nào" if not runs else f"không có run {reference!r}",
        "there are no runs yet" if not runs else f"no run {reference!r}",
        fix="smol runs ls" if runs else "smol train smollm2-135m/sft/full",
    )

"""The run folder: the contract between training and everything that shows a run.

    recipe.yaml       the resolved recipe
    environment.json  versions, processor, calibration, commit
    state.json        created | running | finished | interrupted | failed
    metrics.jsonl     one line per logged step, only ever appended to
    samples.jsonl     answers to the fixed prompts while training
    checkpoints/      checkpoint-STEP folders, each complete or not there
    model/ adapter/   the result
    report.md         what was run and what came of it

A power cut, `kill -9` or a full disk may fall between any two lines of this file, so each write either adds one whole line
(one `write`, then `fsync`) or replaces a whole file, and a name that ends in `.partial` is never read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml

from smolcourse.errors import SmolError
from smolcourse.hardware.process import identity, is_alive
from smolcourse.training.durable import (
    PARTIAL,
    append_line,
    discard,
    json_line,
    json_text,
    mend_tail,
    mendable,
    read_json,
    read_lines,
    replace_file,
    sync,
)
from smolcourse.training.environment import environment

State = Literal["created", "running", "finished", "interrupted", "failed"]
STATES: tuple[State, ...] = ("created", "running", "finished", "interrupted", "failed")

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class Run:
    """One run folder. Holds nothing but its path: every question is answered from the files."""

    path: Path

    # ------------------------------------------------------------ making and finding

    @classmethod
    def create(cls, recipe: Any, name: str, *, folder: Path | str | None = None) -> Run:
        """Makes a new run folder `TIME-NAME` and writes the recipe and the environment into it.

        Args:
            recipe: a dataclass or a mapping; saved as `recipe.yaml`.
            name: what was run, such as `smollm2-135m/sft/full`; becomes part of the folder's name.
            folder: where runs live; the recipe's `output_dir`, else `runs`.

        Raises:
            SmolError: the folder cannot be written, or the disk is full.
        """
        values = dataclasses.asdict(recipe) if dataclasses.is_dataclass(recipe) and not isinstance(recipe, type) else dict(recipe)
        root = Path(folder) if folder is not None else runs_folder(values)
        stem = f"{datetime.now():%Y%m%d-%H%M%S}-{slug(name)}"
        with mendable(root):
            root.mkdir(parents=True, exist_ok=True)
            for attempt in range(1, 1000):
                path = root / (stem if attempt == 1 else f"{stem}-{attempt}")
                try:
                    path.mkdir()  # fails if another process was first: the name is ours alone
                    break
                except FileExistsError:
                    continue
            else:
                raise SmolError("quá nhiều run cùng tên", "too many runs of the same name", where=str(root / stem))
        run = cls(path)
        try:
            with mendable(path):
                (path / "checkpoints").mkdir()
                replace_file(path / "recipe.yaml", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
                replace_file(path / "environment.json", json_text(environment()))
                run.set_state("created")
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # nothing half-written
            raise
        return run

    @classmethod
    def open(cls, path: Path | str) -> Run:
        """Opens a run folder for reading.

        Raises:
            SmolError: there is no such folder, it is no run, or its recipe is unreadable.
        """
        path = Path(path)
        if not path.is_dir():
            raise SmolError("không có thư mục run này", "there is no such run folder", where=str(path), fix="smol runs ls")
        if not (path / "recipe.yaml").is_file():
            raise SmolError(
                "thư mục này không phải một run (thiếu recipe.yaml)",
                "this folder is not a run (recipe.yaml is missing)",
                where=str(path),
                fix="smol runs ls",
            )
        run = cls(path)
        run.recipe()
        return run

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.absolute().name

    # ------------------------------------------------------------ what it is

    def recipe(self) -> dict[str, Any]:
        """The resolved recipe as plain values."""
        where = self.path / "recipe.yaml"
        try:
            values = yaml.safe_load(where.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise SmolError("không đọc được recipe của run", "the run's recipe cannot be read", where=str(where)) from error
        if not isinstance(values, dict):
            raise SmolError(
                "recipe của run bị hỏng", "the run's recipe is damaged", where=str(where), fix=f"smol runs rm {self.name}"
            )
        return values

    def environment(self) -> dict[str, Any]:
        """Versions, processor and calibration at the start of the run; empty if unreadable."""
        return read_json(self.path / "environment.json")

    def state(self) -> State:
        """The state now. A run whose process is gone was interrupted, whatever the file says."""
        values = self.status()
        state = values.get("state")
        if state == "running":
            return "running" if is_alive(values.get("pid"), values.get("pid_started")) else "interrupted"
        if state in STATES:
            return state  # type: ignore[no-any-return]
        return "interrupted" if self.metrics() else "created"  # unreadable state.json: the metrics tell

    def status(self) -> dict[str, Any]:
        """`state.json` as it stands: state, pid, times, and what `set_state` was given; empty if unreadable."""
        return read_json(self.path / "state.json")

    def set_state(self, state: State, **details: Any) -> None:
        """Replaces the state at once; details given before are kept.

        Args:
            details: plain values, such as `total_steps=300`, `error="..."`.
        """
        now = time.time()
        values = {"created_at": now, **self.status(), **details, "state": state, "updated_at": now}
        if state == "running":
            values["pid"], values["pid_started"] = identity()
        with mendable(self.path):
            replace_file(self.path / "state.json", json_text(values))

    # ------------------------------------------------------------ lines

    def append_metrics(self, step: int, **values: Any) -> None:
        """Adds one line to `metrics.jsonl` and waits until it is on the disk.

        Raises:
            SmolError: the disk is full or read-only; the lines before stay whole.
        """
        with mendable(self.path / "metrics.jsonl"):
            append_line(self.path / "metrics.jsonl", {"step": step, **values})

    def append_sample(self, step: int, prompt: Any, answer: str, **values: Any) -> None:
        """Adds one answer to a fixed prompt to `samples.jsonl`."""
        with mendable(self.path / "samples.jsonl"):
            append_line(self.path / "samples.jsonl", {"step": step, "prompt": prompt, "answer": answer, **values})

    def metrics(self) -> list[dict[str, Any]]:
        """All whole lines of `metrics.jsonl`. A torn last line, as a crash leaves it, is passed over."""
        return list(read_lines(self.path / "metrics.jsonl"))

    def samples(self) -> list[dict[str, Any]]:
        """All whole lines of `samples.jsonl`."""
        return list(read_lines(self.path / "samples.jsonl"))

    def rewind(self, step: int) -> int:
        """Goes back to a checkpoint: drops the lines after `step`, doubled lines and a torn last line.

        Steps that are run again are then logged once.

        Returns:
            how many metric lines were dropped.
        """
        dropped = 0
        for name in ("metrics.jsonl", "samples.jsonl"):
            path = self.path / name
            if not path.exists():
                continue
            lines = list(read_lines(path))
            kept, seen = [], set()
            for values in lines:
                text = json_line(values)
                if values.get("step", 0) <= step and text not in seen:
                    kept.append(text)
                    seen.add(text)
            with mendable(path):
                replace_file(path, "".join(line + "\n" for line in kept))
            dropped += (len(lines) - len(kept)) if name == "metrics.jsonl" else 0
        return dropped

    # ------------------------------------------------------------ checkpoints

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    def staging(self) -> Path:
        """An empty folder to write a checkpoint into, before `commit_checkpoint` gives it its name."""
        folder = self.checkpoints / f"staging{PARTIAL}"
        with mendable(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        return folder

    def commit_checkpoint(self, written: Path, step: int, *, keep: int = 2) -> Path:
        """Makes a written folder the checkpoint of `step`, and drops the oldest beyond `keep`.

        The files are on the disk before the folder gets its name: a checkpoint is complete or not there.
        """
        final = self.checkpoints / f"checkpoint-{step}"
        with mendable(final):
            for file in sorted(written.rglob("*")):
                if file.is_file():
                    sync(file)
            if final.exists():  # the same step again, after a resume: the new one takes its place
                discard(final)
            os.replace(written, final)
            sync(self.checkpoints)
        for path in self.list_checkpoints()[: -max(1, keep)]:
            discard(path)
        return final

    def save_checkpoint(self, step: int, write: Callable[[Path], None], *, keep: int = 2) -> Path:
        """Writes a checkpoint with `write(folder)`, then commits it. If `write` fails, what it left is removed.

        Raises:
            SmolError: the disk is full; the checkpoints before stay whole.
        """
        staging = self.staging()
        try:
            with mendable(self.checkpoints / f"checkpoint-{step}"):
                write(staging)
            return self.commit_checkpoint(staging, step, keep=keep)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def list_checkpoints(self) -> list[Path]:
        """Complete checkpoints, oldest step first."""
        try:
            found = [(int(match[1]), path) for path in self.checkpoints.iterdir() if (match := _CHECKPOINT.fullmatch(path.name))]
        except OSError:
            return []
        return [path for _, path in sorted(found) if path.is_dir() and any(path.iterdir())]

    def latest_checkpoint(self) -> tuple[int, Path] | None:
        """Step and folder of the newest complete checkpoint."""
        complete = self.list_checkpoints()
        return (int(complete[-1].name.removeprefix("checkpoint-")), complete[-1]) if complete else None

    def clean(self) -> None:
        """Removes what a killed process left half-written, and mends a torn last line. Call it under `lock()`."""
        leftovers = [*self.path.glob(f"*{PARTIAL}"), *self.checkpoints.glob(f"*{PARTIAL}")]
        for path in leftovers:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        for name in ("metrics.jsonl", "samples.jsonl"):
            with mendable(self.path / name):
                mend_tail(self.path / name)

    # ------------------------------------------------------------ one at a time

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes from training in this run. The system lets go of the lock when a process dies, however it dies.

        Raises:
            SmolError: another process trains in this run.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock", timeout=0)
        with mendable(self.path):
            try:
                lock.acquire()
            except Timeout as error:
                pid = self.status().get("pid")
                raise SmolError(
                    f"một tiến trình khác (pid {pid}) đang huấn luyện trong run này",
                    f"another process (pid {pid}) is training in this run",
                    where=self.name,
                    fix="smol runs ls",
                ) from error
        try:
            yield
        finally:
            lock.release()

    # ------------------------------------------------------------ result

    def result(self) -> Path | None:
        """Folder of the trained model or adapter; None before the end."""
        for name in ("model", "adapter"):
            if (self.path / name).is_dir() and any((self.path / name).iterdir()):
                return self.path / name
        return None

    def seconds(self) -> float:
        """Seconds of training: `seconds` of the state or of the metrics, else from the first sign of life to the last."""
        status = self.status()
        said = [status.get("seconds"), *(line.get("seconds") for line in reversed(self.metrics()))]
        for value in said:
            if isinstance(value, (int, float)):
                return float(value)
        lived = float(status.get("updated_at") or 0) - float(status.get("created_at") or 0)
        return max(0.0, lived)

    def size(self) -> int:
        """Bytes on the disk."""
        return sum(file.stat().st_size for file in self.path.rglob("*") if file.is_file())

    def write_report(self, text: str) -> Path:
        """Writes `report.md` (its text comes from `report.report_text`)."""
        with mendable(self.path / "report.md"):
            replace_file(self.path / "report.md", text)
        return self.path / "report.md"

    def remove(self) -> None:
        """Deletes the run folder.

        Raises:
            SmolError: it is being trained.
        """
        self.refuse_if_running()
        with self.lock():
            pass  # nobody is about to train in it
        hidden = self.path.with_name(f"{self.name}{PARTIAL}")
        with mendable(self.path):
            os.replace(self.path, hidden)  # first a new name, in one step: a half-deleted folder never passes for a run
            shutil.rmtree(hidden)

    def refuse_if_running(self) -> None:
        """Raises `SmolError` while a process trains in this run."""
        if self.state() == "running":
            raise SmolError(
                f"run đang chạy (pid {self.status().get('pid')}), không xoá",
                f"the run is being trained (pid {self.status().get('pid')}) and was not removed",
                where=self.name,
                fix="Ctrl-C",
            )


def runs_folder(recipe: Mapping[str, Any] | None = None) -> Path:
    """Where runs live: the recipe's `output_dir`, else `runs` in the current folder."""
    return Path(str((recipe or {}).get("output_dir") or "runs"))


def slug(name: str) -> str:
    """A recipe's name as part of a folder's name: letters of any language stay, the rest becomes `-`."""
    text = re.sub(r"[^\w.]+", "-", unicodedata.normalize("NFC", name).removesuffix(".yaml")).strip("-._")
    while len(text.encode()) > 120:  # a file name holds 255 bytes, and others are built from this one
        text = text[:-1]
    return text or "run"

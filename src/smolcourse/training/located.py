"""From a name to a folder: an alias, a path, a hub reference, or a run with its model or its adapter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smolcourse.assets import resolve_model
from smolcourse.assets.catalog import CATALOG
from smolcourse.errors import SmolError
from smolcourse.training.runs import Run, find_run, list_runs
from smolcourse.vision.own import OWN, own_model


@dataclass(frozen=True)
class Located:
    """A folder with a model or an adapter, and the run it came from."""

    path: Path
    run: Run | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """The run's recipe; empty without a run."""
        return self.run.recipe() if self.run else {}


def model_folder(reference: str) -> Path:
    """The checkpoint folder of a model that is no run: an asset, a folder, or the course's own model that sees."""
    return own_model(reference) if reference in OWN else resolve_model(reference)


def is_asset(reference: str) -> bool:
    """Whether a name means the same model on every machine."""
    return reference in OWN or reference in CATALOG or reference.startswith(("hf:", "wheel:"))


def locate(reference: str) -> Located:
    """Finds what a name stands for. Assets and paths come first, then runs: `latest`, a run's name, or part of it.

    Raises:
        SmolError: nothing of that name, several runs of it, or a run that has not finished.
    """
    path = Path(reference).expanduser()
    if (path / "recipe.yaml").is_file():
        return _result(Run.open(path))
    if is_asset(reference) or path.exists():
        return Located(model_folder(reference))
    if reference == "latest" or any(reference in run.name for run in list_runs()):
        return _result(find_run(reference))
    if not reference.strip():
        raise SmolError("chưa cho biết mô hình nào", "no model was named", fix="smol chat smollm2-135m-instruct")
    raise SmolError(
        "không có mô hình, thư mục hay run nào tên như vậy",
        "there is no model, folder or run of that name",
        where=reference,
        fix="smol assets ls; smol runs ls",
    )


def _result(run: Run) -> Located:
    result = run.result()
    if result is None:
        raise SmolError(
            "run này chưa có mô hình (chưa huấn luyện xong)",
            "this run has no model yet (its training has not finished)",
            where=run.name,
            fix=f"smol train --resume {run.name}",
        )
    return Located(result, run)


def base_of(located: Located) -> Path:
    """The folder of an adapter's base model: the one its run trained, else the one it names."""
    where = located.path / "adapter_config.json"
    try:
        named = str(json.loads(where.read_text(encoding="utf-8")).get("base_model_name_or_path") or "")
    except (OSError, ValueError, AttributeError) as error:
        raise SmolError("không đọc được tệp này", "this file cannot be read", where=str(where)) from error
    trained = str(located.recipe.get("model_name_or_path") or "") or named
    if not trained:
        raise SmolError(
            "adapter không cho biết nó thuộc mô hình nào",
            "the adapter does not say which model it belongs to",
            where=str(where),
            fix='"base_model_name_or_path": "smollm2-135m-instruct"',
        )
    if Path(trained).expanduser().exists() or is_asset(trained):
        return model_folder(trained)
    if trained.count("/") == 1 and not trained.startswith((".", "/", "~")):
        return resolve_model(f"hf:{trained}")
    raise SmolError(
        f"không tìm thấy mô hình gốc của adapter: {trained}",
        f"the adapter's base model was not found: {trained}",
        where=str(where),
        fix='"base_model_name_or_path": "smollm2-135m-instruct"',
    )

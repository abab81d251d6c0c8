"""Where a training starts: any model, or what an earlier run left, its adapter merged."""

import hashlib
from pathlib import Path

from smolcourse.adapters import merge
from smolcourse.assets.cache import home
from smolcourse.data.tokenizing import fingerprint
from smolcourse.training.located import Located, base_of, is_asset, locate, model_folder
from smolcourse.training.runs import list_runs
from smolcourse.vision.loading import auto_class


def starting_folder(reference: str) -> Path:
    """The checkpoint folder that a recipe's `model_name_or_path` stands for.

    A run stands for its result; an adapter for its base with the adapter merged into it, which is done once and kept.

    Raises:
        SmolError: no such model, or a run that has no result yet.
    """
    path = Path(reference).expanduser()
    is_run = (path / "recipe.yaml").is_file() or (
        not is_asset(reference)
        and not path.exists()
        and (reference == "latest" or any(reference in run.name for run in list_runs()))
    )
    located = locate(reference) if is_run else Located(model_folder(reference))
    if not (located.path / "adapter_config.json").is_file():
        return located.path
    base = base_of(located)
    files = [
        *sorted(base.glob("*.safetensors")),
        located.path / "adapter_model.safetensors",
        located.path / "adapter_config.json",
    ]
    target = home() / "merged" / hashlib.sha256(fingerprint(*files).encode()).hexdigest()[:16]
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        merge(base, located.path, target, auto_class(base))
    return target

"""Log-probabilities under the reference model: computed once, before the first step, and kept on disk by content.

The reference of DPO is the model as it stands before training, so no second model is ever loaded: a fresh adapter changes nothing
yet, and under one that does (learned prompts) the adapter is switched off.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from smolcourse.assets.cache import home
from smolcourse.config import Recipe
from smolcourse.data.tokenizing import fingerprint
from smolcourse.language import tr
from smolcourse.training import parallel
from smolcourse.training.live import LiveLine
from smolcourse.training.logps import target_logps
from smolcourse.training.loop import InRun, Stopped
from smolcourse.training.pairs import Pair, collate_rows, sequence_logps
from smolcourse.training.sight import Sight
from smolcourse.training.vlm_sft import language_of

_VERSION = 2


class PairRows(Dataset[list[Pair]]):
    """One item is the list of pairs of one packed row, each with what the reference says of it where that is known."""

    def __init__(self, examples: Any, rows: Sequence[list[int]]) -> None:
        self.examples = examples
        self.rows = rows
        self.reference: Tensor | None = None  # [N, 2], by `read_pairs`

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> list[Pair]:
        pairs = [dict(self.examples[number]) for number in self.rows[index]]
        if self.reference is not None:
            for pair, number in zip(pairs, self.rows[index], strict=True):
                pair["reference"] = self.reference[number].tolist()
        return pairs


def reference_file(folder: Path, examples: Any, recipe: Recipe) -> Path:
    """Where the log-probabilities lie: named after the weights, the tokens, and the way of computing."""
    digest = hashlib.sha256(fingerprint(*sorted(folder.glob("*.safetensors"))).encode())
    computed = ["4bit"] if recipe.load_in_4bit else []
    digest.update(json.dumps([_VERSION, recipe.dtype, recipe.int8, recipe.use_peft, torch.__version__, *computed]).encode())
    for pair in examples:
        digest.update(json.dumps([pair["prompt_ids"], pair["chosen_ids"], pair["rejected_ids"]]).encode())
        digest.update(json.dumps([pair["chosen_mask"], pair["rejected_mask"]]).encode())
        if pair.get("images"):  # by content; a fresh projector that learns has been shown some of them
            digest.update(json.dumps([list(pair["images"]), recipe.freeze_projector]).encode())
    return home() / "reference" / f"{digest.hexdigest()[:32]}.safetensors"


def read_pairs(trainer: InRun, file: Path, sight: Sight | None) -> float:
    """Lets the reference model read a trainer's pairs, where it has not yet: the model as it is before training.

    Of several processes the first one reads, unless each holds only a part of the model.

    Returns:
        Seconds that it took.

    Raises:
        Stopped: the user stopped the run; what was read is kept, and gone on with.
    """
    begun = time.monotonic()
    pairs: Any = trainer.train_dataset

    def read() -> Tensor | None:
        return compute_reference(trainer.model, pairs, trainer.recipe, file, sight, lambda: trainer.stop_requested)

    if trainer.recipe.fsdp:
        pairs.reference = read()
    else:
        first = parallel.from_first(lambda: read() is not None)
        pairs.reference = read() if first else None  # from the file now, or anew on another machine
    if pairs.reference is None:
        raise Stopped
    return time.monotonic() - begun


def compute_reference(
    model: Any, pairs: PairRows, recipe: Recipe, file: Path, sight: Sight | None, stopped: Callable[[], bool]
) -> Tensor | None:
    """Log-probabilities [N, 2], chosen and rejected, of each pair; those that the file knows are not computed again.

    Args:
        model: the model as it is before training.
        sight: of a model that sees.
        stopped: asked before each row; what is known by then is kept in the file, and None returned.
    """
    count, rows = len(pairs.examples), pairs.rows
    # shards of a model compute together: all of them from the beginning, all of them to the end
    found = (None if recipe.fsdp else _read(file)) or {"logps": torch.zeros(count, 2), "known": torch.zeros(count).bool()}
    left = [row for row in rows if not bool(found["known"][row].all())]
    if not left:
        return found["logps"]
    training = model.training
    model.eval()
    changed = getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False)
    live, what = LiveLine(len(rows)), tr("mô hình tham chiếu đang đọc các cặp", "the reference model reads the pairs")
    try:
        with torch.no_grad(), model.disable_adapter() if changed else nullcontext():
            for number, row in enumerate(left, start=1 + len(rows) - len(left)):
                if stopped() and not recipe.fsdp:
                    return None
                batch = collate_rows([[pairs.examples[i] for i in row]], share=recipe.prefix_sharing, sight=sight)
                language, batch = language_of(model, batch) if sight else (model, batch)
                logps = sequence_logps(target_logps(language, batch, fast=recipe.fused), batch)
                found["logps"][row] = logps[: 2 * len(row)].view(2, -1).t().float()
                found["known"][row] = True
                if parallel.is_first():
                    live.update(number, details=[what])
    finally:
        live.close()
        _write(found, file)
    model.train(training)
    return found["logps"]


def was_read(file: Path) -> bool:
    """Whether the reference model has read all pairs of this file's."""
    found = _read(file)
    return bool(found and found["known"].all())


def _read(file: Path) -> dict[str, Tensor] | None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        found = load_file(file)
    except (OSError, SafetensorError):
        return None
    return found if found.keys() == {"logps", "known"} else None


def _write(found: dict[str, Tensor], file: Path) -> None:
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    save_file(found, partial)
    os.replace(partial, file)

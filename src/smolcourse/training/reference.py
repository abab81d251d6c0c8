"""Log-probabilities under the reference model: computed once, before the first step, and kept on disk by content.

The reference of DPO is the model as it stands before training, so no second model is ever loaded: a fresh adapter changes nothing
yet, and under one that does (learned prompts) the adapter is switched off.
"""

import hashlib
import json
import os
from collections.abc import Sequence
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
from smolcourse.training import lower, parallel
from smolcourse.training.live import LiveLine
from smolcourse.training.logps import target_logps
from smolcourse.training.pairs import Pair, collate_rows, sequence_logps
from smolcourse.training.sight import Sight
from smolcourse.training.vlm_sft import language_of

_VERSION = 2


class PairRows(Dataset[list[Pair]]):
    """One item is the list of pairs of one packed row, each with what the reference says of it where that is known."""

    def __init__(self, examples: Any, rows: Sequence[list[int]], reference: Tensor | None) -> None:
        self.examples = examples
        self.rows = rows
        self.reference = reference

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


def reference_of(
    model: Any, examples: Any, rows: Sequence[list[int]], recipe: Recipe, file: Path, sight: Sight | None = None
) -> Tensor:
    """[N, 2], chosen and rejected: what the file says, and where it says nothing, what is computed now. Of several processes
    one is enough, unless each holds only a part of the model."""
    with nullcontext() if recipe.fsdp else parallel.first_then_others(), lower.products(model, getattr(torch, recipe.dtype)):
        if (known := read_reference(file)) is not None:
            return known
        compute_reference(model, examples, rows, recipe, file, sight)
    logps = read_reference(file)
    assert logps is not None
    return logps


def read_reference(file: Path) -> Tensor | None:
    """[N, 2], chosen and rejected; None if it was never computed, or only in part."""
    found = _read(file)
    return found["logps"] if found and bool(found["known"].all()) else None


def compute_reference(
    model: Any, examples: Any, rows: Sequence[list[int]], recipe: Recipe, file: Path, sight: Sight | None = None
) -> None:
    """Computes what `read_reference` reads, and writes it; what an interrupted one computed is kept, and gone on with.

    Args:
        model: the model as it is before training.
        rows: packed rows; every example is in exactly one.
        sight: of a model that sees.
    """
    found = _read(file) or {"logps": torch.zeros(len(examples), 2), "known": torch.zeros(len(examples), dtype=torch.bool)}
    left = [row for row in rows if not bool(found["known"][row].all())]
    training = model.training
    model.eval()
    changed = getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False)
    live = LiveLine(len(rows))
    try:
        with torch.no_grad(), model.disable_adapter() if changed else nullcontext():
            for number, row in enumerate(left, start=1 + len(rows) - len(left)):
                batch = collate_rows([[examples[i] for i in row]], share=recipe.prefix_sharing, sight=sight)
                language, batch = language_of(model, batch) if sight else (model, batch)
                logps = sequence_logps(target_logps(language, batch, fast=recipe.fused), batch)
                found["logps"][row] = logps[: 2 * len(row)].view(2, -1).t().float()
                found["known"][row] = True
                live.update(number, details=[tr("mô hình tham chiếu đọc các cặp", "the reference model reads the pairs")])
    finally:
        live.close()
        _write(found, file)
    model.train(training)


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

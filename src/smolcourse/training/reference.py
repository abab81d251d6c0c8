"""Log-probabilities under the reference model: computed once, before the first step, and kept on disk by content.

The reference of DPO is the model as it stands before training, so no second model is ever loaded: a fresh adapter changes nothing
yet, and under one that does (learned prompts) the adapter is switched off.
"""

import hashlib
import json
import os
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


def read_reference(file: Path) -> Tensor | None:
    """[N, 2], chosen and rejected; None if it was never computed."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)["logps"]
    except (OSError, SafetensorError, KeyError):
        return None


def compute_reference(
    model: Any,
    examples: Any,
    rows: Sequence[list[int]],
    recipe: Recipe,
    file: Path,
    sight: Sight | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """Computes what `read_reference` reads, and writes it.

    Args:
        model: the model as it is before training.
        rows: packed rows; every example is in exactly one.
        sight: of a model that sees.
        done: gets the number of rows after each.
    """
    from safetensors.torch import save_file

    logps = torch.zeros(len(examples), 2)
    training = model.training
    model.eval()
    changed = getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False)
    with torch.no_grad(), model.disable_adapter() if changed else nullcontext():
        for number, row in enumerate(rows, start=1):
            batch = collate_rows([[examples[i] for i in row]], share=recipe.prefix_sharing, sight=sight)
            language, batch = language_of(model, batch) if sight else (model, batch)
            found = sequence_logps(target_logps(language, batch, fast=recipe.fused), batch)
            logps[row] = found[: 2 * len(row)].view(2, -1).t().float()
            done(number)
    model.train(training)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.{os.getpid()}.partial")
    save_file({"logps": logps}, partial)
    os.replace(partial, file)
    return logps

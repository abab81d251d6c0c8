"""Supervised fine-tuning: the loss of the answer's tokens, and of nothing else."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from smolcourse.adapters import four_bits
from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.losses import sft_loss
from smolcourse.training import fused
from smolcourse.training.estimate import Work
from smolcourse.training.loop import RunTrainer
from smolcourse.training.packing import collate, pack, shared_prefix
from smolcourse.training.plain import plain_logits
from smolcourse.training.schedule import count_steps
from smolcourse.vision.loading import auto_class


class SFTTrainer(RunTrainer):
    """Mean cross entropy over the targets of a step, on packed rows."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        """The summed loss of this batch's targets over the number of targets in the whole step."""
        count = torch.as_tensor(num_items_in_batch if num_items_in_batch is not None else len(inputs["labels"]))
        scale = 1.0 / count.to(torch.float32)
        if self.recipe.fused and fused.supports(model):
            loss = fused.packed_loss(model, inputs, scale)
        else:
            loss = plain_loss(model, inputs) * scale
        self.note(len(inputs["input_ids"]), loss=loss)
        return (loss, None) if return_outputs else loss


def plain_loss(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """The same summed loss by the model's own forward pass, for any causal LM with attention."""
    return sft_loss(plain_logits(model, batch), batch["labels"])


@dataclass(frozen=True)
class Plan:
    """The packed rows of a run: which examples stand in each, and what they cost."""

    rows: list[list[int]]
    prefix: int
    work: Work
    epochs: float


class PackedRows(Dataset[list[dict[str, Any]]]):
    """One item is the list of tokenised examples of one packed row."""

    def __init__(self, examples: Any, rows: Sequence[list[int]]) -> None:
        self.examples = examples
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> list[dict[str, Any]]:
        return [self.examples[number] for number in self.rows[index]]


def plan(examples: Any, recipe: Recipe) -> Plan:
    """Packs the tokenised examples, in an order drawn from the seed, and counts steps and tokens.

    Args:
        examples: a sequence of `{"input_ids", "loss_mask"}`; two passes are made over it, neither holds it in memory.
    """
    lengths, targets, first, last = [], [], None, None
    first_target = math.inf
    for example in examples:
        ids, mask = list(example["input_ids"]), list(example["loss_mask"])
        lengths.append(len(ids))
        targets.append(sum(mask[1:]))
        first = ids if first is None else min(first, ids)
        last = ids if last is None else max(last, ids)
        first_target = min(first_target, mask.index(1) if 1 in mask else len(mask))
    if first is None or last is None:
        raise SmolError("không có ví dụ nào để huấn luyện", "there is no example to train on", where=recipe.dataset_name)
    prefix = 0
    if recipe.prefix_sharing and len(lengths) > 1:
        whole = [{"input_ids": first, "loss_mask": [0] * len(first)}, {"input_ids": last, "loss_mask": [0] * len(last)}]
        prefix = max(0, min(shared_prefix(whole), int(min(first_target - 1, min(lengths) - 1))))
    order = list(range(len(lengths)))
    random.Random(recipe.seed).shuffle(order)
    if recipe.packing:
        packed = pack([lengths[i] for i in order], recipe.packed_length, prefix=prefix)
        rows = [[order[i] for i in row] for row in packed]
    else:
        rows = [[i] for i in order]
    steps, epochs = count_steps(len(rows), recipe)
    saved = sum(prefix * (len(row) - 1) for row in rows)
    tokens = sum(lengths) - saved
    context = sum(length * (length + 1) / 2 for length in lengths) / max(1, sum(lengths))
    work = Work(
        tokens=round(tokens * epochs),
        target_tokens=round(sum(targets) * epochs),
        steps=steps,
        tokens_in_flight=max(sum(lengths[i] - prefix for i in row) + prefix for row in rows) * recipe.per_device_train_batch_size,
        context=context,
    )
    return Plan(rows, prefix, work, epochs)


def collate_rows(batch: Sequence[Sequence[dict[str, Any]]], *, share: bool) -> dict[str, Tensor]:
    """Joins the examples of one or more packed rows into one flat batch."""
    return collate([example for row in batch for example in row], share=share)


def load_model(folder: Path, *, scores: bool = False, shards: int = 1, four_bit: torch.dtype | None = None) -> Any:
    """A causal LM from a checkpoint folder, in fp32; safetensors only.

    Args:
        scores: with a new head of one number instead of the vocabulary: a reward model.
        shards: processes that each hold a part of every weight (FSDP).
        four_bit: with its linear layers quantised (QLoRA), computing in this dtype.
    """
    from transformers import AutoModelForSequenceClassification
    from transformers.distributed.configuration_utils import DistributedConfig

    more: dict[str, Any] = {"num_labels": 1} if scores else {}
    if shards > 1:
        more["distributed_config"] = DistributedConfig(fsdp_size=shards)
    if four_bit is not None:
        more["quantization_config"] = four_bits(four_bit)
    kind: Any = AutoModelForSequenceClassification if scores else auto_class(folder)
    model = kind.from_pretrained(folder, dtype=four_bit or torch.float32, use_safetensors=True, **more)
    model.config.use_cache = False
    return model


def decoded_targets(example: dict[str, Any], tokenizer: PreTrainedTokenizerBase) -> str:
    """The text that carries loss in one example: what the model is taught to write."""
    ids = [token for token, target in zip(example["input_ids"], example["loss_mask"], strict=True) if target]
    return str(tokenizer.decode(ids))

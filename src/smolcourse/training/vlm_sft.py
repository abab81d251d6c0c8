"""Supervised fine-tuning of a model that sees, in two stages on one schedule.

1. Captions: the projector alone learns, until what it makes of a picture reads like words. Without that, questions teach the
   language model to guess from the question: it could listen to the picture only once there is something to hear.
2. Questions: the language model, or its adapter, learns with it.

The encoder is frozen, so it has looked at every picture before (`vision.features`). Questions of one picture stand in one packed
row and share it, so a picture costs its tokens once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import SequentialSampler

from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.training import parallel
from smolcourse.training.estimate import Work
from smolcourse.training.gradient_start import aim
from smolcourse.training.loop import RunTrainer
from smolcourse.training.packing import common_length, pack
from smolcourse.training.sft import Plan, SFTTrainer
from smolcourse.training.sight import Sight

_SHOWN = 300


def seeing(model: Any) -> Any:
    """The model that sees, without PEFT around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def language_of(model: Any, batch: dict[str, Tensor]) -> tuple[Any, dict[str, Tensor]]:
    """The language model, and the packed row as it reads that: words and pictures alike `embedded` [T, D]."""
    whole = seeing(model)
    patches = batch.get("patches")
    images = None if patches is None else whole.image_embeddings(patches=patches)
    return whole.language_model, {**batch, "embedded": whole.embed_numbered(batch["input_ids"], images)}


def check_seeing(recipe: Recipe) -> None:
    """Raises `SmolError` for what a model that sees is not trained with."""
    wrong = {
        "method": recipe.method not in ("sft", "dpo", "orpo"),
        "engine": recipe.engine != "smol",
        "fsdp": recipe.fsdp,
        "freeze_vision": not recipe.freeze_vision,
    }
    for name, used in wrong.items():
        if used:
            value = str(getattr(recipe, name)).lower()
            raise SmolError(
                f"mô hình nhìn ảnh chưa huấn luyện được với {name}={value}",
                f"a model that sees is not trained with {name}={value}",
                where=name,
                fix=f"{name}={str(getattr(Recipe(), name)).lower()}",
            )
    if recipe.method != "sft" and recipe.align_dataset_name is not None:
        raise SmolError(
            f"align_dataset_name đi với method=sft, không với method={recipe.method}: hãy học chú thích trước rồi bắt đầu từ đó",
            f"align_dataset_name goes with method=sft, not method={recipe.method}: learn captions first, then begin there",
            where="align_dataset_name",
            fix="align_dataset_name=null model_name_or_path=latest",
        )
    if recipe.method == "orpo" and not recipe.completion_only_loss:
        raise SmolError(
            "mô hình nhìn ảnh không học cách viết prompt: ảnh không phải chữ",
            "a model that sees does not learn to write prompts: pictures are no words",
            where="completion_only_loss",
            fix="completion_only_loss=true",
        )
    if parallel.count() > 1:
        raise SmolError("mô hình nhìn ảnh chỉ học được trong một tiến trình", "a model that sees is trained in one process")


def freeze(model: Any, recipe: Recipe) -> None:
    """Leaves those parts out of the training that the recipe says; LoRA's base is frozen already."""
    whole = seeing(model)
    for part, frozen in (
        (whole.vision_tower, recipe.freeze_vision),
        (whole.projector, recipe.freeze_projector),
        (whole.language_model, recipe.freeze_language),
    ):
        if frozen:
            part.requires_grad_(False)


def _not_trained() -> SmolError:
    return SmolError(
        "phần nối ảnh với ngôn ngữ của mô hình này đã được huấn luyện; ở đây nó được giữ nguyên",
        "what joins pictures and language in this model is trained already; it stays as it is here",
        where="freeze_projector",
        fix="freeze_projector=true align_dataset_name=null",
    )


def whiten(model: Any, sight: Sight, examples: Any) -> None:
    """Shows a fresh projector what patches are like, by some of the pictures it will be trained on."""
    if hasattr(seeing(model), "eye"):  # one that others made
        raise _not_trained()
    projector = seeing(model).projector
    if projector.is_white:
        return
    names = list(dict.fromkeys(name for images in examples["images"] for name in images))
    some = names[:: max(1, len(names) // _SHOWN)][:_SHOWN]
    if some:
        projector.whiten(torch.cat([sight.features.get([name]) for name in some]).flatten(0, 1))


@dataclass(frozen=True)
class StagedPlan(Plan):
    """Packed rows in the order in which they are trained on; the first `align_steps` steps are the first stage."""

    align_steps: int = 0


def plan(examples: Any, recipe: Recipe, captions: int = 0) -> StagedPlan:
    """Packs examples so that those of the same pictures stand together, epoch after epoch, in orders drawn from the seed.

    Args:
        examples: a sequence of `{"input_ids", "loss_mask", "images"}`.
        captions: so many of them, from the first on, are the first stage's.
    """
    if captions >= len(examples):
        raise SmolError("không có ví dụ nào để huấn luyện", "there is no example to train on", where=recipe.dataset_name)
    lengths, targets = [], []
    for example in examples:
        lengths.append(len(example["input_ids"]))
        targets.append(sum(example["loss_mask"][1:]))
    per_step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    order = _Order(examples, lengths, recipe)
    aligning = order.epochs(range(captions), recipe.align_epochs, 0) if captions else []
    aligning = aligning[: len(aligning) // per_step * per_step] or aligning  # a step is of one stage
    align_steps = math.ceil(len(aligning) / per_step)
    rows = order.epochs(range(captions, len(lengths)), recipe.num_train_epochs, align_steps)
    steps = align_steps + math.ceil(len(rows) / per_step)
    if recipe.max_steps > 0:
        steps = recipe.max_steps
    rows = aligning + rows
    used = rows[: steps * per_step]
    costs = [order.cost(row) for row in used]
    work = Work(
        tokens=sum(costs),
        target_tokens=sum(targets[i] for row in used for i in row),
        steps=steps,
        tokens_in_flight=max(costs) * recipe.per_device_train_batch_size,
        context=sum(length * (length + 1) / 2 for length in lengths) / max(1, sum(lengths)),
    )
    return StagedPlan(rows, 0, work, recipe.num_train_epochs, align_steps)


class _Order:
    """Packed rows of one epoch after another."""

    def __init__(self, examples: Any, lengths: Sequence[int], recipe: Recipe) -> None:
        self.lengths, self.recipe = lengths, recipe
        self.images: list[tuple[str, ...]] = [tuple(names) for names in examples["images"]]
        self.prefixes: dict[tuple[str, ...], int] = {}
        ids: dict[tuple[str, ...], list[list[int]]] = {}
        for names, example in zip(self.images, examples["input_ids"], strict=True):
            if names:
                known = ids.setdefault(names, [])
                known[:] = [min([*known, example]), max([*known, example])]  # only these can differ early
        for names, ends in ids.items():
            self.prefixes[names] = common_length(ends)

    def epochs(self, numbers: range, epochs: float, salt: int) -> list[list[int]]:
        rows: list[list[int]] = []
        for epoch in range(math.ceil(epochs)):
            part = self._epoch(numbers, Random(f"{self.recipe.seed} {salt} {epoch}"))
            rows += part[: math.ceil(len(part) * min(1.0, epochs - epoch))]
        return rows

    def cost(self, row: Sequence[int]) -> int:
        """Tokens of one packed row: the pictures of examples that follow one another count once."""
        total = 0
        for place, number in enumerate(row):
            shares = place and self.images[number] and self.images[number] == self.images[row[place - 1]]
            total += self.lengths[number] - (self.prefixes[self.images[number]] if shares else 0)
        return total

    def _epoch(self, numbers: range, random: Random) -> list[list[int]]:
        if not self.recipe.packing:
            alone = [[number] for number in numbers]
            random.shuffle(alone)
            return alone
        shown: dict[Any, list[int]] = {}
        for number in random.sample(numbers, len(numbers)):
            shown.setdefault(self.images[number] or number, []).append(number)
        groups = [part for group in shown.values() for part in self._cut(group)]
        packed = pack([self.cost(group) for group in groups], self.recipe.packed_length)
        rows = [[number for place in row for number in groups[place]] for row in packed]
        random.shuffle(rows)
        return rows

    def _cut(self, group: list[int]) -> list[list[int]]:
        """A group whose questions do not fit one packed row, in several."""
        parts: list[list[int]] = [[]]
        for number in group:
            if parts[-1] and self.cost([*parts[-1], number]) > self.recipe.packed_length:
                parts.append([])
            parts[-1].append(number)
        return parts


class Sees(RunTrainer):
    """What a trainer needs for a model that sees: pictures become embeddings, and the language model does the rest."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Tensor], return_outputs: bool = False, num_items_in_batch: Tensor | int | None = None
    ) -> Any:
        """The loss of the language model, which reads pictures and words alike."""
        return super().compute_loss(*language_of(model, inputs), return_outputs, num_items_in_batch)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """As without pictures, but the projector may learn at its own rate."""
        fresh = self.optimizer is None
        optimizer = super().create_optimizer()
        rate = self.recipe.projector_learning_rate
        own = [parameter for parameter in seeing(self.model).projector.parameters() if parameter.requires_grad]
        if fresh and rate is not None and own:
            names = {id(parameter) for parameter in own}
            for group in optimizer.param_groups:
                group["params"] = [parameter for parameter in group["params"] if id(parameter) not in names]
            optimizer.add_param_group({"params": own, "lr": rate, "weight_decay": self.recipe.weight_decay})
        return optimizer


class VLMTrainer(Sees, SFTTrainer):
    """Mean cross entropy over the answers' tokens of a step, on packed rows with pictures, in two stages."""

    align_steps = 0
    _aligning: bool | None = None

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Trainer's, in the stage that the step belongs to."""
        aligning = self.state.global_step < self.align_steps
        if aligning != self._aligning:
            self._enter(model, aligning)
        return super().training_step(model, inputs, num_items_in_batch)

    def _enter(self, model: Any, aligning: bool) -> None:
        """Lets the language model's parameters rest, or learn; its adapter begins along the second stage's first gradient."""
        if self._aligning is None:
            language = seeing(model).language_model
            self._resting = [parameter for parameter in language.parameters() if parameter.requires_grad]
        for parameter in self._resting:
            parameter.requires_grad_(not aligning)
        self._aligning = aligning
        recipe = self.recipe
        begins = 0 < self.align_steps == self.state.global_step and recipe.use_peft and recipe.peft_type == "LORA"
        if not aligning and begins and recipe.init_lora_weights == "gradient":
            aim(self, self.align_steps * recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        """The plan's own order."""
        return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)  # type: ignore[arg-type]

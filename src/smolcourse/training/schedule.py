"""Learning-rate schedules that end where they should, also when a time budget moves the end."""

import math
from typing import Any

import torch
from torch.optim.lr_scheduler import LRScheduler

from smolcourse.config import Recipe
from smolcourse.training import parallel

SHAPES = ("linear", "cosine", "constant", "constant_with_warmup")


class Schedule(LRScheduler):
    """Warm-up, then a decay to zero at `total_steps`, which may move while the run goes on.

    After the warm-up the schedule keeps its progress p in [0, 1] and moves by (1 - p) / (steps left) each step, so a nearer
    end makes the same shape run faster, a farther one slower; with a fixed end it is the textbook schedule.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, shape: str, warmup_steps: int, total_steps: int) -> None:
        self.shape = shape
        self.warmup_steps = min(warmup_steps, max(0, total_steps - 1))
        self.total_steps = total_steps
        self.progress = 0.0
        self.steps_done = 0
        super().__init__(optimizer)

    def end_at(self, total_steps: int) -> None:
        """Moves the end; never before what is done."""
        self.total_steps = max(total_steps, self.steps_done)

    def step(self, epoch: int | None = None) -> None:
        """Goes on by one optimiser step."""
        if self.last_epoch >= 0:  # the first call is the constructor's
            self.steps_done += 1
            left = self.total_steps - self.steps_done
            if self.steps_done > self.warmup_steps:
                self.progress += (1.0 - self.progress) / max(1, left + 1)
        super().step(epoch)

    def factor(self) -> float:
        """The fraction of the peak learning rate for the step that comes next."""
        if self.steps_done < self.warmup_steps:
            return (self.steps_done + 1) / (self.warmup_steps + 1)
        if self.shape == "linear":
            return 1.0 - self.progress
        if self.shape == "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * self.progress))
        return 1.0

    def get_lr(self) -> list[float | torch.Tensor]:
        """Learning rate of each parameter group."""
        return [rate * self.factor() for rate in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers only."""
        kept = ("shape", "warmup_steps", "total_steps", "progress", "steps_done", "base_lrs", "last_epoch", "_step_count")
        return {name: getattr(self, name) for name in kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up where a checkpoint stood."""
        self.__dict__.update(state_dict)
        for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = rate
        self._last_lr = self.get_lr()


def count_steps(rows: int, recipe: Recipe) -> tuple[int, float]:
    """Optimiser steps of a run over so many packed rows, by all its processes, and the epochs they make."""
    per_step = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps * parallel.count()
    in_an_epoch = math.ceil(rows / per_step)
    steps = recipe.max_steps if recipe.max_steps > 0 else max(1, math.ceil(in_an_epoch * recipe.num_train_epochs))
    return steps, steps / in_an_epoch

"""What every trainer shares: a `transformers.Trainer` that writes a run folder, keeps a budget and can be stopped."""

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback

from smolcourse import hardware
from smolcourse.config import Recipe, parse_minutes
from smolcourse.errors import SmolError
from smolcourse.language import tr
from smolcourse.training import parallel
from smolcourse.training.energy import EnergyMeter
from smolcourse.training.live import LiveLine
from smolcourse.training.runs import Run
from smolcourse.training.schedule import Schedule

Sampler = Callable[[Any, PreTrainedTokenizerBase, list[str]], list[str]]
"""Answers prompts with the model as it is now; given by the room that generates text."""

_TIMED_STEPS = 20  # the time of a step is the median of so many: one slow step must not end a run


class Stopped(Exception):
    """The user stopped the run; it can be resumed."""


class InRun(Trainer):
    """A trainer, ours or TRL's, inside a run folder: logs every step; checkpoints are whole or absent; ends within the budget.

    Whoever inherits calls `enter` before Trainer's own constructor and `settle` after it.
    """

    def enter(
        self, recipe: Recipe, run: Run, tokenizer: PreTrainedTokenizerBase, total_steps: int, sample: Sampler | None
    ) -> None:
        """Takes up the run where its metrics end."""
        self.recipe = recipe
        self.run = run
        self.sample = sample
        self.tokenizer = tokenizer
        self.stop_requested = False
        self.deadline_seconds = parse_minutes(recipe.budget) * 60 if recipe.budget else math.inf
        before = run.metrics()[-1:] or [{}]
        self.tokens = self.tokens_before = int(before[0].get("tokens", 0))
        self.seconds_before = float(before[0].get("seconds", 0.0))
        self.meter = EnergyMeter(recipe.country, before_wh=float(before[0].get("wh", 0.0)))
        self.live = LiveLine(total_steps)
        self.step_seconds: list[float] = []
        self.step_values: list[dict[str, float]] = []  # what `note` collected in each step since the last logged one
        self.logged_tokens, self.logged_at = self.tokens, time.monotonic()
        self.started = self.last_step_at = time.monotonic()

    def settle(self) -> None:
        """Our lines instead of Trainer's."""
        self.remove_callback(PrinterCallback)
        self.remove_callback(ProgressCallback)
        self.add_callback(_StepCallback(self))

    # ------------------------------------------------------------ time

    def seconds(self) -> float:
        """Training time of this run so far, of all its processes, in seconds."""
        return self.seconds_before + time.monotonic() - self.started

    def keep_budget(self) -> None:
        """After a step: moves the end to where the schedule finishes within the budget, or back after a slow stretch."""
        if math.isinf(self.deadline_seconds) or len(self.step_seconds) < 2:
            return
        left = self.deadline_seconds - self.seconds()
        affordable = self.state.global_step + max(0, int(left / median(self.step_seconds[-_TIMED_STEPS:])))
        schedule = self.lr_scheduler
        assert isinstance(schedule, Schedule)
        schedule.end_at(parallel.from_first(lambda: min(affordable, self.args.max_steps)))

    # ------------------------------------------------------------ overrides of Trainer

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Trainer's, or LoRA+ (Hayou et al. 2024): the B matrices learn `loraplus_lr_ratio` times faster than A."""
        ratio = self.recipe.loraplus_lr_ratio
        if ratio is None or self.optimizer is not None:
            return super().create_optimizer()
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]  # type: ignore[union-attr]
        kind, settings = self.get_optimizer_cls_and_kwargs(self.args)
        rate = self.recipe.learning_rate
        fast, slow = ([p for name, p in named if ("lora_B" in name) is b] for b in (True, False))
        groups = [{"params": slow, "lr": rate}, {"params": fast, "lr": rate * ratio}]
        self.optimizer = kind(groups, **{**settings, "weight_decay": self.recipe.weight_decay})
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> Any:
        """Our schedule, whose end can move."""
        if self.lr_scheduler is None:
            target = optimizer or self.optimizer
            assert target is not None
            schedule: Any = Schedule(target, self.recipe.lr_scheduler_type, self.recipe.warmup_steps, num_training_steps)
            self.lr_scheduler = schedule
        return self.lr_scheduler

    def values(self, logs: dict[str, float]) -> dict[str, float]:
        """What a line of metrics says: here, the means of what `note` collected since the line before."""
        found = {name: sum(step[name] for step in self.step_values) / len(self.step_values) for name in self.step_values[0]}
        self.step_values = []
        return found | {name: logs[name] for name in ("learning_rate", "grad_norm") if name in logs}

    def logged(self, values: dict[str, float]) -> list[str]:
        """Called once a logged step with its values; returns what the live line shows of them beside the loss."""
        return []

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """One line a logged step, in `metrics.jsonl` and on the screen."""
        if "loss" not in logs:
            return  # Trainer's own summary at the end
        values = self.values(logs)
        if not parallel.is_first():
            return
        now = time.monotonic()
        speed = (self.tokens - self.logged_tokens) / max(1e-9, now - self.logged_at)
        self.logged_tokens, self.logged_at = self.tokens, now
        energy = self.meter.read()
        step = self.state.global_step
        self.run.append_metrics(
            step,
            **{name: _number(value) for name, value in values.items()},
            epoch=round(float(self.state.epoch or 0.0), 4),
            tokens=self.tokens,
            tokens_per_second=round(speed, 1),
            seconds=round(self.seconds(), 2),
            memory=hardware.peak_memory(),
            wh=round(energy.wh, 5),
        )
        self.live.update(
            step,
            loss=values.get("loss"),
            details=self.logged(values),
            tokens_per_second=speed,
            memory=hardware.peak_memory(),
            energy=energy,
            total=self.end(),
        )

    def check_finite(self, values: dict[str, float]) -> None:
        """Raises `SmolError` for a loss that is no number any more."""
        for name, number in values.items():
            if not math.isfinite(number):
                step = self.state.global_step + 1
                raise SmolError(
                    f"{name} ở bước {step} là {number}: quá trình huấn luyện đã phân kỳ",
                    f"{name} at step {step} is {number}: training has diverged",
                    where=self.run.name,
                    fix=f"smol train ... learning_rate={self.recipe.learning_rate / 10:g}",
                )

    def end(self) -> int:
        """The step the run ends with, as things stand."""
        schedule = self.lr_scheduler
        return schedule.total_steps if isinstance(schedule, Schedule) else self.state.max_steps

    def end_step(self) -> None:
        """Between two steps: of several processes, each learns what all have computed, and whether one was asked to stop."""
        step = self.step_values[-1]
        if parallel.count() > 1:
            step = parallel.add({**step, "stop": float(self.stop_requested)})
            self.stop_requested = step.pop("stop") > 0
            self.step_values[-1] = step
            self.check_finite(step)
        self.tokens += int(step.pop("tokens", 0))

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        """Trainer writes into a staging folder; the run gives it its name once all files are on the disk."""

        def write(folder: Path) -> None:
            self.args.output_dir = str(folder)
            super(InRun, self)._save_checkpoint(model, trial)
            (written,) = folder.glob("checkpoint-*")
            for file in list(written.iterdir()):
                file.rename(folder / file.name)
            written.rmdir()

        output_dir = self.args.output_dir
        try:
            if parallel.is_first():
                self.run.save_checkpoint(self.state.global_step, write, keep=self.recipe.save_total_limit)
        finally:
            self.args.output_dir = output_dir

    def store_flos(self) -> None:
        """Not counted: Trainer asks all processes, and only the first one saves."""

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.args.output_dir)

    # ------------------------------------------------------------ samples

    def take_samples(self) -> None:
        """Answers the fixed prompts with the model as it is, and shows the first."""
        if not self.sample or not self.recipe.sample_prompts or not parallel.is_first():
            return
        step = self.state.global_step
        if any(line.get("step") == step for line in self.run.samples()):
            return  # the last step, or the one a resumed run starts from
        prompts = self.recipe.sample_prompts
        model = self.accelerator.unwrap_model(self.model)
        was_training = model.training
        model.eval()
        answers = self.sample(model, self.tokenizer, prompts)
        model.train(was_training)
        for prompt, answer in zip(prompts, answers, strict=True):
            self.run.append_sample(step, prompt, answer)
        self.live.say(f"  {tr('bước', 'step')} {step}: {' '.join(answers[0].split())[:150]}")


class RunTrainer(InRun):
    """Ours, on packed rows.

    A subclass computes the loss; what it is a mean over, where that is not the targets, it says in `counts`.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        recipe: Recipe,
        run: Run,
        tokenizer: PreTrainedTokenizerBase,
        *,
        train_dataset: Any,
        collate: Callable[..., Any],
        total_steps: int,
        sample: Sampler | None = None,
    ) -> None:
        self.enter(recipe, run, tokenizer, total_steps, sample)
        super().__init__(
            model=model,
            args=TrainingArguments(**arguments(recipe, run, total_steps), remove_unused_columns=False),
            train_dataset=train_dataset,
            data_collator=collate,
            processing_class=tokenizer,
        )
        self.settle()
        self.model_accepts_loss_kwargs = True  # our losses are divided by the targets of the whole step, not of one batch
        # Trainer then wraps nothing: the fused layers read weights, not modules, so DDP's hooks on modules would not see them.
        self.is_distributed_loading_by_transformers = parallel.count() > 1

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Trainer would count all parameters of the model for it, each step; nobody reads it."""
        return 0

    def counts(self, batch: dict[str, Tensor]) -> list[int]:
        """What the loss of a step is divided by: this batch's part of it. Our labels are targets only."""
        return [len(batch["labels"])]

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Tensor | int | None:
        """`counts` of one optimisation step, over all its batches and processes."""
        found: dict[str, float] = {}
        for batch in filter(None, batch_samples):
            for place, number in enumerate(self.counts(batch)):
                found[str(place)] = found.get(str(place), 0) + number
        return torch.tensor([int(number) for _, number in sorted(parallel.add(found).items())]).clamp(min=1).squeeze()

    def note(self, tokens: int, **values: Tensor) -> None:
        """Called by `compute_loss`, once a batch: values that add up to the step's, and the tokens that were computed.

        Raises:
            SmolError: a loss that is no number any more.
        """
        numbers = {name: float(value.detach()) for name, value in values.items()}
        if parallel.count() == 1:  # several processes must stop at the same place: `end_step`
            self.check_finite(numbers)
        step = self.step_values[-1]
        for name, number in {**numbers, "tokens": tokens}.items():
            step[name] = step.get(name, 0.0) + number

    # ------------------------------------------------------------ several processes

    def get_train_dataloader(self) -> Any:
        """Trainer's; with several processes, one of this process's share."""
        if parallel.count() == 1:
            return super().get_train_dataloader()
        assert isinstance(self.train_dataset, torch.utils.data.Dataset)
        shares = parallel.Shares(
            len(self.train_dataset),  # type: ignore[arg-type]
            self.recipe.per_device_train_batch_size,
            self.recipe.seed,
            fill=not self.recipe.fsdp,  # sharded layers compute together or not at all
        )
        return DataLoader(
            self.train_dataset, batch_sampler=shares, collate_fn=lambda rows: self.data_collator(rows) if rows else {}
        )

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None) -> Tensor:
        """Trainer's; nothing for an empty batch. After the last batch of a step the processes add up their gradients."""
        loss = super().training_step(model, inputs, num_items_in_batch) if inputs else torch.zeros((), device=self.args.device)
        if parallel.count() > 1 and self.accelerator.sync_gradients:
            parallel.add_gradients(model)
        return loss

    def _sync_replicated_trainable_parameters(self, model: torch.nn.Module) -> None:
        """Trainer's would average gradients parameter by parameter."""
        parallel.start_alike(model)


class _StepCallback(TrainerCallback):
    """Between two steps: budget, stop request, samples."""

    def __init__(self, trainer: InRun) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        trainer = self.trainer
        trainer.started = trainer.last_step_at = trainer.logged_at = time.monotonic()
        if state.global_step == 0:
            trainer.take_samples()
            trainer.started = trainer.last_step_at = trainer.logged_at = time.monotonic()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.trainer.step_values.append({})

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        trainer = self.trainer
        now = time.monotonic()
        trainer.step_seconds.append(now - trainer.last_step_at)
        trainer.last_step_at = now
        trainer.end_step()
        trainer.keep_budget()
        if state.global_step >= trainer.end():
            control.should_training_stop = True
        elif trainer.stop_requested:
            control.should_save = trainer.args.save_strategy != "no"
            control.should_training_stop = True
        elif trainer.recipe.sample_prompts and state.global_step % trainer.recipe.sample_steps == 0:
            trainer.take_samples()
            shown = time.monotonic() - now  # showing samples is not training
            trainer.started += shown
            trainer.logged_at += shown
            trainer.last_step_at = time.monotonic()


def arguments(recipe: Recipe, run: Run, total_steps: int) -> dict[str, Any]:
    """The recipe in Trainer's words."""
    return {
        "output_dir": str(run.checkpoints),
        "max_steps": total_steps,
        "per_device_train_batch_size": recipe.per_device_train_batch_size,
        "gradient_accumulation_steps": recipe.gradient_accumulation_steps,
        "learning_rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "adam_beta1": recipe.adam_beta1,
        "adam_beta2": recipe.adam_beta2,
        "adam_epsilon": recipe.adam_epsilon,
        "max_grad_norm": recipe.max_grad_norm,
        "optim": "adamw_torch_fused",
        "logging_strategy": "steps",
        "logging_steps": recipe.logging_steps,
        "logging_nan_inf_filter": False,
        "save_strategy": "no" if recipe.fsdp else "steps",  # transformers cannot save the optimiser of a sharded model
        "save_steps": recipe.save_steps,
        "save_total_limit": None,  # the run folder keeps count
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "use_cpu": hardware.calibrate().device == "cpu",
        "bf16": False,
        "disable_tqdm": True,
        "report_to": "none",
        "dataloader_pin_memory": False,
    }


@contextmanager
def stopping(trainer: InRun) -> Iterator[None]:
    """Ctrl-C and `kill` end the run after the step under way, with a checkpoint; a second Ctrl-C ends it at once."""

    def ask(number: int, frame: Any) -> None:
        if trainer.stop_requested:
            raise KeyboardInterrupt
        trainer.stop_requested = True
        if parallel.is_first():
            trainer.live.say(tr("Đang dừng sau bước này…", "Stopping after this step…"))

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _number(value: Any) -> float:
    return float(f"{float(value):.9g}")

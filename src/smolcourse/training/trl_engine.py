"""The same recipe on TRL: its trainers inside our run folder, on our tokens. The only file that imports TRL."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import requires
from typing import TYPE_CHECKING, Any

from smolcourse.adapters import adapter_config
from smolcourse.config import Recipe
from smolcourse.data.loading import load_rows
from smolcourse.errors import SmolError
from smolcourse.training import parallel
from smolcourse.training.engines import SCORED
from smolcourse.training.loop import InRun, Sampler, arguments
from smolcourse.training.runs import Run
from smolcourse.training.schedule import count_steps

if TYPE_CHECKING:
    from smolcourse.training.train import Prepared

Reward = Callable[[str, str], float]
"""(answer, gold) -> score."""

_CLASSES = {"sft": "SFT", "dpo": "DPO", "orpo": "ORPO", "kto": "KTO", "grpo": "GRPO", "rloo": "RLOO", "reward": "Reward"}
# Of the same name in a recipe, but not of the same meaning: TRL packs without keeping examples apart; tokens and masks are ours.
_OTHERWISE = {"packing", "completion_only_loss", "chat_template_path", "loss_type", "fsdp"}


def require_trl() -> str:
    """TRL's version.

    Raises:
        SmolError: it is not installed, or several processes were started.
    """
    if parallel.count() > 1:
        raise SmolError(
            "engine=trl chạy trong một tiến trình; torchrun dùng được với engine=smol",
            "engine=trl runs in one process; torchrun goes with engine=smol",
            where="engine",
            fix="engine=smol",
        )
    try:
        return str(import_module("trl").__version__)
    except ImportError as error:
        pinned = next(each for each in requires("smolcourse") or [] if each.startswith("trl=="))
        fix = f"pip install {pinned.partition(';')[0].strip()}"
        raise SmolError("chưa cài TRL", "TRL is not installed", where="engine=trl", fix=fix) from error


def trl_trainer(prepared: Prepared, run: Run, model: Any, sample: Sampler | None, reward: Reward | None) -> InRun:
    """TRL's trainer of the recipe's method.

    Args:
        model: without an adapter: TRL puts the recipe's on it, from the same seed as we do.
        reward: scores an answer; for `grpo` and `rloo`.
    """
    recipe = prepared.recipe
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    trl = import_module("trl.experimental.orpo" if recipe.method == "orpo" else "trl")
    name = _CLASSES[recipe.method]
    kind: Any = type(f"{name}InRun", (_Ours, getattr(trl, f"{name}Trainer"), InRun), {})
    rows, steps = _rows(prepared)
    if not rows:
        raise SmolError("không có hàng nào để huấn luyện", "there is no row to train on", where=recipe.dataset_name)
    settings: dict[str, Any] = {}
    if recipe.use_peft:
        settings["peft_config"] = adapter_config(recipe)
        if recipe.method == "reward":
            settings["peft_config"].task_type = "SEQ_CLS"  # its head is new, and is trained and saved with the adapter
    if reward is not None and recipe.method in SCORED:
        settings["reward_funcs"] = _as_reward_function(reward)
    from datasets import Dataset, disable_progress_bars

    disable_progress_bars()
    config = getattr(trl, f"{name}Config")
    args = config(**_settings(recipe, run, steps, prepared, config))
    if recipe.method == "kto":
        rows = list(_unpaired(rows, args.per_device_train_batch_size // 2))
    trainer: InRun = kind(
        recipe,
        run,
        prepared.tokenizer,
        steps,
        None if recipe.method == "reward" else sample,
        model=model,
        args=args,
        train_dataset=Dataset.from_list(rows),
        **settings,
    )
    return trainer


class _Ours:
    """Stands before a trainer of TRL: the tokens are ours, and so is the run folder."""

    def __init__(
        self: Any, recipe: Recipe, run: Run, tokenizer: Any, total_steps: int, sample: Sampler | None, **settings: Any
    ) -> None:
        self.enter(recipe, run, tokenizer, total_steps, sample)
        super().__init__(processing_class=tokenizer, **settings)  # type: ignore[call-arg]
        self.settle()

    def values(self: Any, logs: dict[str, float]) -> dict[str, float]:
        """All that TRL logs."""
        self.step_values.clear()
        self.check_finite({"loss": logs["loss"]})
        self.tokens = self.tokens_before + int(logs.get("num_tokens", 0))
        return {name: value for name, value in logs.items() if name not in ("epoch", "num_tokens")}

    def _prepare_dataset(self, dataset: Any, *arguments: Any, **names: Any) -> Any:
        return dataset

    def tokenize_row(self, feature: dict[str, Any], model: Any = None) -> dict[str, list[int]]:
        """ORPO's own name for a pair."""
        prompt = feature["prompt_ids"]
        row = {"prompt_input_ids": prompt, "prompt_attention_mask": [1] * len(prompt)}
        for side in ("chosen", "rejected"):
            answer = feature[f"{side}_ids"]
            row[f"{side}_input_ids"] = prompt + answer
            row[f"{side}_attention_mask"] = [1] * len(prompt + answer)
            row[f"{side}_labels"] = [-100] * len(prompt) + answer
        return row

    def create_model_card(self, *arguments: Any, **names: Any) -> None:
        """The report is the card."""


def _settings(recipe: Recipe, run: Run, steps: int, prepared: Prepared, config: Any) -> dict[str, Any]:
    """The recipe's keys that TRL has too, by their names, and Trainer's."""
    known = {field.name for field in dataclasses.fields(config)} - _OTHERWISE
    settings = {name: value for name, value in dataclasses.asdict(recipe).items() if name in known}
    settings |= arguments(recipe, run, steps) | {"bf16": recipe.dtype == "bfloat16"}
    if recipe.method == "dpo":
        settings["loss_type"] = [recipe.loss_type, "sft"] if recipe.rpo_alpha else recipe.loss_type
        settings["loss_weights"] = [1.0, recipe.rpo_alpha] if recipe.rpo_alpha else None
    if recipe.method not in SCORED:  # a step sees as many examples as on packed rows
        settings["per_device_train_batch_size"] *= max(1, round(len(prepared.examples) / len(prepared.plan.rows)))
    if recipe.method == "kto":  # a pair is two of its rows
        settings["per_device_train_batch_size"] *= 2
    return settings


def _rows(prepared: Prepared) -> tuple[list[dict[str, Any]], int]:
    """The rows in the order that our own trainer draws from, and the number of steps."""
    recipe, examples = prepared.recipe, prepared.examples
    if recipe.method in SCORED:
        rows = list(_questions(recipe))
        return rows, count_steps(len(rows) * recipe.num_generations, recipe)[0]
    order = [number for row in prepared.plan.rows for number in row]
    return [_tokens(examples[number], recipe.method) for number in order], prepared.plan.work.steps


def _tokens(example: dict[str, Any], method: str) -> dict[str, list[int]]:
    if method == "sft":
        ids, mask = example["input_ids"], example["loss_mask"]
        return {"input_ids": ids, "labels": [token if kept else -100 for token, kept in zip(ids, mask, strict=True)]}
    prompt, chosen, rejected = (example[f"{name}_ids"] for name in ("prompt", "chosen", "rejected"))
    if method == "reward":
        return {"chosen_ids": prompt + chosen, "rejected_ids": prompt + rejected}
    return {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}


def _unpaired(pairs: Sequence[dict[str, Any]], count: int) -> Iterator[dict[str, Any]]:
    """Answers that are good or bad, those of `count` pairs in a batch.

    KTO measures how far the model has moved on answers to other prompts: each row has that of the row before it in its batch
    (Ethayarajh et al. 2024, section 4.1). Good ones stand before bad ones, so that no prompt meets an answer of its own where
    a batch has more than one pair.
    """
    for start in range(0, len(pairs), count):
        batch = pairs[start : start + count]
        rows = [(pair["prompt_ids"], pair[f"{side}_ids"], side == "chosen") for side in ("chosen", "rejected") for pair in batch]
        for place, (prompt, answer, label) in enumerate(rows):
            yield {"prompt_ids": prompt, "completion_ids": answer, "label": label, "KL_completion_ids": rows[place - 1][1]}


def _questions(recipe: Recipe) -> Iterator[dict[str, Any]]:
    """Prompts with their gold answers."""
    for row in load_rows(recipe.dataset_name, recipe.dataset_config, recipe.dataset_train_split):
        if "messages" in row:
            yield {"prompt": row["messages"][:-1], "gold": _text(row["messages"][-1:])}
        elif "completion" in row:
            yield {"prompt": row["prompt"], "gold": _text(row["completion"])}


def _as_reward_function(reward: Reward) -> Callable[..., list[float]]:
    def score(completions: Sequence[Any], gold: Sequence[str], **others: Any) -> list[float]:
        return [reward(_text(said), wanted) for said, wanted in zip(completions, gold, strict=True)]

    return score


def _text(answer: Any) -> str:
    """What the assistant said: a text, or the last of its messages."""
    return answer if isinstance(answer, str) else str(answer[-1]["content"])

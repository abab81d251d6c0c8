"""From a recipe to a run folder: assets, data, prediction, model, training, result. Each step says what it found."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase
from transformers import logging as transformers_logging

from smolcourse import hardware
from smolcourse.adapters import add_adapter, save_adapter
from smolcourse.assets.cache import home
from smolcourse.config import Recipe, recipe_from
from smolcourse.data.encoding import Summary
from smolcourse.data.loading import load_rows
from smolcourse.data.preferences import halves
from smolcourse.data.stop_token import check_stop_token, model_eos_ids
from smolcourse.data.templates import load_tokenizer
from smolcourse.data.tokenizing import source_key, tokenize
from smolcourse.errors import SmolError
from smolcourse.language import tr
from smolcourse.training import fused, int8, pairs, sft
from smolcourse.training.dpo import DPOTrainer, needs_reference
from smolcourse.training.energy import country_code
from smolcourse.training.estimate import Prediction, check_fits, predict, shape_of
from smolcourse.training.loop import RunTrainer, Sampler, Stopped, stopping
from smolcourse.training.orpo import ORPOTrainer
from smolcourse.training.reference import PairRows, compute_reference, read_reference, reference_file
from smolcourse.training.runs import Run
from smolcourse.training.start import is_asset, starting_folder

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """All that is known before the model is loaded."""

    recipe: Recipe
    folder: Path  # of the model
    tokenizer: PreTrainedTokenizerBase
    examples: Any
    summary: Summary
    plan: sft.Plan
    prediction: Prediction
    dtype: torch.dtype
    reference: Path | None = None  # log-probabilities of the reference model, where the loss wants them


def say_nothing(text: str) -> None:
    """For callers that print nothing."""


def prepare(recipe: Recipe, say: Say = say_nothing) -> Prepared:
    """Everything before the model is loaded: assets, tokens and mask, stop token, cost.

    Raises:
        SmolError: bad data, an answer that would never learn to stop, a run that cannot fit.
    """
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    country_code(recipe.country)
    calibration = hardware.calibrate()
    hardware.set_threads(calibration.threads)
    hardware.keep_memory()
    folder = starting_folder(recipe.model_name_or_path)
    tokenizer = load_tokenizer(folder, recipe.chat_template_path)
    rows = load_rows(recipe.dataset_name, recipe.dataset_config, recipe.dataset_train_split)
    examples, summary = tokenize(
        rows,
        tokenizer,
        max_length=recipe.max_length,
        cache_dir=home() / "tokenised",
        truncation=recipe.truncation,
        source=source_key(recipe.dataset_name, recipe.dataset_config, recipe.dataset_train_split),
        name=recipe.dataset_name,
    )
    for reason, count in summary.dropped.items():
        first = ", ".join(map(str, summary.dropped_rows[reason]))
        say(
            tr(
                f"⚠ Bỏ {count}/{summary.rows_read} hàng ({reason}): hàng {first}…",
                f"⚠ {count} of {summary.rows_read} rows left out ({reason}): rows {first}…",
            )
        )
    _check_shape(recipe, "prompt_ids" in examples[0])
    first_row = next(load_rows(recipe.dataset_name, recipe.dataset_config, recipe.dataset_train_split))
    first_row = first_row if recipe.method == "sft" else halves(first_row)[0]
    stop = check_stop_token(tokenizer, model_eos_ids(folder, tokenizer), first_row)
    if not stop.ok:
        say(f"⚠ {stop.problem}\n  {tr('Cách sửa', 'Fix')}: {stop.fix}")
    plan = sft.plan(examples, recipe) if recipe.method == "sft" else pairs.plan_pairs(examples, recipe)
    dtype = calibration.dtype if recipe.dtype == "auto" else recipe.dtype
    plain_lora = recipe.use_peft and recipe.peft_type == "LORA" and not recipe.use_dora
    int8_pays = recipe.int8 and plain_lora and recipe.fused and dtype == "float32" and calibration.int8_pays
    prediction = predict(
        shape_of(folder),
        plan.work,
        calibration,
        lora_r=recipe.lora_r if recipe.use_peft else None,
        lora_target_modules=recipe.lora_target_modules,
        dtype=dtype,
        int8=int8_pays,
        save_total_limit=recipe.save_total_limit,
    )
    check_fits(prediction, hardware.machine(), use_peft=recipe.use_peft, folder=Path(recipe.output_dir))
    target = sft.decoded_targets(examples[0], tokenizer) if recipe.method == "sft" else pairs.decoded(examples[0], tokenizer)
    say(describe(summary, plan, prediction, target))
    resolved = {"dtype": dtype, "int8": int8_pays}  # a resumed run computes as it began, on whatever machine
    if not is_asset(recipe.model_name_or_path):
        resolved["model_name_or_path"] = str(folder)  # `latest` will be another run by then
    recipe = recipe_from({**dataclasses.asdict(recipe), **resolved}, where="dtype")
    reference = reference_file(folder, examples, recipe) if needs_reference(recipe) else None
    return Prepared(recipe, folder, tokenizer, examples, summary, plan, prediction, getattr(torch, dtype), reference)


def _check_shape(recipe: Recipe, is_pair: bool) -> None:
    if is_pair == (recipe.method != "sft"):
        return
    if is_pair:
        raise SmolError(
            "method=sft cần messages hay prompt + completion, dữ liệu này là các cặp chosen/rejected",
            "method=sft needs messages or prompt + completion; this data is pairs of chosen and rejected",
            where=recipe.dataset_name,
            fix="method=dpo",
        )
    raise SmolError(
        f"method={recipe.method} cần các cặp chosen/rejected",
        f"method={recipe.method} needs pairs: chosen and rejected",
        where=recipe.dataset_name,
        fix="dataset_name=milk-tea-style",
    )


def describe(summary: Summary, plan: sft.Plan, prediction: Prediction, target: str) -> str:
    """What is about to be trained, in five lines: data, loss mask, packing, cost."""
    share = summary.target_tokens / max(1, summary.tokens)
    return "\n".join(
        [
            tr(
                f"Dữ liệu: {summary.rows} ví dụ, {summary.tokens} token, {share:.0%} mang loss",
                f"Data: {summary.rows} examples, {summary.tokens} tokens, {share:.0%} carry loss",
            ),
            tr(f"Mang loss trong ví dụ đầu: {target}", f"Carries loss in the first example: {target}"),
            tr(
                f"Ghép: {len(plan.rows)} hàng; {plan.prefix} token đầu chung, mỗi hàng tính một lần",
                f"Packing: {len(plan.rows)} rows; {plan.prefix} shared first tokens, computed once a row",
            ),
            tr(
                f"Huấn luyện {prediction.trainable_parameters:,} trên {prediction.parameters:,} tham số, {plan.work.steps} bước",
                f"Training {prediction.trainable_parameters:,} of {prediction.parameters:,} parameters, {plan.work.steps} steps",
            ),
            tr(
                f"Dự đoán: {prediction.minutes:.1f} phút, bộ nhớ đỉnh {prediction.peak_memory / 1e9:.1f} GB",
                f"Predicted: {prediction.minutes:.1f} minutes, {prediction.peak_memory / 1e9:.1f} GB peak memory",
            ),
        ]
    )


def load(prepared: Prepared) -> Any:
    """The model, with a fresh adapter where the recipe asks for one."""
    torch.manual_seed(prepared.recipe.seed)
    model = sft.load_model(prepared.folder, prepared.dtype)
    if prepared.recipe.use_peft:
        model = add_adapter(model, prepared.recipe)
    if prepared.recipe.int8 and fused.supports(model):  # with the adapter still zero: a resumed run rounds as it began
        int8.attach(model, torch.tensor(_first_tokens(prepared.examples)))
    if prepared.reference and read_reference(prepared.reference) is None:
        compute_reference(model, prepared.examples, prepared.plan.rows, prepared.recipe, prepared.reference)
    return model


def _first_tokens(examples: Any) -> list[int]:
    """Tokens like those of the training, of a few examples."""
    few = [examples[i] for i in range(min(4, len(examples)))]
    return [token for one in few for token in (one["input_ids"] if "input_ids" in one else one["prompt_ids"] + one["chosen_ids"])]


def train(prepared: Prepared, run: Run, model: Any, *, sample: Sampler | None = None) -> float:
    """Trains into a run folder, from its newest checkpoint where it has one, and saves the result.

    Args:
        sample: answers the recipe's `sample_prompts` with the model as it is.

    Returns:
        Seconds of training, those before a resume included.

    Raises:
        Stopped: by Ctrl-C or `kill`, after a checkpoint; the run can be resumed.
        SmolError: divergence, a full disk, another process in the same run.
    """
    with run.lock():
        run.clean()
        checkpoint = run.latest_checkpoint()
        run.rewind(checkpoint[0] if checkpoint else -1)
        trainer = _trainer(prepared, run, model, sample)
        run.set_state("running", total_steps=prepared.plan.work.steps)
        try:
            with stopping(trainer):
                trainer.train(resume_from_checkpoint=str(checkpoint[1]) if checkpoint else None)
            trainer.live.close()
            if trainer.stop_requested and trainer.state.global_step < trainer.end():
                raise Stopped
            trainer.take_samples()
            seconds = trainer.seconds()
            save_result(trainer, run, prepared)
        except (Stopped, KeyboardInterrupt):
            trainer.live.close()
            run.set_state("interrupted")
            raise Stopped(run.name) from None
        except SmolError as error:
            trainer.live.close()
            run.set_state("failed", error=str(error))
            raise
        run.set_state("finished", steps=trainer.state.global_step, seconds=round(seconds, 1))
        return seconds


def _trainer(prepared: Prepared, run: Run, model: Any, sample: Sampler | None) -> RunTrainer:
    """The trainer of the recipe's method, with its data."""
    recipe, examples, rows = prepared.recipe, prepared.examples, prepared.plan.rows
    kind: type[RunTrainer] = {"sft": sft.SFTTrainer, "dpo": DPOTrainer, "orpo": ORPOTrainer}[recipe.method]
    if recipe.method == "sft":
        dataset: Any = sft.PackedRows(examples, rows)
        collate = partial(sft.collate_rows, share=recipe.prefix_sharing)
    else:
        dataset = PairRows(examples, rows, read_reference(prepared.reference) if prepared.reference else None)
        prompt_loss = recipe.method == "orpo" and not recipe.completion_only_loss
        collate = partial(pairs.collate_rows, share=recipe.prefix_sharing, prompt_loss=prompt_loss)
    steps = prepared.plan.work.steps
    return kind(model, recipe, run, prepared.tokenizer, train_dataset=dataset, collate=collate, total_steps=steps, sample=sample)


def save_result(trainer: RunTrainer, run: Run, prepared: Prepared) -> Path:
    """Writes `model/` or `adapter/` whole, with the tokenizer and its template, ready for plain transformers and PEFT."""
    name = "adapter" if prepared.recipe.use_peft else "model"
    partial_folder = run.path / f"{name}.partial"
    shutil.rmtree(partial_folder, ignore_errors=True)
    model = trainer.accelerator.unwrap_model(trainer.model)
    model.config.use_cache = True
    hardware.require_disk(run.path, sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad))
    save_adapter(model, partial_folder) if name == "adapter" else model.save_pretrained(partial_folder)
    prepared.tokenizer.save_pretrained(str(partial_folder))
    if name == "adapter":
        # a folder of this machine helps nobody elsewhere: the adapter names its base as the recipe does
        config = partial_folder / "adapter_config.json"
        values = json.loads(config.read_text(encoding="utf-8"))
        values["base_model_name_or_path"] = prepared.recipe.model_name_or_path
        config.write_text(json.dumps(values, indent=2, sort_keys=True), encoding="utf-8")
        (partial_folder / "README.md").unlink(missing_ok=True)
    final = run.path / name
    shutil.rmtree(final, ignore_errors=True)
    partial_folder.rename(final)
    return final


def recipe_of(run: Run) -> Recipe:
    """The resolved recipe a run was started with."""
    return recipe_from(run.recipe(), where=str(run.path / "recipe.yaml"))

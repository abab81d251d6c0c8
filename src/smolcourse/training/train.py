"""From a recipe to a run folder: assets, data, prediction, model, training, result. Each step says what it found."""

import dataclasses
import json
import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import concatenate_datasets
from transformers import PreTrainedTokenizerBase
from transformers import logging as transformers_logging

from smolcourse import hardware
from smolcourse.adapters import add_adapter, need_bitsandbytes, save_adapter
from smolcourse.assets.cache import home
from smolcourse.config import Recipe, recipe_from
from smolcourse.data.encoding import Summary
from smolcourse.data.image_rows import as_text
from smolcourse.data.loading import load_rows
from smolcourse.data.preferences import halves
from smolcourse.data.stop_token import check_stop_token, model_eos_ids
from smolcourse.data.templates import load_tokenizer
from smolcourse.data.tokenizing import source_key, tokenize
from smolcourse.errors import SmolError
from smolcourse.language import tr
from smolcourse.training import fused, int8, lower, pairs, parallel, sft, vlm_dpo, vlm_sft
from smolcourse.training.dpo import DPOTrainer, needs_reference
from smolcourse.training.energy import country_code
from smolcourse.training.engines import PAIRED, SCORED, check_engine
from smolcourse.training.estimate import Prediction, check_fits, predict, shape_of
from smolcourse.training.gradient_start import aim
from smolcourse.training.located import is_asset
from smolcourse.training.loop import InRun, RunTrainer, Sampler, Stopped, stopping
from smolcourse.training.orpo import ORPOTrainer
from smolcourse.training.reference import PairRows, read_pairs, reference_file, was_read
from smolcourse.training.runs import Run, State
from smolcourse.training.sight import Sight
from smolcourse.training.start import starting_folder
from smolcourse.training.trl_engine import Reward, require_trl, trl_trainer
from smolcourse.training.vlm_sft import check_seeing
from smolcourse.vision.loading import sees, text_config

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
    sight: Sight | None = None  # of a model that sees
    looking: float = 0.0  # seconds that making tokens of pictures took: they belong to the training


def say_nothing(text: str) -> None:
    """For callers that print nothing."""


def prepare(recipe: Recipe, say: Say = say_nothing) -> Prepared:
    """Everything before the model is loaded: assets, tokens and mask, stop token, cost.

    Raises:
        SmolError: bad data, an answer that would never learn to stop, a run that cannot fit.
    """
    check_engine(recipe)
    version = require_trl() if recipe.engine == "trl" else None
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    country_code(recipe.country)
    if recipe.load_in_4bit:
        need_bitsandbytes(recipe)
    calibration = hardware.calibrate()
    hardware.set_threads(max(1, calibration.threads // parallel.here()))
    hardware.keep_memory()
    folder = starting_folder(recipe.model_name_or_path)
    tokenizer = load_tokenizer(folder, recipe.chat_template_path)
    sight, begun = None, time.monotonic()
    if sees(folder):
        check_seeing(recipe)
        sight = Sight.of(folder, tokenizer)
    elif recipe.align_dataset_name is not None:
        raise SmolError(
            "align_dataset_name chỉ dùng với mô hình nhìn ảnh",
            "align_dataset_name goes with a model that sees only",
            where="align_dataset_name",
            fix="model_name_or_path=smolvlm-own",
        )
    examples, summary = _tokenised(recipe, recipe.dataset_name, recipe.dataset_config, tokenizer, sight)
    captions = 0
    if recipe.align_dataset_name is not None:
        first, _ = _tokenised(recipe, recipe.align_dataset_name, recipe.align_dataset_config, tokenizer, sight)
        captions, examples = len(first), concatenate_datasets([first, examples])
    looking = time.monotonic() - begun if sight else 0.0
    for reason, count in summary.dropped.items():
        first = ", ".join(map(str, summary.dropped_rows[reason]))
        say(
            tr(
                f"⚠ Bỏ {count}/{summary.rows_read} hàng ({reason}): hàng {first}…",
                f"⚠ {count} of {summary.rows_read} rows left out ({reason}): rows {first}…",
            )
        )
    _check_shape(recipe, "prompt_ids" in examples[0])
    first_row = as_text(next(load_rows(recipe.dataset_name, recipe.dataset_config, recipe.dataset_train_split)))
    first_row = halves(first_row)[0] if recipe.method in PAIRED else first_row
    stop = check_stop_token(tokenizer, model_eos_ids(folder, tokenizer), first_row)
    if not stop.ok:
        say(f"⚠ {stop.problem}\n  {tr('Cách sửa', 'Fix')}: {stop.fix}")
    if recipe.method in PAIRED:
        plan = pairs.plan_pairs(sight.pairs(examples) if sight else examples, recipe)
    else:
        plan = vlm_sft.plan(examples, recipe, captions) if sight else sft.plan(examples, recipe)
    plain_lora = recipe.use_peft and recipe.peft_type == "LORA" and not (recipe.use_dora or recipe.load_in_4bit)
    # TRL has layers of its own, and sharded weights are whole only inside their own modules
    fused_layers = recipe.fused and recipe.engine == "smol" and not recipe.fsdp
    int8_pays = recipe.int8 and plain_lora and fused_layers and recipe.dtype in ("auto", "float32") and calibration.int8_pays
    dtype = recipe.dtype if recipe.dtype != "auto" else "float32" if int8_pays else calibration.dtype
    # a resumed run computes as it began, on whatever machine
    resolved: dict[str, Any] = {"dtype": dtype, "int8": int8_pays, "fused": fused_layers}
    compared = recipe.engine == "smol" and needs_reference(recipe)
    reference = reference_file(folder, examples, dataclasses.replace(recipe, **resolved)) if compared else None
    prediction = predict(
        shape_of(text_config(folder) if sight else folder),
        plan.work,
        calibration,
        lora_r=recipe.lora_r if recipe.use_peft else None,
        lora_target_modules=recipe.lora_target_modules,
        dtype=dtype,
        int8=int8_pays,
        aimed=_starts_along_gradient(recipe),
        referenced=1 / plan.epochs if reference and not was_read(reference) else 0.0,
        save_total_limit=recipe.save_total_limit,
    )
    target = pairs.decoded(examples[0], tokenizer) if recipe.method in PAIRED else sft.decoded_targets(examples[0], tokenizer)
    if version is None:
        check_fits(prediction, hardware.machine(), use_peft=recipe.use_peft, folder=Path(recipe.output_dir))
        say(describe(summary, plan, prediction, target))
    else:
        say(describe_trl(recipe, summary, target, version))
    if not is_asset(recipe.model_name_or_path):
        resolved["model_name_or_path"] = str(folder)  # `latest` will be another run by then
    if recipe.engine == "trl" and recipe.method == "orpo":
        resolved["completion_only_loss"] = False  # TRL knows no other
    recipe = recipe_from({**dataclasses.asdict(recipe), **resolved}, where="dtype")
    return Prepared(
        recipe, folder, tokenizer, examples, summary, plan, prediction, getattr(torch, dtype), reference, sight, looking
    )


def _tokenised(
    recipe: Recipe, name: str, config: dict[str, Any], tokenizer: PreTrainedTokenizerBase, sight: Sight | None
) -> tuple[Any, Summary]:
    """A data set as tokens; a model that sees looks at its pictures first."""
    rows = load_rows(name, config, recipe.dataset_train_split)
    return tokenize(
        sight.rows(rows, name) if sight else rows,
        tokenizer,
        max_length=recipe.max_length,
        cache_dir=home() / "tokenised",
        truncation=recipe.truncation,
        source=None if sight else source_key(name, config, recipe.dataset_train_split),  # pictures change without their file
        name=name,
    )


def _check_shape(recipe: Recipe, is_pair: bool) -> None:
    if is_pair == (recipe.method in PAIRED):
        return
    if is_pair:
        raise SmolError(
            f"method={recipe.method} cần messages hay prompt + completion, dữ liệu này là các cặp chosen/rejected",
            f"method={recipe.method} needs messages or prompt + completion; this data is pairs of chosen and rejected",
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


def describe_trl(recipe: Recipe, summary: Summary, target: str, version: str) -> str:
    """The same before a run on TRL, whose time and memory are not foreseen here."""
    lines = [
        tr(f"Dữ liệu: {summary.rows} ví dụ, {summary.tokens} token", f"Data: {summary.rows} examples, {summary.tokens} tokens")
    ]
    if recipe.method not in SCORED:
        lines.append(tr(f"Mang loss trong ví dụ đầu: {target}", f"Carries loss in the first example: {target}"))
    lines.append(
        tr(
            f"Engine: TRL {version}; không dự đoán thời gian và bộ nhớ",
            f"Engine: TRL {version}; time and memory are not predicted",
        )
    )
    if recipe.use_peft and recipe.init_lora_weights == "gradient":
        lines.append(
            tr(
                "⚠ TRL không có init_lora_weights=gradient: ở đó A bắt đầu ngẫu nhiên",
                "⚠ TRL has no init_lora_weights=gradient: A begins at random there",
            )
        )
    if recipe.method == "orpo" and recipe.completion_only_loss:
        lines.append(
            tr(
                "⚠ ORPO của TRL học cả prompt: completion_only_loss=false",
                "⚠ ORPO on TRL learns the prompt too: completion_only_loss=false",
            )
        )
    return "\n".join(lines)


def load(prepared: Prepared) -> Any:
    """The model, with a fresh adapter where the recipe asks for one; TRL puts it on itself."""
    recipe = prepared.recipe
    torch.manual_seed(recipe.seed)
    shards = parallel.count() if recipe.fsdp else 1
    scores = recipe.method == "reward"
    four_bit = prepared.dtype if recipe.load_in_4bit else None
    model = sft.load_model(prepared.folder, scores=scores, shards=shards, four_bit=four_bit)
    if recipe.engine == "trl":
        return model
    if prepared.sight and not recipe.freeze_projector:
        vlm_sft.whiten(model, prepared.sight, prepared.examples)
    if recipe.use_peft:
        model = add_adapter(model, recipe)
    language = model
    if prepared.sight:
        vlm_sft.freeze(model, recipe)
        language = vlm_sft.seeing(model).language_model
    if recipe.int8 and fused.supports(language):  # with the adapter still zero: a resumed run rounds as it began
        tokens = torch.tensor(_first_tokens(prepared.examples))
        int8.attach(language, tokens[tokens < language.config.vocab_size])  # placeholders are no words
    elif recipe.dtype != "float32" and recipe.fused and fused.supports(language):
        lower.attach(fused._causal_lm(language), prepared.dtype)
    return model


def _first_tokens(examples: Any) -> list[int]:
    """Tokens like those of the training, of a few examples."""
    few = [examples[i] for i in range(min(4, len(examples)))]
    return [token for one in few for token in (one["input_ids"] if "input_ids" in one else one["prompt_ids"] + one["chosen_ids"])]


def train(prepared: Prepared, run: Run, model: Any, *, sample: Sampler | None = None, reward: Reward | None = None) -> float:
    """Trains into a run folder, from its newest checkpoint where it has one, and saves the result.

    Args:
        sample: answers the recipe's `sample_prompts` with the model as it is.
        reward: scores an answer against its gold; what `grpo` and `rloo` learn from.

    Returns:
        Seconds of training, those before a resume included.

    Raises:
        Stopped: by Ctrl-C or `kill`, after a checkpoint; the run can be resumed.
        SmolError: divergence, a full disk, another process in the same run.
    """
    first = parallel.is_first()
    with run.lock() if first else nullcontext():
        checkpoint = run.latest_checkpoint()
        if first:
            run.clean()
            run.rewind(checkpoint[0] if checkpoint else -1)
        parallel.wait()
        trainer = _trainer(prepared, run, model, sample, reward)
        tell = run.set_state if first else _say_no_state
        tell("running", total_steps=trainer.args.max_steps)
        try:
            with stopping(trainer), lower.products(model, prepared.dtype):
                if prepared.reference:
                    trainer.seconds_before += read_pairs(trainer, prepared.reference, prepared.sight)
                if checkpoint is None and _starts_along_gradient(prepared.recipe):
                    assert isinstance(trainer, RunTrainer)
                    trainer.seconds_before += aim(trainer)
                if checkpoint is None:
                    trainer.seconds_before += prepared.looking
                trainer.train(resume_from_checkpoint=str(checkpoint[1]) if checkpoint else None)
            trainer.live.close()
            if trainer.stop_requested and trainer.state.global_step < trainer.end():
                raise Stopped
            trainer.take_samples()
            seconds = trainer.seconds()
            save_result(trainer, run, prepared)
        except (Stopped, KeyboardInterrupt):
            trainer.live.close()
            tell("interrupted")
            raise Stopped(run.name) from None
        except SmolError as error:
            trainer.live.close()
            tell("failed", error=str(error))
            raise
        tell("finished", steps=trainer.state.global_step, seconds=round(seconds, 1))
        return seconds


def _starts_along_gradient(recipe: Recipe) -> bool:
    lora = recipe.use_peft and recipe.peft_type == "LORA" and recipe.align_dataset_name is None  # else at the second stage
    return lora and recipe.init_lora_weights == "gradient" and recipe.engine == "smol"


def _say_no_state(state: State, **details: Any) -> None:
    """Of the processes that are not the first."""


def _trainer(prepared: Prepared, run: Run, model: Any, sample: Sampler | None, reward: Reward | None) -> InRun:
    """The trainer of the recipe's method, with its data."""
    if prepared.recipe.engine == "trl":
        return trl_trainer(prepared, run, model, sample, reward)
    recipe, examples, rows = prepared.recipe, prepared.examples, prepared.plan.rows
    dataset: Any
    sight, blind = prepared.sight, {"sft": sft.SFTTrainer, "dpo": DPOTrainer, "orpo": ORPOTrainer}
    kind: type[RunTrainer] = (vlm_dpo.TRAINERS if sight else blind)[recipe.method]
    collate: Callable[..., Any]
    if recipe.method == "sft":
        dataset = sft.PackedRows(examples, rows)
        collate = sight.collate if sight else partial(sft.collate_rows, share=recipe.prefix_sharing)
    else:
        dataset = PairRows(examples, rows)
        prompt_loss = recipe.method == "orpo" and not recipe.completion_only_loss
        collate = partial(pairs.collate_rows, share=recipe.prefix_sharing, prompt_loss=prompt_loss, sight=sight)
    common: dict[str, Any] = {"collate": collate, "total_steps": prepared.plan.work.steps, "sample": sample}
    trainer = kind(model, recipe, run, prepared.tokenizer, train_dataset=dataset, **common)
    if isinstance(trainer, vlm_sft.VLMTrainer) and isinstance(prepared.plan, vlm_sft.StagedPlan):
        trainer.align_steps = prepared.plan.align_steps
    return trainer


def save_result(trainer: InRun, run: Run, prepared: Prepared) -> Path:
    """Writes `model/` or `adapter/` whole, with the tokenizer and its template, ready for plain transformers and PEFT."""
    name = "adapter" if prepared.recipe.use_peft else "model"
    partial_folder, final = run.path / f"{name}.partial", run.path / name
    model = trainer.accelerator.unwrap_model(trainer.model)
    model.config.use_cache = True
    if not parallel.is_first():
        if prepared.recipe.fsdp:
            model.save_pretrained(partial_folder, is_main_process=False)  # hands over its part of the weights
        return final
    shutil.rmtree(partial_folder, ignore_errors=True)
    hardware.require_disk(run.path, sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad))
    save_adapter(model, partial_folder) if name == "adapter" else model.save_pretrained(partial_folder)
    (prepared.sight.processor if prepared.sight else prepared.tokenizer).save_pretrained(str(partial_folder))
    if name == "adapter":
        # a folder of this machine helps nobody elsewhere: the adapter names its base as the recipe does
        config = partial_folder / "adapter_config.json"
        values = json.loads(config.read_text(encoding="utf-8"))
        values["base_model_name_or_path"] = prepared.recipe.model_name_or_path
        config.write_text(json.dumps(values, indent=2, sort_keys=True), encoding="utf-8")
        (partial_folder / "README.md").unlink(missing_ok=True)
    shutil.rmtree(final, ignore_errors=True)
    partial_folder.rename(final)
    return final


def recipe_of(run: Run) -> Recipe:
    """The resolved recipe a run was started with."""
    return recipe_from(run.recipe(), where=str(run.path / "recipe.yaml"))

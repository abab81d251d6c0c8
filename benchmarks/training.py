"""Training speed, memory and loss, ours and TRL's side by side in one run.

    python benchmarks/training.py --json                 all of it, about half an hour on two cores
    python benchmarks/training.py --only lora_sft        one comparison
    python benchmarks/training_cost.py                   cost against length, batch and model size; time to a loss

Every measurement is a process of its own, so that its peak memory is its own too; the sides take turns, and the medians are
compared. Tokens are those of the examples, both sides of a pair counted; padding is no token. Rows are GSM8K's where
SMOLCOURSE_TEST_DATA names a folder with it, else arithmetic problems of the same length drawn here.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

MODEL = "smollm2-135m-instruct"
BATCH = 8  # examples a step: TRL's default
WARM_UP = 2  # steps that are not timed
Row = dict[str, Any]


# ---------------------------------------------------------------- data


def rows(pairs: bool, count: int) -> list[Row]:
    """Prompt/completion rows, or pairs, in the words TRL and we both read."""
    folder = os.environ.get("SMOLCOURSE_TEST_DATA")
    source = Path(folder) / "gsm8k_train_2000.jsonl" if folder else None
    if source and source.is_file():
        with source.open(encoding="utf-8") as file:
            texts = [(row["question"], row["answer"]) for row in map(json.loads, file)][:count]
    else:
        texts = [_problem(random.Random(seed)) for seed in range(count)]
    made = []
    for place, (question, answer) in enumerate(texts):
        prompt = [{"role": "user", "content": question}]
        good = [{"role": "assistant", "content": answer}]
        if not pairs:
            made.append({"prompt": prompt, "completion": good})
            continue
        bad = [{"role": "assistant", "content": texts[(place + 1) % len(texts)][1]}]
        made.append({"prompt": prompt, "chosen": good, "rejected": bad})
    return made


def _problem(rng: random.Random) -> tuple[str, str]:
    """A worded sum of some steps, worked out: about as long as GSM8K's."""
    total = rng.randint(5, 60)
    question, answer = [f"A shop starts the day with {total} boxes of oranges in its store room."], []
    for hour in range(rng.randint(2, 6)):
        number = rng.randint(2, 20)
        question.append(f"In hour {hour + 1} a van brings {number} more boxes, and the keeper writes them into the book.")
        answer.append(
            f"After hour {hour + 1} there are {total} + {number} = <<{total}+{number}={total + number}>>{total + number} boxes."
        )
        total += number
    return " ".join([*question, "How many boxes are there at the end?"]), "\n".join([*answer, f"#### {total}"])


# ---------------------------------------------------------------- one measurement, in a process of its own


def measure(side: str, task: str, steps: int, folder: Path) -> dict[str, Any]:
    """Trains `steps` steps and says how fast: {"tokens_per_second", "peak_rss_mb", "losses"}."""
    method = next((name for name in ("dpo", "orpo") if name in task), "sft")
    lora = task in ("lora_sft", "dpo_lora")
    data = rows(method != "sft", steps * BATCH)
    found = (_ours if side.startswith("ours") else _trl)(side, method, lora, data, steps, folder)
    return {**found, "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def _ours(
    side: str, method: str, lora: bool, data: list[Row], steps: int, folder: Path, changes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Our side; `changes` are the recipe's. "seconds" since the start are those after each step."""
    from torch.utils.data import SequentialSampler

    from smolcourse.config import Recipe
    from smolcourse.training.loop import RunTrainer
    from smolcourse.training.runs import Run
    from smolcourse.training.train import load, prepare, train

    same = side == "ours-same-batches"
    recipe = Recipe(
        method=method,  # type: ignore[arg-type]
        model_name_or_path=MODEL,
        dataset_name=str(_write(folder / "rows.jsonl", _unshuffled(data, seed=0) if same else data)),
        max_length=1024,
        packed_length=1024,
        packing=not same,
        per_device_train_batch_size=BATCH if same else 1,
        use_peft=lora,
        lora_r=8,
        lora_alpha=16,
        learning_rate=1e-4 if lora else 2e-5,
        lr_scheduler_type="constant",
        warmup_steps=0,
        max_steps=-1 if method == "dpo" else steps if same else steps + WARM_UP,
        save_steps=1_000_000,
        seed=0,
        output_dir=str(folder),
    )
    if same:  # Trainer would draw an order of its own
        trainer: Any = RunTrainer
        trainer._get_train_sampler = lambda self, data=None: SequentialSampler(data or self.train_dataset)
    prepared = prepare(replace(recipe, **changes or {}))
    if prepared.reference:  # what it said in another turn
        prepared.reference.unlink(missing_ok=True)
    run = Run.create(prepared.recipe, "bench", folder=folder)
    model = load(prepared)
    start = time.monotonic()
    train(prepared, run, model)
    whole = time.monotonic() - start
    lines = run.metrics()
    lengths = [sum(_length(prepared.examples[index]) for index in row) for row in prepared.plan.rows]
    if same:
        lengths = [sum(lengths[start : start + BATCH]) for start in range(0, len(lengths), BATCH)]
    # A reference reads every pair before the first step: for DPO all pairs are trained on, and the whole run is timed.
    first = 0 if method == "dpo" else WARM_UP
    seconds = whole if method == "dpo" else lines[-1]["seconds"] - lines[WARM_UP - 1]["seconds"]
    return {
        "tokens_per_second": sum(lengths[place % len(lengths)] for place in range(first, len(lines))) / seconds,
        "losses": [line["loss"] for line in lines],
        "seconds": [line["seconds"] for line in lines],
        "target_share": prepared.summary.target_tokens / max(1, prepared.summary.tokens),
    }


def _length(example: Row) -> int:
    """Tokens of an example; both sides of a pair, each with its prompt, as TRL computes them."""
    if "input_ids" in example:
        return len(example["input_ids"])
    return 2 * len(example["prompt_ids"]) + len(example["chosen_ids"]) + len(example["rejected_ids"])


def _unshuffled(data: list[Row], seed: int) -> list[Row]:
    """The rows in an order that our shuffle of this seed turns into the given one."""
    order = list(range(len(data)))
    random.Random(seed).shuffle(order)
    placed: list[Row] = [{}] * len(data)
    for place, index in enumerate(order):
        placed[index] = data[place]
    return placed


def _write(path: Path, data: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in data), encoding="utf-8")
    return path


def _trl(
    side: str, method: str, lora: bool, data: list[Row], steps: int, folder: Path, changes: dict[str, Any] | None = None
) -> dict[str, Any]:
    """TRL's side; `changes` are of its settings."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback

    from smolcourse import hardware
    from smolcourse.assets.resolver import resolve_model

    hardware.set_threads(hardware.calibrate().threads)
    model_folder = resolve_model(MODEL)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    trl: Any = import_module("trl.experimental.orpo" if method == "orpo" else "trl")
    config, trainer_class = getattr(trl, f"{method.upper()}Config"), getattr(trl, f"{method.upper()}Trainer")
    settings: dict[str, Any] = {
        "output_dir": str(folder / "trl"),
        "use_cpu": True,
        "max_steps": steps,
        "learning_rate": 1e-4 if lora else 2e-5,
        "lr_scheduler_type": "constant",
        "max_length": 1024,
        "report_to": "none",
        "logging_steps": 1,
        "save_strategy": "no",
        "disable_tqdm": True,
        "seed": int(side.rpartition("-")[2]) if side[-1].isdigit() else 0,
        "train_sampling_strategy": "sequential",
    }
    if side == "trl-tuned":
        # What someone who knows both TRL and CPUs would set: no recomputing, batches of like length, little padding, the head's
        # logits of a small batch at a time.
        settings |= {
            "gradient_checkpointing": False,
            "per_device_train_batch_size": BATCH // 2,
            "gradient_accumulation_steps": 2,
            "train_sampling_strategy": "group_by_length",
        }
        if method == "dpo":
            settings["precompute_ref_log_probs"] = False  # the adapter-off reference needs no second model
    settings |= changes or {}
    times: list[float] = []
    counts: list[int] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            times.append(time.monotonic())
            counts.append(0)

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            times.append(time.monotonic())

    trainer = trainer_class(
        model=model,
        args=config(**settings),
        train_dataset=Dataset.from_list(data),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM") if lora else None,
        callbacks=[Clock()],
    )
    compute = trainer.compute_loss

    def counted(model: Any, inputs: dict[str, Any], *arguments: Any, **names: Any) -> Any:
        counts[-1] += sum(
            int(value.sum()) for name, value in inputs.items() if name.endswith("attention_mask") and "prompt" not in name
        )
        return compute(model, inputs, *arguments, **names)

    trainer.compute_loss = counted
    trainer.train()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    warm = min(1, steps - 1)
    speed = sum(counts[warm:]) / (times[-1] - times[warm])
    return {"tokens_per_second": speed, "losses": losses, "seconds": [each - times[0] for each in times[1:]]}


# ---------------------------------------------------------------- the machine's own rate


def gemm_rate(dtype: str = "float32") -> float:
    """GFLOP/s of products, forward and back to the inputs, over the linear layers of the model at 1,024 tokens."""
    import torch

    from smolcourse import hardware
    from smolcourse.assets.resolver import resolve_model
    from smolcourse.training.estimate import shape_of

    hardware.set_threads(hardware.calibrate().threads)
    shapes = [(inputs, outputs) for _, inputs, outputs in shape_of(resolve_model(MODEL)).linears]
    best = []
    for _ in range(3):
        seconds = 0.0
        for inputs, outputs in shapes[:7]:
            x, weight = (torch.randn(size, dtype=getattr(torch, dtype)) for size in ((1024, inputs), (outputs, inputs)))
            start = time.perf_counter()
            (x @ weight.t()) @ weight
            seconds += time.perf_counter() - start
        best.append(sum(4 * 1024 * a * b for a, b in shapes[:7]) / seconds / 1e9)
    return max(best)


def flops_a_token(target_share: float) -> float:
    """Operations of LoRA SFT for one token: the body forward and back to its inputs, LoRA r=8, the head on the targets."""
    from smolcourse.assets.resolver import resolve_model
    from smolcourse.training.estimate import lora_parameters, shape_of

    shape = shape_of(resolve_model(MODEL))
    return 4 * shape.body + 6 * lora_parameters(shape, 8) + target_share * 4 * shape.hidden * shape.vocabulary


# ---------------------------------------------------------------- side by side

COMPARISONS: dict[str, tuple[str, list[str]]] = {
    "lora_sft": ("lora_sft", ["ours", "trl", "trl-tuned", "ours-no-compiler"]),
    "full_sft": ("full_sft", ["ours", "trl"]),
    "dpo_lora": ("dpo_lora", ["ours", "trl"]),
    "orpo": ("orpo", ["ours", "trl"]),
}


def run_side(side: str, task: str, steps: int) -> dict[str, Any]:
    """One measurement in a fresh process."""
    environment = dict(os.environ)
    if side == "ours-no-compiler":
        environment |= {"PATH": "/nonexistent", "CC": "", "CXX": ""}
    command = [sys.executable, __file__, "--side", side, "--task", task, "--steps", str(steps)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} {task}:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"  {task:10} {side:18} {found['tokens_per_second']:6.0f} tokens/s {found['peak_rss_mb']:6.0f} MB", flush=True)
    return found


def compare(task: str, sides: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """Medians of each side over some rounds, the sides taking turns."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            found[side].append(run_side(side, task, 8 if side.startswith("ours") else 3))
    return {
        side: {name: median(each[name] for each in results) for name, value in results[0].items() if isinstance(value, float)}
        for side, results in found.items()
    }


def same_loss(steps: int = 6) -> dict[str, list[float]]:
    """Losses of LoRA SFT on the same batches: ours, and TRL's with two seeds of the adapter."""
    return {side: run_side(side, "lora_sft", steps)["losses"] for side in ("ours-same-batches", "trl-seed-0", "trl-seed-1")}


def figures_of(results: dict[str, dict[str, dict[str, float]]]) -> Iterator[tuple[str, float]]:
    """The figures, from the medians."""
    for task, sides in results.items():
        speed = {side: values["tokens_per_second"] for side, values in sides.items()}
        yield f"{task}_tokens_per_second", speed["ours"]
        yield f"{task}_ratio", speed["ours"] / speed["trl"]
        if "trl-tuned" in speed:
            yield "tuned_trl_ratio", speed["ours"] / speed["trl-tuned"]
        if "ours-no-compiler" in speed:
            yield "no_compiler_ratio", speed["ours-no-compiler"] / speed["trl"]
        yield f"{task}_rss_ratio", sides["ours"]["peak_rss_mb"] / sides["trl"]["peak_rss_mb"]
        if task == "dpo_lora":
            yield "dpo_peak_rss_mb", sides["ours"]["peak_rss_mb"]


def table(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Markdown, one line a side."""
    lines = ["| run | side | tokens/s | peak memory, MB |", "| --- | --- | ---: | ---: |"]
    for task, sides in results.items():
        for side, values in sides.items():
            lines.append(f"| {NAMES[task]} | {NAMES[side]} | {values['tokens_per_second']:.0f} | {values['peak_rss_mb']:.0f} |")
    return "\n".join(lines)


def machine(rounds: int, figures: dict[str, float]) -> str:
    """Where the table comes from, in a sentence."""
    from smolcourse import hardware

    here = hardware.machine()
    keys = {"fp32": "gemm_gflops", "bf16": "gemm_bf16_gflops"}
    rates = [f"{name} {figures[key]:.0f}" for name, key in keys.items() if key in figures]
    products = f"; GFLOP/s of the model's own products: {', '.join(rates)}" if rates else ""
    return f"{here.cpu}, {here.usable_cores} cores; medians of {rounds}, the sides taking turns{products}."


NAMES = {
    "lora_sft": "SFT, LoRA",
    "full_sft": "SFT, all weights",
    "dpo_lora": "DPO, LoRA",
    "orpo": "ORPO, all weights",
    "ours": "smolcourse",
    "ours-no-compiler": "smolcourse, no compiler on the machine",
    "trl": "TRL, defaults",
    "trl-tuned": "TRL, tuned by hand",
}


def plot(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """An SVG of bars: tokens a second, ours and TRL's."""
    widest = max(values["tokens_per_second"] for sides in results.values() for values in sides.values())
    parts, top = [], 16
    for task, sides in results.items():
        parts.append(f'<text x="16" y="{top + 14}" font-weight="bold">{NAMES[task]}</text>')
        top += 24
        for side, values in sides.items():
            length = 300 * values["tokens_per_second"] / widest
            ratio = values["tokens_per_second"] / sides["trl"]["tokens_per_second"]
            colour, times = ("#1f7a5c", f" · ×{ratio:.1f}") if side.startswith("ours") else ("#9a9a9a", "")
            parts.append(f'<text x="276" y="{top + 14}" text-anchor="end">{NAMES[side]}</text>')
            parts.append(f'<rect x="286" y="{top}" width="{length:.0f}" height="20" rx="2" fill="{colour}"/>')
            parts.append(f'<text x="{294 + length:.0f}" y="{top + 14}">{values["tokens_per_second"]:.0f} tokens/s{times}</text>')
            top += 26
        top += 10
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 {top}" width="740" font-family="sans-serif" font-size="13">'
    return "\n".join([head, f'<rect width="740" height="{top}" fill="#fff"/>', *parts, "</svg>"]) + "\n"


def main() -> None:
    """Runs the comparisons, or one measurement where a side is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(COMPARISONS), action="append", help="these comparisons")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--skip-loss", action="store_true", help="leave out the losses at equal steps")
    parser.add_argument("--write", type=Path, help="folder for training.md and training.svg")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--task", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=8, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.side, options.task, options.steps, Path(folder))))
        return
    results = {name: compare(*COMPARISONS[name], options.rounds) for name in options.only or COMPARISONS}
    figures = dict(figures_of(results))
    if "lora_sft" in results:
        ours = results["lora_sft"]["ours"]
        done = ours["tokens_per_second"] * flops_a_token(ours["target_share"]) / 1e9
        for name, dtype in (("gemm", "float32"), ("gemm_bf16", "bfloat16")):
            rate = gemm_rate(dtype)
            figures |= {f"{name}_gflops": rate, f"{name}_fraction": done / rate}
        figures["rss_ratio"] = figures["lora_sft_rss_ratio"]
    print(table(results))
    if not options.skip_loss:
        curves = same_loss()
        print("\nLoss at equal steps, the same batches:")
        for side, losses in curves.items():
            print(f"  {side:18}", *(f"{loss:.4f}" for loss in losses))
        mine, *theirs = curves.values()
        figures["loss_gap"] = max(abs(a - b) for a, b in zip(mine, theirs[0], strict=True))
        figures["loss_gap_between_trl_seeds"] = max(abs(a - b) for a, b in zip(*theirs, strict=True))
    for key, value in figures.items():
        print(f"{key:30} {value:.4g}")
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        text = f"{table(results)}\n\n{machine(options.rounds, figures)}\n"
        (options.write / "training.md").write_text(text, encoding="utf-8")
        (options.write / "training.svg").write_text(plot(results), encoding="utf-8")
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

"""The tables of modules 2 and 3: the same orders, learned in different ways, side by side.

Every row of a table is one recipe with a few keys changed, trained by the public command in a process of its own (so that its
peak memory is its own) and scored on orders that it never saw. `accept.py` prints the figures and the tables.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from smolcourse import experiment
from smolcourse.data import milk_tea
from smolcourse.data.milk_tea.menu import parse_order
from smolcourse.data.milk_tea.style import generate_pairs
from smolcourse.data.preferences import encode_pair
from smolcourse.evaluation.compare import evaluate
from smolcourse.evaluation.statistics import wilson
from smolcourse.evaluation.tasks import TEST_SEED, load_task
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import load_model
from smolcourse.training.logps import target_logps
from smolcourse.training.pairs import collate_pairs, sequence_logps
from smolcourse.training.runs import Run, find_run, list_runs

Figures = dict[str, float]
SFT = "smollm2-135m/sft/lora"
SPLITS = ("new", "unseen")


class Trained(NamedTuple):
    """A finished run and what it cost."""

    run: Run
    minutes: float
    memory: float  # MB, at its peak
    parameters: int  # trained
    size: float  # MB of what was saved


def train(folder: Path, recipe: str, *overrides: str) -> Trained:
    """Runs `smol train` and reads what it left; its output goes to the screen. A run that is in the folder is gone on with."""
    there = list_runs(folder)
    if not (there and experiment.is_finished(there[-1])):
        arguments = ["--resume", str(there[-1].path)] if there else [recipe, f"output_dir={folder}", *overrides]
        subprocess.run([sys.executable, "-m", "smolcourse.cli.main", "train", *arguments], check=True)
    return trained(list_runs(folder)[-1])


def trained(run: Run) -> Trained:
    """What a finished run cost."""
    metrics = run.metrics()
    result = run.result()
    assert result is not None
    weights = list(result.rglob("*.safetensors"))
    return Trained(
        run,
        minutes=metrics[-1]["seconds"] / 60,
        memory=max(line["memory"] for line in metrics) / 1e6,
        parameters=_parameters(weights),
        size=sum(file.stat().st_size for file in weights) / 1e6,
    )


def _parameters(files: list[Path]) -> int:
    """Numbers in the saved weights: of an adapter, what was trained."""
    from safetensors import safe_open

    total = 0
    for file in files:
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  # not a mapping
                total += torch.Size(tensors.get_slice(name).get_shape()).numel()
    return total


def kept(score: Callable[[str, int], Figures], reference: str, size: int, folder: Path) -> Figures:
    """What `score` finds, or found before: a command that was stopped and is given again scores nothing twice."""
    file, key = folder / "scores.json", f"{score.__name__}, {size}: {reference}"
    scores: dict[str, Figures] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if key not in scores:
        scores[key] = score(reference, size)
        partial_file = file.with_suffix(".partial")
        partial_file.write_text(json.dumps(scores, indent=1), encoding="utf-8")
        partial_file.replace(file)
    return scores[key]


def exact_match(reference: str, size: int) -> Figures:
    """Exact match of a model or run on each split, as fractions of 1."""
    model, tokenizer = load_model(reference)
    scores: Figures = {}
    for split in SPLITS:
        task = load_task(f"milk-tea:{split}", size=size)
        limits = [5 * len(tokenizer(item.gold)["input_ids"]) // 4 + 8 for item in task.items]
        result = evaluate(task, partial(generate, model, tokenizer, max_new_tokens=limits))
        scores[split] = result.interval().value
    return scores


def style(reference: str, size: int) -> Figures:
    """Short confirmations against long-winded ones, on prompts that no training pair has.

    preference: share of held-out pairs whose short answer is the likelier one, per token (a sum would favour short texts).
    short: share of greedy answers that are polite ("Dạ"), at most twice as long as the short one, and name all that was ordered.
    """
    model, tokenizer = load_model(reference)
    rows = generate_pairs(size, seed=TEST_SEED, split="new")
    golds = [parse_order(row["messages"][-1]["content"]) for row in milk_tea.generate(size, seed=TEST_SEED, split="new")]
    names = [[name for item in order for name in (item["drink"], *item["toppings"])] for order in golds]
    liked = 0
    with torch.no_grad():
        for row in rows:
            batch = collate_pairs([encode_pair(row, tokenizer)._asdict()])
            chosen, rejected, _ = (sequence_logps(target_logps(model, batch), batch) / batch["lengths"].clamp(min=1)).tolist()
            liked += chosen > rejected
    answers = generate(model, tokenizer, [row["prompt"] for row in rows], max_new_tokens=120)
    wanted = [row["chosen"][0]["content"] for row in rows]
    short = sum(_confirms(answer, *each) for answer, each in zip(answers, zip(wanted, names, strict=True), strict=True))
    return {"preference": liked / size, "preference_low": wilson(liked, size).low, "short": short / size}


def _confirms(answer: str, wanted: str, names: list[str]) -> bool:
    """Politely, at most twice as long as what was wanted, and with all names."""
    return answer.startswith("Dạ") and len(answer) <= 2 * len(wanted) and all(name in answer for name in names)


def preference(folder: Path, run: str | None = None, size: int = 200) -> Figures:
    """Module 2: the base model, SFT, DPO behind SFT, and ORPO in one stage from the base model.

    Args:
        run: the SFT run, by name or path; None trains one.
    """
    tuned = trained(find_run(run)) if run else train(folder / "sft", SFT, "task=null")
    ways: dict[str, Callable[[], Trained | None]] = {
        "base": lambda: None,
        "sft": lambda: tuned,
        "dpo": lambda: train(folder / "dpo", "smollm2-135m/dpo/lora", f"model_name_or_path={tuned.run.path}"),
        "orpo": lambda: train(folder / "orpo", "smollm2-135m/orpo/lora"),
    }
    figures: Figures = {}
    lines = []
    for name, make in ways.items():
        made = make()
        reference = str(made.run.path) if made else "smollm2-135m-instruct"
        found = kept(exact_match, reference, size, folder) | kept(style, reference, size // 2, folder)
        found["minutes"] = made.minutes if made else 0
        figures |= {f"{name}_{key}": value for key, value in found.items()}
        cells = [f"{found[key]:.1%}" for key in (*SPLITS, "preference", "short")]
        lines.append([name, *cells, f"{found['minutes']:.1f}"])
        print_table(["model", "exact match, new", "unseen", "style preferred", "style written", "minutes"], lines)
    return figures


WAYS = {
    "full": ("smollm2-135m/sft/full", ()),
    "lora_r4": (SFT, ("lora_r=4", "lora_alpha=8")),
    "lora_r8": (SFT, ("lora_r=8", "lora_alpha=16")),
    "lora_r32": (SFT, ()),
    "dora": (SFT, ("use_dora=true",)),
    "ia3": (SFT, ("peft_type=IA3", "learning_rate=5e-3")),
    "prompt_tuning": (SFT, ("peft_type=PROMPT_TUNING", "learning_rate=1e-2")),
    "prefix_tuning": (SFT, ("peft_type=PREFIX_TUNING", "learning_rate=5e-3")),
}


def adapters(folder: Path, examples: int = 800, size: int = 200) -> Figures:
    """Module 3: full tuning and its cheaper kin, each over the same examples once."""
    figures: Figures = {}
    lines = []
    data = f"dataset_config={{size: {examples}, seed: 0, language: vi}}"
    same = (data, "budget=null", "max_length=400", "packed_length=400", "task=null", "sample_prompts=[]")
    for name, (recipe, keys) in WAYS.items():
        made = train(folder / name, recipe, *same, *keys)
        found = kept(exact_match, str(made.run.path), size, folder)
        found |= {"parameters": made.parameters, "minutes": made.minutes, "rss_mb": round(made.memory), "size_mb": made.size}
        figures |= {f"{name}_{key}": value for key, value in found.items()}
        cells = [f"{found['new']:.1%}", f"{found['unseen']:.1%}", f"{made.parameters:,}", f"{made.minutes:.1f}"]
        lines.append([name, *cells, f"{made.memory:,.0f}", f"{made.size:.1f}"])
        print_table(["way", "exact match, new", "unseen", "trained parameters", "minutes", "peak MB", "saved MB"], lines)
    return figures


def print_table(head: list[str], lines: list[list[str]]) -> None:
    """In Markdown."""
    for line in (head, ["---"] * len(head), *lines):
        print("| " + " | ".join(line) + " |", flush=True)

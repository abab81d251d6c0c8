"""A model that sees, trained on the way of our recipe and by a plain loop over the same parts: pictures and tokens a second.

    python benchmarks/vision.py --json                    about ten minutes on two cores
    python benchmarks/vision.py --steps 4 --rounds 1      a look

Both sides train the same adapter and projector of smolvlm-own on the same questions about easy-VQA's pictures, step by step, so
their losses are held against each other: the first, and the mean. Ours looks at each picture once, before the first step (that
time is counted), and questions about a picture share its tokens in a packed row. The plain loop is what one writes first:
transformers' own forward pass with the encoder in every step, one question a row, padded, in batches of as many questions as our
packed row holds.

Each question shows one picture: so many pictures are counted, on both sides. Tokens are those of questions and answers with their
template; placeholders of pictures and padding are none. Every measurement is a process of its own, the sides take turns, and the
medians are compared.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median
from typing import Any
from unittest.mock import patch

RECIPE = "smolvlm-own/sft/easy-vqa"
SIDES = ("ours", "plain")
WARM_UP = 2  # steps that are not timed
PICTURES_A_STEP = 4  # a packed row of 512 tokens shows two or three
ONE_STAGE = [  # of the recipe: questions alone, all steps alike
    *("align_dataset_name=null", "budget=null", "init_lora_weights=true", "projector_learning_rate=null"),
    *("learning_rate=1e-3", "lr_scheduler_type=constant", "warmup_steps=0", "save_steps=1000000"),
]


# ---------------------------------------------------------------- one measurement, in a process of its own


def measure(side: str, steps: int, changes: list[str], folder: Path) -> dict[str, Any]:
    """Trains `steps` timed steps.

    Args:
        changes: `key=value` words for the recipe.
        folder: for the run, and for what the encoder says of pictures: none of it may be there before.

    Returns:
        images_per_second, tokens_per_second, peak_rss_mb, trained (parameters), losses.
    """
    from smolcourse.config import load_recipe
    from smolcourse.training.train import load, prepare
    from smolcourse.vision import features

    words = [f"dataset_config.shown={PICTURES_A_STEP * (steps + WARM_UP)}", f"max_steps={steps + WARM_UP}"]
    recipe = load_recipe(RECIPE, [*words, *ONE_STAGE, f"output_dir={folder}", *changes])
    with patch.object(features, "home", lambda: folder):
        prepared = prepare(recipe if side == "ours" else replace(recipe, int8=False, fused=False))
        model = load(prepared)
        trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
        seconds, losses = (_ours if side == "ours" else _plain)(prepared, model, folder)
    rows = [prepared.plan.rows[step] for step in range(WARM_UP, steps + WARM_UP)]
    asked = [prepared.examples[number] for row in rows for number in row]
    if side == "ours":  # the share of looking that these pictures took
        seconds += prepared.looking * len(_shown(asked)) / len(_shown(prepared.examples))
    assert prepared.sight is not None
    picture = prepared.sight.image_token_id
    tokens = sum(token != picture for one in asked for token in one["input_ids"])
    return {
        "images_per_second": sum(len(one["images"]) for one in asked) / seconds,
        "tokens_per_second": tokens / seconds,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "trained": float(trained),
        "losses": losses,
    }


def _shown(examples: Any) -> set[str]:
    return {name for one in examples for name in one["images"]}


def _ours(prepared: Any, model: Any, folder: Path) -> tuple[float, list[float]]:
    """Seconds of the timed steps, and the losses of all."""
    from smolcourse.training.runs import Run
    from smolcourse.training.train import train

    run = Run.create(prepared.recipe, "bench", folder=folder)
    train(prepared, run, model)
    lines = run.metrics()
    return lines[-1]["seconds"] - lines[WARM_UP - 1]["seconds"], [line["loss"] for line in lines]


def _plain(prepared: Any, model: Any, folder: Path) -> tuple[float, list[float]]:
    """The same by hand."""
    import torch

    from smolcourse.data.loading import load_rows

    recipe = prepared.recipe
    rows = list(load_rows(recipe.dataset_name, recipe.dataset_config, recipe.dataset_train_split))
    assert len(rows) == len(prepared.examples)  # none was left out: the n-th row is the n-th example
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    betas = (recipe.adam_beta1, recipe.adam_beta2)
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, betas=betas, eps=recipe.adam_epsilon, weight_decay=0.0)
    losses, started = [], time.monotonic()
    model.train()
    for step, numbers in enumerate(prepared.plan.rows[: recipe.max_steps]):
        if step == WARM_UP:
            started = time.monotonic()
        images = [image for number in numbers for image in rows[number]["images"]]
        batch = padded([prepared.examples[number] for number in numbers], images, prepared.sight.processor)
        loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, recipe.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return time.monotonic() - started, losses


def padded(examples: list[dict[str, Any]], images: list[Any], processor: Any) -> dict[str, Any]:
    """One question a row, as any tutorial's collator makes them: input_ids, attention_mask, labels, pixel_values."""
    import torch

    longest = max(len(one["input_ids"]) for one in examples)
    batch: dict[str, list[list[int]]] = {"input_ids": [], "attention_mask": [], "labels": []}
    for one in examples:
        ids, room = list(one["input_ids"]), longest - len(one["input_ids"])
        labels = [token if target else -100 for token, target in zip(ids, one["loss_mask"], strict=True)]
        batch["input_ids"].append(ids + [0] * room)
        batch["attention_mask"].append([1] * len(ids) + [0] * room)
        batch["labels"].append(labels + [-100] * room)
    pixels = processor.pixel_values([processor.tiles(image) for image in images])
    return {**{name: torch.tensor(rows) for name, rows in batch.items()}, "pixel_values": torch.from_numpy(pixels)}


# ---------------------------------------------------------------- side by side


def run_side(side: str, steps: int, changes: list[str]) -> dict[str, Any]:
    """One measurement in a fresh process."""
    command = [sys.executable, __file__, "--side", side, "--steps", str(steps), *changes]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side}:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    speeds = f"{found['images_per_second']:6.2f} images/s {found['tokens_per_second']:6.0f} tokens/s"
    print(f"  {side:6} {speeds} {found['peak_rss_mb']:6.0f} MB", flush=True)
    return found


def compare(steps: int, rounds: int, changes: list[str]) -> dict[str, dict[str, Any]]:
    """Medians of each side over some rounds, the sides taking turns; the losses of the last round."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            found[side].append(run_side(side, steps, changes))
    return {
        side: {name: median(each[name] for each in results) if name != "losses" else value for name, value in results[-1].items()}
        for side, results in found.items()
    }


def figures_of(sides: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The figures, from the medians."""
    ours, plain = sides["ours"], sides["plain"]
    found = {
        f"vlm_{name}{ending}": side[name]
        for name in ("images_per_second", "tokens_per_second", "peak_rss_mb")
        for ending, side in (("", ours), ("_plain", plain))
    }
    ratio = ours["tokens_per_second"] / plain["tokens_per_second"]
    found |= {"vlm_ratio": ratio, "vlm_rss_ratio": ours["peak_rss_mb"] / plain["peak_rss_mb"]}
    for name, losses in (("vlm_loss", ours["losses"]), ("vlm_loss_plain", plain["losses"])):
        found |= {f"{name}_first": losses[0], f"{name}_mean": fmean(losses)}
    return found


def table(sides: dict[str, dict[str, Any]]) -> str:
    """Markdown, one line a side."""
    lines = ["| side | images/s | tokens/s | peak memory, MB |", "| --- | ---: | ---: | ---: |"]
    for side, values in sides.items():
        speeds = f"{values['images_per_second']:.2f} | {values['tokens_per_second']:.0f}"
        lines.append(f"| {side} | {speeds} | {values['peak_rss_mb']:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Runs the comparison, or one measurement where a side is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("changes", nargs="*", help="key=value for the recipe")
    parser.add_argument("--steps", type=int, default=24, help="timed steps a measurement")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--write", type=Path, help="folder for vision.md")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(options.side, options.steps, options.changes, Path(folder))))
        return
    sides = compare(options.steps, options.rounds, options.changes)
    figures = figures_of(sides)
    print(table(sides))
    for key, value in figures.items():
        print(f"{key:30} {value:.4g}")
    if options.write:
        options.write.mkdir(parents=True, exist_ok=True)
        (options.write / "vision.md").write_text(table(sides) + "\n", encoding="utf-8")
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

"""What LoRA training costs as rows, batches and models grow, and how long it takes to a fixed held-out loss: ours and TRL's.

    python benchmarks/training_cost.py --json      about half an hour on two cores, most of it TRL's
    python benchmarks/training_cost.py --quick     shorter rows, fewer layers: some minutes

One thing grows at a time from `BASE`. Every measurement is a process of its own, with TRL's defaults on its side. Rows fill their
length, half of it prompt. Both train the same tokens a step: TRL as one padded batch, we as packed rows of 1,024 tokens.
The held-out loss is that of 32 rows in which TRL ends after some steps; each side's checkpoints are read by the same code.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import training

Point = dict[str, int]  # length of a row in tokens, rows a step, layers of the model
SIDES = ("ours", "trl")
BASE: Point = {"length": 512, "batch": 8, "layers": 30}
GROWING = {"length": (128, 512, 1024), "batch": (2, 8, 16), "layers": (10, 30)}
QUICK_BASE: Point = {"length": 128, "batch": 4, "layers": 4}
QUICK_GROWING = {"length": (64, 128, 256), "batch": (2, 4, 8), "layers": (2, 4)}
HELD_OUT = 32  # rows
EVERY = 2  # steps between two looks at the held-out loss


def points(base: Point, growing: dict[str, tuple[int, ...]]) -> list[tuple[str, Point]]:
    """Each point once, with the name of what differs from the base."""
    named = [(f"{what}_{value}", {**base, what: value}) for what, values in growing.items() for value in values]
    return [("base", base), *((name, point) for name, point in named if point != base)]


# ---------------------------------------------------------------- one measurement, in a process of its own


def cost(side: str, point: Point, model: Path, folder: Path) -> dict[str, float]:
    """Tokens a second and peak memory of one side at one point, the first steps not timed."""
    from transformers import AutoTokenizer

    training.MODEL, length, batch = str(model), point["length"], point["batch"]
    steps = 4 if side == "ours" else 2
    data = full_rows(AutoTokenizer.from_pretrained(model), length, batch * (steps + training.WARM_UP))
    if side == "ours":
        packed = max(length, min(1024, batch * length))
        changes: dict[str, Any] = {
            "max_length": length,
            "packed_length": packed,
            "gradient_accumulation_steps": batch * length // packed,
        }
        found = training._ours(side, "sft", True, data, steps, folder, changes)
    else:
        changes = {"max_length": length, "per_device_train_batch_size": batch}
        found = training._trl(side, "sft", True, data, steps, folder, changes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"tokens_per_second": found["tokens_per_second"], "peak_rss_mb": peak}


def full_rows(tokenizer: Any, length: int, count: int) -> list[training.Row]:
    """Rows of `length` tokens or a few less, half of them prompt, cut out of many problems one after the other."""
    texts = (f"{row['prompt'][0]['content']}\n{row['completion'][0]['content']}\n" for row in training.rows(False, 2000))
    stream = itertools.chain.from_iterable(tokenizer(text).input_ids for text in itertools.cycle(texts))
    frame = len(
        tokenizer.apply_chat_template([{"role": "user", "content": ""}, {"role": "assistant", "content": ""}])["input_ids"]
    )
    half = (length - frame) // 2 - 2  # cut words may take a token more

    def cut() -> str:
        return str(tokenizer.decode(list(itertools.islice(stream, half))))

    return [
        {"prompt": [{"role": "user", "content": cut()}], "completion": [{"role": "assistant", "content": cut()}]}
        for _ in range(count)
    ]


def learning(side: str, steps: int, model: Path, folder: Path) -> dict[str, list[float]]:
    """Trains, then reads each checkpoint: the seconds of training up to it, and its held-out loss."""
    training.MODEL = str(model)
    data = training.rows(False, steps * training.BATCH + HELD_OUT)
    data, held_out = data[:-HELD_OUT], data[-HELD_OUT:]
    if side == "ours":
        changes: dict[str, Any] = {"save_steps": EVERY, "save_total_limit": steps, "max_steps": steps}
        found = training._ours(side, "sft", True, data, steps, folder, changes)
    else:
        found = training._trl(side, "sft", True, data, steps, folder, {"save_strategy": "steps", "save_steps": EVERY})
    saved = sorted((int(each.name.rpartition("-")[2]), each) for each in folder.rglob("checkpoint-*"))
    return {
        "seconds": [found["seconds"][step - 1] for step, _ in saved],
        "losses": list(held_out_losses(model, [checkpoint for _, checkpoint in saved], held_out)),
    }


def held_out_losses(model_folder: Path, checkpoints: list[Path], held_out: list[training.Row]) -> Iterator[float]:
    """Mean cross entropy of the answers' tokens under each adapter, in plain transformers and PEFT."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from smolcourse.data.chat import encode

    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    examples = [encode(row, tokenizer, 1024) for row in held_out]
    model: Any = AutoModelForCausalLM.from_pretrained(model_folder, dtype=torch.float32)
    for place, checkpoint in enumerate(checkpoints):
        if place:
            model.load_adapter(checkpoint, f"at-{place}")
            model.set_adapter(f"at-{place}")
        else:
            model = PeftModel.from_pretrained(model, checkpoint, "at-0").eval()
        total, targets = 0.0, 0
        for ids, mask in examples:
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
            wanted = torch.tensor(ids[1:]).where(torch.tensor(mask[1:]) > 0, torch.tensor(-100))
            total += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
            targets += sum(mask[1:])
        yield total / targets


# ---------------------------------------------------------------- side by side


def in_process(**asked: Any) -> dict[str, Any]:
    """`answer` in a fresh process."""
    command = [sys.executable, __file__, "--ask", json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{asked}:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """One measurement here and now: of a point, or of a number of steps."""
    with tempfile.TemporaryDirectory() as folder:
        if "point" in asked:
            return dict(cost(asked["side"], asked["point"], Path(asked["model"]), Path(folder)))
        return dict(learning(asked["side"], asked["steps"], Path(asked["model"]), Path(folder)))


def cut_model(layers: int, folder: Path) -> Path:
    """The model with its first layers only, and its tokenizer; the model itself where it has no more."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from smolcourse.assets.resolver import resolve_model

    whole = resolve_model(training.MODEL)
    if json.loads((whole / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"] <= layers:
        return whole
    model = AutoModelForCausalLM.from_pretrained(whole, num_hidden_layers=layers)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(whole).save_pretrained(folder)
    return folder


def costs(base: Point, growing: dict[str, tuple[int, ...]], folder: Path) -> Iterator[tuple[str, float]]:
    """The table's lines, printed, and their figures."""
    print("| run | side | tokens/s | peak memory, MB |\n| --- | --- | ---: | ---: |")
    for name, point in points(base, growing):
        model = cut_model(point["layers"], folder / f"{point['layers']}-layers")
        found = {}
        for side in SIDES:
            found[side] = in_process(side=side, point=point, model=str(model))
            speed, memory = found[side]["tokens_per_second"], found[side]["peak_rss_mb"]
            print(f"| {name} | {side} | {speed:.0f} | {memory:.0f} |", flush=True)
            yield f"{name}_{side}_tokens_per_second", speed
            yield f"{name}_{side}_peak_rss_mb", memory
        yield f"{name}_ratio", found["ours"]["tokens_per_second"] / found["trl"]["tokens_per_second"]
        yield f"{name}_rss_ratio", found["ours"]["peak_rss_mb"] / found["trl"]["peak_rss_mb"]


def time_to_loss(curves: dict[str, dict[str, list[float]]]) -> Iterator[tuple[str, float]]:
    """Seconds of each side until the held-out loss that TRL ends with; infinite for one that never gets there."""
    goal = curves["trl"]["losses"][-1]
    took = {
        side: next((at for at, loss in zip(curve["seconds"], curve["losses"], strict=True) if loss <= goal), float("inf"))
        for side, curve in curves.items()
    }
    yield "held_out_loss", goal
    for side, seconds in took.items():
        yield f"held_out_seconds_{side}", seconds
    yield "held_out_ratio", took["trl"] / took["ours"]


def main() -> None:
    """All points, then the time to a loss; or one measurement where one is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="shorter rows, fewer layers, fewer steps")
    parser.add_argument("--only", choices=["costs", "loss"], help="one half")
    parser.add_argument("--steps", type=int, help="of TRL until the held-out loss that both are timed to")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    parser.add_argument("--ask", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ask:
        print(json.dumps(answer(options.ask)))
        return
    base, growing = (QUICK_BASE, QUICK_GROWING) if options.quick else (BASE, GROWING)
    steps = options.steps or (4 if options.quick else 12)
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        if options.only != "loss":
            figures |= costs(base, growing, Path(folder))
        if options.only != "costs":
            model = cut_model(base["layers"], Path(folder) / "learner")
            curves = {side: in_process(side=side, steps=steps * (2 if side == "ours" else 1), model=str(model)) for side in SIDES}
            for side, curve in curves.items():
                print(f"\n{side}, held-out loss after seconds of training:")
                print(*(f"{at:.0f} s {loss:.4f}" for at, loss in zip(curve["seconds"], curve["losses"], strict=True)), sep="  ")
            figures |= time_to_loss(curves)
    for key, value in figures.items():
        print(f"{key:36} {value:.4g}")
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

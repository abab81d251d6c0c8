"""What the project promises, measured by its public commands.

    python benchmarks/accept.py 1 --json      one module
    python benchmarks/accept.py --json        all of them

With --json the last line is `{"figures": {...}}`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import tables

from smolcourse import experiment, hardware
from smolcourse.config import load_recipe

Figures = dict[str, float]


def instruction_tuning() -> Figures:
    """The recipe of `make demo`: exact match on orders never seen, before and after."""
    name = "smollm2-135m/sft/lora"
    with tempfile.TemporaryDirectory() as folder:
        run = experiment.run(load_recipe(name, [f"output_dir={folder}"]), name, print)
        scores = experiment.scores(run)
        seconds = float(run.status()["seconds"])
    figures: Figures = {}
    for key, when, split in (("base", "before", "new"), ("new", "after", "new"), ("unseen", "after", "unseen")):
        score = scores[when][split]
        figures[f"{key}_exact_match"] = score["value"]
        figures[f"{key}_exact_match_low"] = score["low"]
        figures[f"{key}_exact_match_high"] = score["high"]
    return {**figures, "train_seconds": seconds, "peak_rss_mb": round(hardware.peak_memory() / 1e6)}


def preference(run: str | None = None, folder: Path | None = None) -> Figures:
    """DPO behind SFT, and ORPO in one stage: exact match on orders, and which style is preferred, before and after."""
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as kept:
        return tables.preference(Path(kept), run)


def adapters(folder: Path | None = None) -> Figures:
    """Full tuning, LoRA at several ranks, DoRA, IA3, learned prompts: score, parameters, minutes, memory, size."""
    with nullcontext(folder) if folder else tempfile.TemporaryDirectory() as kept:
        return tables.adapters(Path(kept))


def course() -> Figures:
    """Every exercise fails as shipped, every solution passes, every classic wrong answer is called by its name."""
    from smolcourse.course.devcheck import figures

    return figures(Path(__file__).parents[1] / "tests" / "lessons" / "wrong_answers")


def evaluation() -> Figures:
    """The mistakes that other evaluations made, planted in ours, each of them caught; nothing said where nothing is wrong."""
    from planted import figures

    return figures()


def inference(run: str | None = None) -> Figures:
    """An order model, exported: each type's size, perplexity and score, served against in memory; what a grammar keeps JSON."""
    from deployed import figures

    return figures(run)


def vision(folder: Path | None = None) -> Figures:
    """Models that see, trained on easy-VQA and on receipts: what they read, and what they guess blind."""
    from seeing import figures

    return figures(folder)


def made_data(folder: Path | None = None) -> Figures:
    """Rows out of rules, a menu and twenty seeds: what training on them is worth, unfiltered and filtered; planted junk found."""
    from made_data import figures

    return figures(folder)


MODULES: dict[str, Callable[[], Figures]] = {
    "1": instruction_tuning,
    "2": preference,
    "3": adapters,
    "4": evaluation,
    "5": vision,
    "6": made_data,
    "7": inference,
    "course": course,
}


def main() -> None:
    """Runs the modules that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("module", nargs="?", choices=sorted(MODULES))
    parser.add_argument("--run", help="modules 2, 7: a run of the order task, instead of training one")
    parser.add_argument("--out", type=Path, help="modules 2, 3, 5, 6: a folder to keep what is made; the same command goes on")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    options = parser.parse_args()
    MODULES["2"] = partial(preference, options.run, options.out)
    MODULES["3"] = partial(adapters, options.out)
    MODULES["5"] = partial(vision, options.out)
    MODULES["6"] = partial(made_data, options.out)
    MODULES["7"] = partial(inference, options.run)
    figures: Figures = {}
    for name in [options.module] if options.module else sorted(MODULES):
        figures |= MODULES[name]()
    for key, value in figures.items():
        print(f"{key:28} {value:g}")
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

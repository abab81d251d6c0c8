"""How fast an exported model answers: beside transformers, beside llama.cpp as it comes, beside what the memory allows.

    python benchmarks/inference.py --model RUN --json               about ten minutes: a run that was tuned on orders
    python benchmarks/inference.py --model FOLDER --parts orders    one part, of what `smol export` wrote before
    python benchmarks/inference.py --json                           trains for three minutes first

Every measurement is a process of its own with one model alive in it (answering.py says why). The sides of a part take turns, each
ratio is taken within a turn, and its median counts. With --json the last line is `{"figures": {...}}`:
`decode_ratio_q8_0`, `decode_ratio_q4_0`: one client's tokens a second after the first over those of transformers' `generate` in
fp32 (`answer_ratio_...`: with the prompt's time); `task_gain_over_raw_engine`: orders a second with what `smol serve --lookup 5`
does (the prompt's beginning is kept, the answer's words are looked up in it) over those without both; `bandwidth_fraction`: bytes
of weights read a second at Q8_0 over the fastest read measured here; `server_overhead`: what `smol serve` adds to the seconds of
the same answers from llama.cpp alone; `clients16_gain`: tokens a second of 16 clients over one's; `first_token_s`: from the
command `smol serve` to the first token; `peak_rss_mb`: of that server and its worker under four clients, at Q8_0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from answering import SIDES, Found, Work, measure

Figures = dict[str, float]
Turns = dict[str, list[Found]]
KINDS = ("q8_0", "q4_0")


def prepared(folder: Path, model: str | None) -> Path:
    """An exported folder: the one that is named, or one made of the run that is named, or of one that is trained first."""
    if model and (Path(model) / "export.json").is_file():
        return Path(model)
    smol = [sys.executable, "-m", "smolcourse.cli.main"]
    if model is None:
        words = ["budget=3m", "task=null", f"output_dir={folder}"]
        subprocess.run([*smol, "train", "smollm2-135m/sft/lora", *words], check=True)
        model = str(next(path.parent for path in folder.glob("*/recipe.yaml")))
    # Whether it still answers as it did is another matter: `smol export` checks it, and accept.py 7 holds its score.
    words = ["--to", "safetensors,q8_0,q4_0", "--items", "0", "--force", "--output", str(folder / "exported")]
    subprocess.run([*smol, "export", model, *words], check=True)
    return folder / "exported"


# ---------------------------------------------------------------- turns


def run_side(side: str, work: Work) -> Found:
    """One measurement in a fresh process."""
    command = [sys.executable, __file__, "--side", side, "--work", json.dumps(asdict(work))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side}:\n{done.stderr[-3000:]}")
    found: Found = json.loads(done.stdout.splitlines()[-1])
    print(f"  {side:14}", *(f"{name} {value:.4g}" for name, value in found.items() if isinstance(value, float)), flush=True)
    return found


def turns(sides: tuple[str, ...], work: Work, rounds: int) -> Turns:
    """What each side found in each round; every other round goes backwards, so that no side always follows the same one."""
    found: Turns = {side: [] for side in sides}
    for turn in range(rounds):
        for side in sides[:: -1 if turn % 2 else 1]:
            found[side].append(run_side(side, replace(work, turn=turn)))
    return found


def middle(found: Turns, side: str, name: str) -> float:
    """The median of a figure over the turns."""
    return float(median(each[name] for each in found[side]))


def ratio(found: Turns, side: str, other: str, name: str) -> float:
    """The median of one side's figure over the other's in the same turn."""
    return float(median(a[name] / b[name] for a, b in zip(found[side], found[other], strict=True)))


# ---------------------------------------------------------------- the parts


def decode(work: Work, rounds: int) -> Figures:
    """One client's tokens a second, and what the memory would allow."""
    found = turns(("transformers", *KINDS, "q8_0_one_core", "memory"), work, rounds)
    for kind in KINDS:  # or the two would not have read the same
        assert found[kind][0]["prompt"] == found["transformers"][0]["prompt"]
    figures: Figures = {}
    for what in ("decode", "answer"):
        name = f"{what}_tokens_per_second"
        figures |= {f"{what}_{side}_tokens_per_second": middle(found, side, name) for side in found if side != "memory"}
        figures |= {f"{what}_ratio_{kind}": ratio(found, kind, "transformers", name) for kind in KINDS}
    figures |= {name: max(each[name] for each in found["memory"]) for name in found["memory"][0]}
    for ending, side, kind, cores in (
        ("", "q8_0", "q8_0", ""),
        ("_q4_0", "q4_0", "q4_0", ""),
        ("_one_core", "q8_0_one_core", "q8_0", "_one_core"),
    ):
        taken = figures[f"decode_{side}_tokens_per_second"] * work.file(kind).stat().st_size / 1e9
        figures[f"bandwidth_fraction{ending}"] = taken / figures[f"read_gb_per_second{cores}"]
    print(what_binds(figures, *(work.file(kind).stat().st_size / 1e6 for kind in KINDS)))
    return figures


def what_binds(figures: Figures, size: float, half: float) -> str:
    """In words; sizes in MB."""
    gain = figures["decode_q8_0_tokens_per_second"] / figures["decode_q8_0_one_core_tokens_per_second"]
    room = figures["read_gb_per_second"] / figures["read_gb_per_second_one_core"]
    lines = [
        f"Every token reads all weights: {size:.0f} MB at Q8_0, {half:.0f} MB at Q4_0.",
        f"The memory gives {figures['read_gb_per_second']:.1f} GB/s, {room:.2f} times what it gives to one core.",
        f"Decoding takes {figures['bandwidth_fraction']:.0%} of that, {gain:.2f} times what one core takes.",
        "The memory could give more, so what binds is the arithmetic of the cores, unpacking and multiplying."
        if figures["bandwidth_fraction"] < 0.6
        else "What binds is the memory: fewer bytes a weight or more clients at once are what helps.",
    ]
    return "\n".join(lines)


def orders(work: Work, rounds: int) -> Figures:
    """Orders a second of one client: with prefix caching and lookup, with prefix caching, and without both."""
    found = turns(("orders_ours", "orders_prefix", "orders_raw"), work, rounds)
    ours, raw = ([answer for each in found[side] for answer in each["answers"]] for side in ("orders_ours", "orders_raw"))
    return {
        **{side.replace("orders", "orders_per_second"): middle(found, side, "orders_per_second") for side in found},
        "task_gain_over_raw_engine": ratio(found, "orders_ours", "orders_raw", "orders_per_second"),
        "prefix_gain": ratio(found, "orders_prefix", "orders_raw", "orders_per_second"),
        "orders_answered_the_same": sum(map(str.__eq__, ours, raw)) / len(raw),
    }


def server(work: Work, rounds: int) -> Figures:
    """What the server adds to the seconds of streamed answers, one client; and how it starts."""
    found = turns(("engine", "server", "start"), work, rounds)
    seconds = {side: [sum(each["seconds"]) for each in found[side]] for side in ("engine", "server")}
    first = {side: median(one for each in found[side] for one in each["first_token_s"]) for side in ("engine", "server")}
    return {
        "engine_seconds": median(seconds["engine"]),
        "server_seconds": median(seconds["server"]),
        "server_overhead": median(a / b for a, b in zip(seconds["server"], seconds["engine"], strict=True)) - 1,
        "server_first_token_added_ms": 1000 * (first["server"] - first["engine"]),
        "first_token_s": middle(found, "start", "first_token_s"),
        "peak_rss_mb": max(each["peak_rss_mb"] for each in found["start"]),
    }


def clients(work: Work, rounds: int) -> Figures:
    """The server with 16 slots at each number of clients. One and 16 come in every round, the others in the first."""
    found = [run_side("crowd", replace(work, turn=turn, clients=work.clients if not turn else (1, 16))) for turn in range(rounds)]
    figures = {
        f"clients{level['clients']:g}_{name}": value
        for level in found[0]["levels"]
        for name, value in level.items()
        if name != "clients"
    }
    rates = [{level["clients"]: level["tokens_per_second"] for level in each["levels"]} for each in found]
    figures |= {f"clients{one}_tokens_per_second": median(rate[one] for rate in rates) for one in (1, 16)}
    figures["clients16_gain"] = median(rate[16] / rate[1] for rate in rates)
    return figures | {"clients16_peak_rss_mb": max(each["peak_rss_mb"] for each in found)}


PARTS: dict[str, Callable[[Work, int], Figures]] = {"decode": decode, "orders": orders, "server": server, "clients": clients}


def measured(parts: list[str], work: Work, rounds: int) -> Iterator[tuple[str, float]]:
    """The figures of those parts, printed as each part ends, and its minutes."""
    for part in parts:
        print(f"{part}:", flush=True)
        began = time.perf_counter()
        figures = PARTS[part](work, rounds)
        figures[f"{part}_minutes"] = (time.perf_counter() - began) / 60
        for key, value in figures.items():
            print(f"{key:40} {value:.4g}", flush=True)
        yield from figures.items()


def main() -> None:
    """All of it, the parts that are named, or one measurement where a side is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a run tuned on orders, or a folder exported from one; without it, one is trained")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side")
    parser.add_argument("--parts", default=",".join(PARTS), help="some of these, commas between (all of them: %(default)s)")
    parser.add_argument("--keep", type=Path, help="a file of figures: those in it are taken over, those found here are added")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(measure(options.side, Work(**json.loads(options.work)))))
        return
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"--parts: {', '.join(unknown)}")
    figures: Figures = json.loads(options.keep.read_text()) if options.keep and options.keep.is_file() else {}
    with tempfile.TemporaryDirectory() as folder:
        work = Work(str(prepared(Path(folder), options.model)))
        for key, value in measured(parts, work, options.rounds):
            figures[key] = value
            if options.keep:
                options.keep.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

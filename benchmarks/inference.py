"""How fast an exported model answers: beside transformers, beside llama.cpp as it comes, beside what the memory allows.

    python benchmarks/inference.py --json                  trains a run on orders first, about ten minutes
    python benchmarks/inference.py --model RUN --json      some minutes: a run that was tuned on orders

All sides take turns and medians are compared. With --json the last line is `{"figures": {...}}`:
`decode_ratio_q8_0`, `decode_ratio_q4_0`: one client's tokens a second over those of transformers' `generate` in fp32;
`task_gain_over_raw_engine`: orders a second with what `smol serve --lookup 5` does (the prompt's beginning is kept, the answer's
words are looked up in it) over those without both; `bandwidth_fraction`: bytes of weights read a second at Q8_0 over the fastest
read measured here; `server_overhead`: what `smol serve` adds to an answer's seconds; `clients16_gain`: tokens a second of 16
clients over one's; `first_token_s`: from the command `smol serve` to the first token; `peak_rss_mb`: of that server and its
worker under four clients, at Q8_0.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from smolcourse import hardware
from smolcourse.evaluation.tasks import load_task
from smolcourse.inference.bench import Client, bench
from smolcourse.inference.engine import Engine
from smolcourse.inference.served import served

Figures = dict[str, float]
TASK = "milk-tea:new"
TOKENS = 128  # of each answer that is timed for decoding
CONTEXT = 512
LOOKUP = 5  # tokens guessed ahead


def prepared(folder: Path, model: str | None) -> tuple[Path, Path, Path]:
    """The merged checkpoint and the GGUFs at Q8_0 and Q4_0, exported from a run that is trained first where none is named."""
    if model is None:
        from smolcourse import experiment
        from smolcourse.config import load_recipe

        name = "smollm2-135m/sft/lora"
        model = str(experiment.run(load_recipe(name, [f"output_dir={folder}"]), name, print).path)
    command = [sys.executable, "-m", "smolcourse.cli.main", "export", model, "--to", "safetensors,q8_0,q4_0", "--force"]
    subprocess.run([*command, "--output", str(folder / "exported")], check=True)
    exported = folder / "exported"
    return exported / "safetensors", exported / "model-q8_0.gguf", exported / "model-q4_0.gguf"


# ---------------------------------------------------------------- one client's tokens


def decoding(checkpoint: Path, q8_0: Path, q4_0: Path, rounds: int, tokens: int = TOKENS) -> Figures:
    """Tokens a second of one client on all cores, the prompt's time included; and at Q8_0 on one core."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    cores = hardware.calibrate().threads
    hardware.set_threads(cores)
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    messages = load_task(TASK, size=1).items[0].messages
    prompt: list[int] = tokenizer.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]

    def plain() -> None:
        with torch.inference_mode():
            model.generate(torch.tensor([prompt]), do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens)

    with (
        Engine(q8_0, slots=1, context=CONTEXT, threads=cores) as eight,
        Engine(q4_0, slots=1, context=CONTEXT, threads=cores) as four,
        Engine(q8_0, slots=1, context=CONTEXT, threads=1) as alone,
    ):
        asked = {"prompt": prompt, "max_tokens": tokens, "ignore_eos": True, "cache_prompt": False}
        sides: dict[str, Callable[[], object]] = {
            "transformers": plain,
            "q8_0": lambda: eight.complete(asked),
            "q4_0": lambda: four.complete(asked),
            "q8_0_one_core": lambda: alone.complete(asked),
        }
        speeds = {name: tokens / seconds for name, seconds in taking_turns(sides, rounds).items()}
    found = {f"decode_{name}_tokens_per_second": speed for name, speed in speeds.items()}
    return found | {f"decode_ratio_{kind}": speeds[kind] / speeds["transformers"] for kind in ("q8_0", "q4_0")}


def taking_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side, after one turn that is not timed."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds + 1):
        for name, side in sides.items():
            start = time.perf_counter()
            side()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(each) for name, each in seconds.items()}


# ---------------------------------------------------------------- what the memory allows


def bandwidth(threads: int, megabytes: int = 1024) -> float:
    """GB/s of the fastest of several ways to read memory that no cache holds, weights being only read."""
    import torch

    hardware.set_threads(threads)
    matrix = torch.ones(megabytes * 256 // 1024, 1024)
    vector, flat = torch.ones(1024), matrix.view(-1)
    readers: list[Callable[[], object]] = [lambda: matrix @ vector, lambda: flat.dot(flat), matrix.sum]
    best = min(_seconds(reader) for reader in readers for _ in range(4))
    return matrix.numel() * 4 / best / 1e9


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def limits(figures: Figures, q8_0: Path, q4_0: Path, megabytes: int = 1024) -> Figures:
    """What part of the memory's rate decoding takes, and what binds it."""
    cores = hardware.calibrate().threads
    found = {"read_gb_per_second": bandwidth(cores, megabytes), "read_gb_per_second_one_core": bandwidth(1, megabytes)}
    for name, file, reads in (
        ("bandwidth_fraction", q8_0, "q8_0"),
        ("bandwidth_fraction_q4_0", q4_0, "q4_0"),
        ("bandwidth_fraction_one_core", q8_0, "q8_0_one_core"),
    ):
        rate = found["read_gb_per_second_one_core" if name.endswith("one_core") else "read_gb_per_second"]
        found[name] = figures[f"decode_{reads}_tokens_per_second"] * file.stat().st_size / 1e9 / rate
    gain = figures["decode_q8_0_tokens_per_second"] / figures["decode_q8_0_one_core_tokens_per_second"]
    room = found["read_gb_per_second"] / found["read_gb_per_second_one_core"]
    size, half = (file.stat().st_size / 1e6 for file in (q8_0, q4_0))
    print(f"\nEvery token reads all weights: {size:.0f} MB at Q8_0, {half:.0f} MB at Q4_0.")
    print(f"The memory gives {found['read_gb_per_second']:.1f} GB/s to {cores} threads, {room:.2f} times what it gives to one.")
    print(f"Decoding takes {found['bandwidth_fraction']:.0%} of that, {gain:.2f} times what one thread takes.")
    if found["bandwidth_fraction"] < 0.6:
        print("The memory could give more, so what binds is the arithmetic of the cores, unpacking and multiplying.")
    else:
        print("What binds is the memory: fewer bytes a weight or more clients at once are what helps.")
    return found


# ---------------------------------------------------------------- orders


def orders(q8_0: Path, count: int, rounds: int) -> Figures:
    """Orders a second of one client: with prefix caching and lookup, with prefix caching, and without both.

    Every turn brings orders that were not asked before: lookup remembers answers, and must not be asked for them again.
    """
    items = load_task(TASK, size=count * (rounds + 1)).items
    with Engine(q8_0, slots=1, context=CONTEXT, lookup=LOOKUP) as kept, Engine(q8_0, slots=1, context=CONTEXT) as raw:
        answers: dict[str, list[str]] = {"ours": [], "prefix": [], "raw": []}

        def all_orders(name: str, engine: Engine, **more: Any) -> None:
            done = len(answers[name])
            for item in items[done : done + count]:
                answer = engine.chat({"messages": item.messages, "max_tokens": 128, **more})
                answers[name].append(answer["choices"][0]["message"]["content"])

        seconds = taking_turns(
            {
                "ours": lambda: all_orders("ours", kept),
                "prefix": lambda: all_orders("prefix", raw),
                "raw": lambda: all_orders("raw", raw, cache_prompt=False),
            },
            rounds,
        )
    same = sum(a == b for a, b in zip(answers["ours"], answers["raw"], strict=True)) / len(items)
    return {
        **{f"orders_per_second_{name}": count / each for name, each in seconds.items()},
        "task_gain_over_raw_engine": seconds["raw"] / seconds["ours"],
        "prefix_gain": seconds["raw"] / seconds["prefix"],
        "orders_answered_the_same": same,
    }


# ---------------------------------------------------------------- the server


def overhead(q8_0: Path, count: int) -> Figures:
    """What the server adds to the seconds of a streamed answer, one client, over llama.cpp's own port with the same settings."""
    items = load_task(TASK, size=count + 1).items
    with (
        served(str(q8_0), "--slots", "1", "--context", str(CONTEXT), "--lookup", str(LOOKUP)) as server,
        Engine(q8_0, slots=1, context=CONTEXT, lookup=LOOKUP) as engine,
    ):
        sides = {
            "server": Client(server.url, TOKENS),
            "engine": Client(f"http://{engine.host}:{engine.port}/v1", TOKENS, key=engine.key),
        }
        heard = [{name: client.ask(item.messages) for name, client in sides.items()} for item in items][1:]
    added = [each["server"].seconds / each["engine"].seconds - 1 for each in heard]
    first = [each["server"].pieces[0] - each["engine"].pieces[0] for each in heard if all(one.pieces for one in each.values())]
    return {"server_overhead": median(added), "server_first_token_added_ms": 1000 * median(first) if first else 0.0}


def starts(q8_0: Path, rounds: int) -> Iterator[tuple[str, float]]:
    """From the command to the first token; and the memory of a server as it comes, under four clients."""
    seconds, peaks = [], []
    for _ in range(rounds):
        with served(str(q8_0)) as server:
            heard = Client(server.url, 8).ask([{"role": "user", "content": "1 trà sữa size L"}])
            seconds.append(server.seconds + heard.pieces[0])
            bench(server.url, clients=(4,), task=TASK)
        peaks.append(server.peak / 1e6)
    yield "first_token_s", median(seconds)
    yield "peak_rss_mb", max(peaks)


def crowd(q8_0: Path, clients: tuple[int, ...] = (1, 4, 16, 64), requests: int = 0) -> Iterator[tuple[str, float]]:
    """The server with 16 slots at each number of clients."""
    with served(str(q8_0), "--slots", "16", "--context", str(CONTEXT), "--queue", "64") as server:
        levels = [level.figures() for level in bench(server.url, clients=clients, task=TASK, requests=requests, server=server)]
    for level in levels:
        for name, value in level.items():
            if name != "clients":
                yield f"clients{level['clients']:g}_{name}", value
    yield "clients16_gain", levels[clients.index(16)]["tokens_per_second"] / levels[clients.index(1)]["tokens_per_second"]
    yield "clients16_peak_rss_mb", server.peak / 1e6


def main() -> None:
    """All of it, or the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a run tuned on orders; without it, one is trained")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side")
    parser.add_argument("--only", choices=["decode", "orders", "server", "clients"], action="append", help="these parts")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    options = parser.parse_args()
    parts = options.only or ["decode", "orders", "server", "clients"]
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, q8_0, q4_0 = prepared(Path(folder), options.model)
        if "decode" in parts:
            figures |= decoding(checkpoint, q8_0, q4_0, options.rounds)
            figures |= limits(figures, q8_0, q4_0)
        if "orders" in parts:
            figures |= orders(q8_0, 12, options.rounds)
        if "server" in parts:
            figures |= overhead(q8_0, 8 * options.rounds)
            figures |= starts(q8_0, 3)
        if "clients" in parts:
            figures |= crowd(q8_0)
    for key, value in figures.items():
        print(f"{key:40} {value:.4g}")
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

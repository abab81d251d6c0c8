"""One measurement of benchmarks/inference.py, which runs each in a process of its own: one model, alone.

llama.cpp and torch draw their threads from one OpenMP library. Once it keeps more of them than there are cores, a thread that
waits goes to sleep at once instead of a moment later, and llama.cpp, whose threads meet hundreds of times a token, decodes
several times slower: beside torch, and beside a second engine as well.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Found = dict[str, Any]
TASK = "milk-tea:new"
CONTEXT = 512
LOOKUP = 5  # tokens guessed ahead
WARM = 4  # orders that are not timed: the prompt's beginning is kept then, and lookup has seen answers
ANSWERS = 2  # that one process decodes


@dataclass(frozen=True)
class Work:
    """What to measure on, and how much of it.

    Attributes:
        folder: an exported model with `safetensors`, `model-q8_0.gguf` and `model-q4_0.gguf`.
        turn: orders differ from turn to turn, and are the same for all sides of one.
        tokens: of each answer that is timed for decoding.
        orders: that one side answers in a turn.
        clients: numbers of them, in the order in which they come.
        requests: at each number of clients; 0 for as many as `smol bench` takes.
        megabytes: that are read to see how fast memory is.
    """

    folder: str
    turn: int = 0
    tokens: int = 128
    orders: int = 16
    clients: tuple[int, ...] = (1, 4, 16, 64)
    requests: int = 0
    megabytes: int = 1024

    def file(self, kind: str) -> Path:
        """The GGUF of that type."""
        return Path(self.folder) / f"model-{kind}.gguf"

    def asked(self) -> list[list[dict[str, Any]]]:
        """Conversations of this turn: `WARM` that are not timed, then `orders`."""
        from smolcourse.evaluation.tasks import load_task

        size = WARM + self.orders
        return [item.messages for item in load_task(TASK, size=size * (self.turn + 1)).items[size * self.turn :]]


# ---------------------------------------------------------------- one client's tokens


def transformers(work: Work) -> Found:
    """transformers' `generate` in fp32, greedy, on as many threads as are fastest here."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from smolcourse import hardware

    hardware.set_threads(hardware.calibrate().threads)
    checkpoint = Path(work.folder) / "safetensors"
    tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
    model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    prompt: list[int] = tokenizer.apply_chat_template(work.asked()[0], add_generation_prompt=True)["input_ids"]

    def answer(tokens: int) -> None:
        with torch.inference_mode():
            model.generate(torch.tensor([prompt]), do_sample=False, min_new_tokens=tokens, max_new_tokens=tokens)

    return {"prompt": prompt, **_speeds(answer, work.tokens)}


def decoding(kind: str, threads: int = 0) -> Callable[[Work], Found]:
    """llama.cpp as it comes, its prompt computed each time, on all cores or on so many threads."""

    def side(work: Work) -> Found:
        from smolcourse.inference.engine import Engine

        with Engine(work.file(kind), slots=1, context=CONTEXT, threads=threads) as engine:
            prompt = engine.tokenize(engine.render(work.asked()[0]))
            asked = {"prompt": prompt, "ignore_eos": True, "cache_prompt": False}
            return {"prompt": prompt, **_speeds(lambda tokens: engine.complete({**asked, "max_tokens": tokens}), work.tokens)}

    return side


def _speeds(answer: Callable[[int], object], tokens: int) -> Found:
    """Tokens a second of whole answers, prompt included, and of all but their first token: what decoding alone takes."""
    answer(8)
    first = [_seconds(lambda: answer(1)) for _ in range(ANSWERS)]
    whole = [_seconds(lambda: answer(tokens + 1)) for _ in range(ANSWERS)]
    return {
        "answer_tokens_per_second": (tokens + 1) * ANSWERS / sum(whole),
        "decode_tokens_per_second": tokens * ANSWERS / (sum(whole) - sum(first)),
    }


def memory(work: Work) -> Found:
    """GB/s of the fastest of several ways to read more memory than caches hold, as weights are read; on all cores and on one."""
    import torch

    from smolcourse.hardware.facts import usable_cores

    matrix = torch.ones(work.megabytes * 256 // 1024, 1024)
    vector, flat = torch.ones(1024), matrix.view(-1)
    readers: list[Callable[[], object]] = [lambda: matrix @ vector, lambda: flat.dot(flat), matrix.sum]
    found = {}
    for name, threads in (("read_gb_per_second", usable_cores()), ("read_gb_per_second_one_core", 1)):
        torch.set_num_threads(threads)
        best = min(_seconds(reader) for reader in readers for _ in range(4))
        found[name] = matrix.numel() * 4 / best / 1e9
    return found


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


# ---------------------------------------------------------------- orders


def orders(lookup: int, *, kept: bool = True) -> Callable[[Work], Found]:
    """Orders of one client, with so many tokens guessed ahead; `kept`: what is computed of the prompt's beginning is kept."""

    def side(work: Work) -> Found:
        from smolcourse.inference.engine import Engine

        answers, began = [], 0.0
        with Engine(work.file("q8_0"), slots=1, context=CONTEXT, lookup=lookup) as engine:
            for place, messages in enumerate(work.asked()):
                if place == WARM:
                    began = time.perf_counter()
                answer = engine.chat({"messages": messages, "max_tokens": work.tokens, "cache_prompt": kept})
                answers.append(answer["choices"][0]["message"]["content"])
            seconds = time.perf_counter() - began
        return {"orders_per_second": work.orders / seconds, "answers": answers}

    return side


def engine(work: Work) -> Found:
    """Streamed answers of llama.cpp, asked directly: what `server` is held against."""
    from smolcourse.inference.engine import Engine

    seconds, first = [], []
    with Engine(work.file("q8_0"), slots=1, context=CONTEXT, lookup=LOOKUP) as one:
        for messages in work.asked():
            began = time.perf_counter()
            pieces = []
            for event in one.stream_chat({"messages": messages, "max_tokens": work.tokens}):
                if event["choices"] and event["choices"][0]["delta"].get("content"):
                    pieces.append(time.perf_counter() - began)
            seconds.append(time.perf_counter() - began)
            first.append(pieces[0] if pieces else seconds[-1])
    return {"seconds": seconds[WARM:], "first_token_s": first[WARM:]}


def server(work: Work) -> Found:
    """The same answers from `smol serve` with the same settings."""
    from smolcourse.inference.bench import Client
    from smolcourse.inference.served import served

    with served(str(work.file("q8_0")), "--slots", "1", "--context", str(CONTEXT), "--lookup", str(LOOKUP)) as running:
        client = Client(running.url, work.tokens)
        heard = [client.ask(messages) for messages in work.asked()][WARM:]
    return {
        "seconds": [each.seconds for each in heard],
        "first_token_s": [each.pieces[0] if each.pieces else each.seconds for each in heard],
    }


def start(work: Work) -> Found:
    """From the command `smol serve` to the first token; and the memory of the server as it comes, under four clients."""
    from smolcourse.inference.bench import Client, bench
    from smolcourse.inference.served import served

    with served(str(work.file("q8_0"))) as running:
        heard = Client(running.url, 8).ask([{"role": "user", "content": "1 trà sữa size L"}])
        bench(running.url, clients=(4,), task=TASK, requests=work.requests)
    return {"first_token_s": running.seconds + heard.pieces[0], "peak_rss_mb": running.peak / 1e6}


def crowd(work: Work) -> Found:
    """`smol serve` with 16 slots at each number of clients, one number after the other."""
    from smolcourse.inference.bench import bench
    from smolcourse.inference.served import served

    with served(str(work.file("q8_0")), "--slots", "16", "--context", str(CONTEXT), "--queue", "64") as running:
        levels = bench(running.url, clients=work.clients, task=TASK, requests=work.requests, server=running)
    return {"levels": [level.figures() for level in levels], "peak_rss_mb": running.peak / 1e6}


SIDES: dict[str, Callable[[Work], Found]] = {
    "transformers": transformers,
    "q8_0": decoding("q8_0"),
    "q4_0": decoding("q4_0"),
    "q8_0_one_core": decoding("q8_0", threads=1),
    "memory": memory,
    "orders_ours": orders(LOOKUP),
    "orders_prefix": orders(0),
    "orders_raw": orders(0, kept=False),
    "engine": engine,
    "server": server,
    "start": start,
    "crowd": crowd,
}


def measure(side: str, work: Work) -> Found:
    """Measures that side here: nothing else may have been measured in this process.

    Raises:
        SystemExit: torch came into a process that it would have slowed down.
    """
    found = SIDES[side](work)
    if "torch" in sys.modules and side not in ("transformers", "memory"):
        raise SystemExit(f"{side}: torch is in this process, so the measurement says nothing of llama.cpp alone")
    return found

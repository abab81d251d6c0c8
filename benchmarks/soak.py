"""A server at saturation for minutes: no error but 429, and memory that does not grow.

    python benchmarks/soak.py --minutes 10 --json

Starts `smol serve`, keeps more clients busy than the queue holds, with every kind of request (whole, streamed, hung up half-way,
constrained, embeddings, wrong), and looks at the memory of server and worker. Ends with 1 if anything but 429 went wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

from smolcourse.inference.served import served

ORDERS = ("2 trà sữa trân châu size L ít đường", "1 trà đào không đá", "cho mình 3 ly ô long nóng nhé", "một cà phê sữa, mang đi")
SCHEMA = {"type": "object", "properties": {"size": {"enum": ["M", "L"]}}, "required": ["size"], "additionalProperties": False}
WARM = 0.2  # of the time: memory grows until every slot has been full once


def main() -> None:
    """Prints the figures; exits with 1 if one is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m-instruct", help="what `smol serve` takes")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--queue", type=int, default=16)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = soak(options.model, options.minutes, options.clients, options.slots, options.queue)
    if options.json:
        print(json.dumps({"figures": figures}))
    else:
        for name, value in figures.items():
            print(f"{name}: {value}")
    sys.exit(0 if figures["errors"] == 0 and figures["restarts"] == 0 and figures["memory_growth_mb"] < 20 else 1)


def soak(model: str, minutes: float, clients: int, slots: int, queue: int) -> dict[str, Any]:
    """The figures of one run."""
    seen: Counter[str] = Counter()
    memory: list[float] = []
    with served(f"soak={model}", "--slots", str(slots), "--queue", str(queue), "--context", "512") as server:
        end = time.monotonic() + 60 * minutes
        threads = [threading.Thread(target=_client, args=(server.url, seen, end, number)) for number in range(clients)]
        for thread in threads:
            thread.start()
        while time.monotonic() < end:
            memory.append(server.memory() / 2**20)
            time.sleep(0.6 * minutes)  # a hundred times in all
        for thread in threads:
            thread.join()
        text = _get(server.url.removesuffix("/v1") + "/metrics")
    settled = memory[int(len(memory) * WARM) :]
    third = max(1, len(settled) // 3)
    growth = statistics.median(settled[-third:]) - statistics.median(settled[:third])
    good = ("ok", "busy", "gone", "refused")
    return {
        "minutes": minutes,
        "requests": seen.total(),
        **{name: seen[name] for name in good},
        "errors": sum(count for name, count in seen.items() if name not in good),
        "kinds_of_errors": {name: count for name, count in seen.items() if name not in good},
        "restarts": int(_figure(text, "smolcourse_worker_restarts_total")),
        "in_flight_at_the_end": int(_figure(text, "smolcourse_in_flight") + _figure(text, "smolcourse_queued")),
        "completion_tokens": int(_figure(text, "smolcourse_tokens_total", 'kind="completion"')),
        "memory_mb": round(max(memory), 1),
        "memory_growth_mb": round(growth, 1),
    }


def _client(url: str, seen: Counter[str], end: float, number: int) -> None:
    draw = random.Random(number)
    while time.monotonic() < end:
        try:
            outcome = _ask(url, draw)
        except urllib.error.HTTPError as error:
            outcome = {429: "busy", 400: "refused", 404: "refused"}.get(error.code, f"HTTP {error.code}")
            error.close()
            if outcome == "busy":
                time.sleep(0.1 * draw.random())
        except (OSError, ValueError) as error:
            outcome = type(error).__name__
        seen[outcome] += 1


def _ask(url: str, draw: random.Random) -> str:
    """One request of a kind drawn at random: how it ended."""
    asked: dict[str, Any] = {"model": "soak", "messages": [{"role": "user", "content": draw.choice(ORDERS)}], "max_tokens": 32}
    kind = draw.choices(("whole", "stream", "gone", "schema", "several", "embedding", "wrong", "long"), (6, 6, 3, 3, 1, 2, 1, 1))[
        0
    ]
    path = "/chat/completions"
    match kind:
        case "stream" | "gone":
            asked["stream"] = True
        case "schema":
            asked["response_format"] = {"type": "json_schema", "json_schema": {"name": "order", "schema": SCHEMA}}
        case "several":
            asked |= {"n": 2, "temperature": 1.0}
        case "embedding":
            path, asked = "/embeddings", {"model": "soak", "input": draw.choice(ORDERS)}
        case "wrong":
            asked["max_tokens"] = -1
        case "long":
            asked["messages"] = [{"role": "user", "content": "trà sữa " * 2000}]
    request = urllib.request.Request(url + path, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=300) as reply:
        if kind == "gone":
            reply.readline()
            return "gone"
        body = reply.read()
    if kind == "stream":
        return "ok" if body.endswith(b"data: [DONE]\n\n") and b'"error"' not in body else "a stream without its end"
    json.loads(body)
    return "ok"


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return str(reply.read().decode())


def _figure(text: str, name: str, label: str = "") -> float:
    rows = [line for line in text.splitlines() if line.startswith(name) and label in line]
    return sum(float(line.rpartition(" ")[2]) for line in rows)


if __name__ == "__main__":
    main()

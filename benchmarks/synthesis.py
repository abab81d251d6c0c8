"""Near duplicates among a million short rows: time, memory, and whether they are those that brute force finds.

    python benchmarks/synthesis.py --json

The million is read from a file in a process of its own, so that its peak memory is its own. On 20,000 of the rows every pair is
compared by its shingles as text, with no hashing of ours, and the rows left out are held against each other: precision and
recall are those of rows that are left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numba import njit

WORDS = (
    "trà sữa đào cam sả vải hồng cà phê đá đen kem phô mai ly cỡ nhỏ vừa lớn giao trước giờ nhé mình cho khách mã số ít đường "
    "nhiều sáng chiều tối mai nay quán bạn ơi thêm bớt không topping trân châu thạch dừa nha đem về uống tại chỗ giúp với cảm ơn"
)
THRESHOLD = 0.8
COPIED = 0.2
"""The share of rows that are another row with some words changed: from nearly the same to hardly alike."""


def main() -> None:
    """Prints one line a measurement, and the figures as the last line with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--checked", type=int, default=20_000, help="rows of which every pair is compared")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    parser.add_argument("--run", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measure(Path(options.run))))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "rows.jsonl")
        with file.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts(options.rows))
        done = subprocess.run([sys.executable, __file__, "--run", str(file)], stdout=subprocess.PIPE, text=True, check=True)
        figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    seconds, memory, left_out = (figures[f"minhash_{name}"] for name in ("million_seconds", "rss_mb", "left_out"))
    print(f"{options.rows:,} rows: {seconds:.1f} s, peak {memory:.0f} MB, {left_out:,} left out", flush=True)
    figures |= held_against_brute_force(list(texts(options.checked)))
    print(f"{options.checked:,} rows: precision {figures['minhash_precision']:.4f}, recall {figures['minhash_recall']:.4f}")
    if options.json:
        print(json.dumps({"figures": {"minhash_rows": options.rows, **figures}}))


def texts(count: int, seed: int = 0) -> Iterator[str]:
    """Short orders; a fifth of them are one of the last thousand with one word or more changed."""
    draw, words = Random(seed), WORDS.split()
    recent: list[list[str]] = []
    for _ in range(count):
        if recent and draw.random() < COPIED:
            chosen = list(draw.choice(recent))
            for _ in range(draw.choice([1, 1, 1, 2, 3, 5])):
                chosen[draw.randrange(len(chosen))] = draw.choice(words)
        else:
            chosen = draw.choices(words, k=draw.randint(10, 20))
        recent = [*recent[-999:], chosen] if len(recent) < 2000 else [*recent[1000:], chosen]
        yield " ".join(chosen)


def measure(file: Path) -> dict[str, float]:
    """The whole file, after the functions have been compiled (or read from numba's cache) on a few rows."""
    from smolcourse.hardware import peak_memory
    from smolcourse.synthesis.filters import minhash

    minhash.clusters(texts(100), THRESHOLD)
    start = time.perf_counter()
    with file.open(encoding="utf-8") as lines:
        found = minhash.clusters((json.loads(line)["text"] for line in lines), THRESHOLD)
    return {
        "minhash_million_seconds": round(time.perf_counter() - start, 1),
        "minhash_rss_mb": round(peak_memory() / 2**20, 1),
        "minhash_left_out": int((~minhash.kept(found)).sum()),
    }


def held_against_brute_force(rows: list[str]) -> dict[str, float]:
    """Rows left out by MinHash against rows that an earlier one of the same cluster makes superfluous, all pairs compared."""
    from smolcourse.data.text import comparable
    from smolcourse.synthesis.filters import minhash

    numbers: dict[str, int] = {}
    sets = []
    for row in rows:
        text = comparable(row)
        pieces = {text[at : at + minhash.SHINGLE] for at in range(max(1, len(text) - minhash.SHINGLE + 1))}
        sets.append(np.array(sorted(numbers.setdefault(piece, len(numbers)) for piece in pieces), dtype=np.int64))
    ends = np.cumsum([len(one) for one in sets])
    first = by_force(np.concatenate(sets), np.concatenate(([0], ends)), THRESHOLD)
    wanted = first != np.arange(len(rows))
    removed = ~minhash.kept(minhash.clusters(rows, THRESHOLD))
    both = int((wanted & removed).sum())
    return {
        "minhash_precision": round(both / max(1, int(removed.sum())), 5),
        "minhash_recall": round(both / max(1, int(wanted.sum())), 5),
    }


@njit
def by_force(numbers, starts, threshold):  # type: ignore[no-untyped-def]
    """The first row of the cluster of each, every pair of sets compared."""
    first = np.arange(len(starts) - 1)
    for i in range(len(first)):
        for j in range(i):
            a, b = starts[i], starts[j]
            small, large = min(starts[i + 1] - a, starts[j + 1] - b), max(starts[i + 1] - a, starts[j + 1] - b)
            if small < threshold * large:
                continue
            both = 0
            while a < starts[i + 1] and b < starts[j + 1]:
                x, y = numbers[a], numbers[b]
                both += x == y
                a += x <= y
                b += y <= x
            if both >= threshold * (small + large - both) and first[i] != first[j]:
                low, high = min(first[i], first[j]), max(first[i], first[j])
                for k in range(i + 1):
                    if first[k] == high:
                        first[k] = low
    return first


if __name__ == "__main__":
    main()

"""A million rows in flat memory: checks and tokenises a generated JSONL file, each in its own process, and measures both.

    python benchmarks/data_check.py --rows 1000000 --json

Each step also runs on a tenth of the rows: what the tenfold costs in memory is the growth, and it must stay small.
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
from typing import Any

DRINKS = (
    "trà sữa trân châu",
    "trà đào cam sả",
    "hồng trà",
    "cà phê sữa đá",
    "sữa tươi đường đen",
    "trà vải",
    "ô long kem phô mai",
)
SIZES = ("nhỏ", "vừa", "lớn")


def main() -> None:
    """Prints one line a step, and the figures as the last line with `--json`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--steps", nargs="+", choices=("check", "tokenise"), default=["check", "tokenise"])
    parser.add_argument("--model", default="smollm2-135m-instruct", help="its tokenizer is used")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    parser.add_argument("--run", nargs=2, metavar=("STEP", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        print(json.dumps(measure(options.run[0], options.run[1], options.model)))
        return
    figures: dict[str, float] = {"rows": options.rows}
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.jsonl"), Path(folder, "large.jsonl")
        write_rows(small, max(1, options.rows // 10))
        write_rows(large, options.rows)
        figures["file_mb"] = round(large.stat().st_size / 2**20, 1)
        for step in options.steps:
            less, more = (in_own_process(step, file, options.model) for file in (small, large))
            figures |= {f"{step}_{key}": value for key, value in more.items()}
            figures[f"{step}_growth_mb"] = round(more["peak_rss_mb"] - less["peak_rss_mb"], 1)
            print(f"{step}: {options.rows:,} rows, {more['seconds']:.1f} s, peak {more['peak_rss_mb']:.0f} MB", flush=True)
    if options.json:
        print(json.dumps({"figures": figures}))


def write_rows(file: Path, count: int) -> None:
    """Writes orders that are all different but for one in a hundred, and one broken row in ten thousand."""
    with file.open("w", encoding="utf-8") as out:
        for i in range(count):
            number = i - 1 if i % 100 == 99 else i
            drink, size = DRINKS[number % len(DRINKS)], SIZES[number // 7 % 3]
            question = f"Cho mình {number % 5 + 1} ly {drink} cỡ {size}, mã khách {number}, giao trước {number % 12 + 8} giờ nhé"
            answer = json.dumps({"drink": drink, "size": size, "quantity": number % 5 + 1}, ensure_ascii=False)
            messages = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            line = json.dumps({"messages": messages}, ensure_ascii=False)
            out.write((line[:-2] if i % 10_000 == 5_000 else line) + "\n")


def in_own_process(step: str, file: Path, model: str) -> dict[str, float]:
    """Runs one step in a fresh process, so that its peak memory is its own."""
    command = [sys.executable, __file__, "--run", step, str(file), "--model", model]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure(step: str, file: str, model: str) -> dict[str, float]:
    """One step in this process: seconds, peak memory, and what came out."""
    from smolcourse.hardware import peak_memory

    tokenizer = None
    if step == "tokenise":
        from smolcourse.assets import resolve_model
        from smolcourse.data.chat import load_tokenizer

        tokenizer = load_tokenizer(resolve_model(model))
    start, worked = time.perf_counter(), time.process_time()
    result = check(file) if tokenizer is None else tokenise(file, tokenizer)
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(worked, 1),
        "peak_rss_mb": round(peak_memory() / 2**20, 1),
        **result,
    }


def check(file: str) -> dict[str, float]:
    """`smol data check FILE`."""
    from smolcourse.data import checking

    report = checking.check(file)
    figures: dict[str, float] = {problem.kind: problem.count for problem in report.problems}
    return {"usable_rows": report.usable_rows} | figures


def tokenise(file: str, tokenizer: Any) -> dict[str, float]:
    """The tokens and loss masks of every usable row, in Arrow files on disk."""
    from smolcourse.data.tokenizing import tokenize

    with tempfile.TemporaryDirectory() as folder:
        _, summary = tokenize(usable(file), tokenizer, max_length=512, cache_dir=folder)
    return {"rows": summary.rows, "tokens": summary.tokens}


def usable(file: str) -> Iterator[dict[str, Any]]:
    """The native rows of a file, past the broken ones."""
    from smolcourse.data.formats import to_native
    from smolcourse.data.problems import RowError
    from smolcourse.data.reading import scan_rows

    for _, row in scan_rows(file):
        if not isinstance(row, RowError):
            yield to_native(row)


if __name__ == "__main__":
    main()

"""Our scores and speed next to lm-eval's, on the same rows and prompts.

    python benchmarks/evaluation.py --json              400 items of each of five benchmarks
    python benchmarks/evaluation.py --items 10          a quick look

lm-eval runs as its users run it: `simple_evaluate` over a local JSONL, with the model in memory here and its default batch
size (`--batch-size` tries others). Both take turns, benchmark by benchmark. With --json the last line is `{"figures": {...}}`:
`max_loglik_diff` over all choices of all items, `items_differing` (another choice taken, raw or per character), `speed_ratio`
(lm-eval's seconds over ours; least where choices are single tokens, which lm-eval too reads in one pass), `peak_rss_mb` (ours,
before lm-eval is loaded). Needs `pip install 'smolcourse[lm-eval]'`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from smolcourse import hardware
from smolcourse.evaluation.compare import TaskResult, examine
from smolcourse.evaluation.examinee import Examinee, cannot_read
from smolcourse.evaluation.tasks import Task, load_task
from smolcourse.inference.loading import load_model
from smolcourse.inference.loglik import Reader

BENCHMARKS = ("commonsenseqa", "openbookqa", "piqa", "siqa", "boolq")
MODEL = "smollm2-135m-instruct"
BATCH = 1  # lm-eval's default


def ours(reader: Reader, task: Task) -> TaskResult:
    """One task, no answer kept from an earlier turn."""
    return examine(task, Examinee(MODEL, "", cannot_read, reader.loglikelihoods))


def lm_eval_task(task: Task, folder: Path) -> dict[str, Any]:
    """The task as an lm-eval user would write it down."""
    file = folder / f"{task.name}.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for item in task.items:
            row = {"query": item.messages[0]["content"], "choices": item.choices, "gold": item.choices.index(item.gold)}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return {
        "task": task.name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(file)}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{query}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{gold}}",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}],
    }


def theirs(model: Any, tokenizer: Any, config: dict[str, Any], batch: int) -> tuple[list[dict[str, Any]], float]:
    """lm-eval's samples, in the order of the rows, and the seconds it spent on likelihoods; reading the task is not counted."""
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.models.huggingface import HFLM

    class Timed(HFLM):  # type: ignore[misc]
        seconds = 0.0

        def loglikelihood(self, requests: list[Any], disable_tqdm: bool = True) -> list[tuple[float, bool]]:
            start = time.perf_counter()
            found: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=True)
            self.seconds += time.perf_counter() - start
            return found

    lm = Timed(pretrained=model, tokenizer=tokenizer, batch_size=batch)
    found = simple_evaluate(model=lm, tasks=[config], num_fewshot=0, bootstrap_iters=0)
    return sorted(found["samples"][config["task"]], key=lambda sample: sample["doc_id"]), lm.seconds


def differences(result: TaskResult, samples: list[dict[str, Any]]) -> tuple[float, int]:
    """The largest difference of any choice's log-likelihood, and the items scored otherwise."""
    largest, differing = 0.0, 0
    for item, sample in zip(result.items, samples, strict=True):
        logs = [response[0] for response in sample["filtered_resps"]]
        largest = max(largest, *(abs(mine - log) for (mine, _), log in zip(item.likelihoods, logs, strict=True)))
        differing += any(item.scores[metric] != sample[metric] for metric in ("acc", "acc_norm"))
    return largest, differing


def main() -> None:
    """Runs both and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=400, help="of each benchmark")
    parser.add_argument("--benchmarks", nargs="+", default=BENCHMARKS, help="multiple-choice tasks")
    parser.add_argument("--batch-size", type=int, default=BATCH, help="of lm-eval")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    options = parser.parse_args()
    if importlib.util.find_spec("lm_eval") is None:
        sys.exit("lm-eval is not installed: pip install 'smolcourse[lm-eval]'")
    tasks = [load_task(name, size=options.items) for name in options.benchmarks]
    model, tokenizer = load_model(options.model)
    reader = Reader(model, tokenizer)
    for task in tasks:
        ours(reader, task)
    peak = hardware.peak_memory()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
    logging.disable(logging.WARNING)
    largest, differing = 0.0, 0
    seconds = {"ours": 0.0, "lm-eval": 0.0}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HF_DATASETS_CACHE"] = folder
        for task in tasks:
            config = lm_eval_task(task, Path(folder))
            samples, slow = theirs(model, tokenizer, config, options.batch_size)
            start = time.perf_counter()
            result = ours(reader, task)
            fast = time.perf_counter() - start
            gap, others = differences(result, samples)
            largest, differing = max(largest, gap), differing + others
            seconds["ours"] += fast
            seconds["lm-eval"] += slow
            accuracy = result.interval("acc").value
            print(
                f"{task.name:14} acc {accuracy:.4f}  acc_norm {result.interval('acc_norm').value:.4f}  "
                f"{fast:6.1f} s, lm-eval {slow:6.1f} s ({slow / fast:.2f} x)  largest difference {gap:.1e}, other items {others}",
                file=sys.stderr,
            )
    figures = {
        "max_loglik_diff": largest,
        "items_differing": differing,
        "speed_ratio": round(seconds["lm-eval"] / seconds["ours"], 3),
        "peak_rss_mb": round(peak / 1e6),
    }
    for name, value in figures.items():
        print(f"{name:18} {value:g}")
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

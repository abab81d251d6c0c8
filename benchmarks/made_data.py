"""Module 6: what rows of rules, a menu and twenty seeds are worth, and whether planted junk is found.

python benchmarks/accept.py 6 --json                            both parts, in a folder that is thrown away
python benchmarks/made_data.py --parts junk                     a minute
python benchmarks/made_data.py --parts train --out FOLDER       may be stopped; the same command goes on
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import planted_junk

from smolcourse.errors import SmolError
from smolcourse.synthesis.engine import run
from smolcourse.synthesis.pipeline import load_pipeline
from smolcourse.synthesis.then_train import report, then_train

PARTS = ("junk", "train")
ASKED = {"milk-tea:new": "", "milk-tea:unseen": "_unseen"}
"""Questions, and how their figures end: orders never seen, and those whose drinks and toppings were never seen either."""


def figures(folder: Path | None = None, parts: Sequence[str] = PARTS, words: Sequence[str] = ()) -> dict[str, float]:
    """The figures of these parts.

    Args:
        folder: where rows and trainings are kept; None for one that is thrown away.
        words: `key=value` of the pipeline.
    """
    found: dict[str, float] = {}
    if "junk" in parts:
        found |= planted_junk.figures(tell=print)
    if "train" in parts:
        with tempfile.TemporaryDirectory() as thrown_away:
            found |= trained(folder or Path(thrown_away), words)
    return found


def trained(folder: Path, words: Sequence[str] = ()) -> dict[str, float]:
    """Exact match after training without a human-written row, and what filtering and people's rows add."""
    pipeline = load_pipeline("orders", list(words))
    outcome = run(pipeline, folder)
    if not outcome.whole:
        raise SmolError("còn câu hỏi chưa có câu trả lời", "some questions have no answer", where=str(folder))
    compared = then_train(pipeline, folder, say=lambda text: print(text, flush=True))
    print(report(compared), flush=True)
    found = {"rows": float(compared.rows)}
    for asked, ending in ASKED.items():
        for name, key in (("filtered", "exact_match_no_human_rows"), ("raw", "exact_match_raw"), ("human", "exact_match_human")):
            score = compared.score(name, asked)
            found |= {key + ending: score.value, f"{key}{ending}_low": score.low, f"{key}{ending}_high": score.high}
        for first, key in (("raw", "filtered_minus_unfiltered"), ("human", "filtered_minus_human")):
            gain = compared.gain(first, "filtered", asked)
            found |= {key + ending: gain.value, f"{key}{ending}_low": gain.low, f"{key}{ending}_high": gain.high}
    return found


def main() -> None:
    """Prints the figures as the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="of the pipeline: compose.count=400")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--out", type=Path, help="folder that is kept, and gone on with")
    options = parser.parse_intermixed_args()
    print(json.dumps({"figures": figures(options.out, options.parts, options.words)}))


if __name__ == "__main__":
    main()

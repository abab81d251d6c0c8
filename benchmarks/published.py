"""SmolLM2-135M on benchmarks, next to what its makers published.

    python benchmarks/published.py --json          400 items of each

The published figures are those of the model card (SmolLM2-135M-Instruct, and the base model where the card gives only that one),
measured by lighteval in its cloze form: no letters, the words of the choices are weighed. The same questions asked by letter show
how much of a score is the way of asking: a model of this size hardly knows what "B" stands for. With --json the last line is
`{"figures": {...}}`: score and interval a task, in percent.
"""

from __future__ import annotations

import argparse
import json

from smolcourse.evaluation.compare import examine
from smolcourse.evaluation.examinee import Examinee, cannot_read
from smolcourse.evaluation.tasks import load_task
from smolcourse.inference.loading import load_model
from smolcourse.inference.loglik import Reader

MODEL = "smollm2-135m-instruct"
PUBLISHED: dict[str, tuple[float | None, str]] = {
    "piqa": (66.3, "the same way of asking"),
    "openbookqa": (34.6, "of the base model; the same way of asking"),
    "commonsenseqa_cloze": (33.9, "of the base model; the same way of asking"),
    "commonsenseqa": (None, "asked by letter"),
    "mmlu_cloze": (29.3, "other wording, and all 57 subjects whole; here a subset of 2,850 questions"),
    "mmlu": (None, "asked by letter"),
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=400, help="of each benchmark")
    parser.add_argument("--json", action="store_true", help="end with one line of figures")
    options = parser.parse_args()
    reader = Reader(*load_model(MODEL))
    figures: dict[str, float] = {}
    print("| task | ours, 95 % interval | published | |\n| --- | --- | --- | --- |")
    for name, (published, note) in PUBLISHED.items():
        result = examine(load_task(name, size=options.items), Examinee(MODEL, "", cannot_read, reader.loglikelihoods))
        found = result.interval()
        inside = "" if published is None else "inside; " if found.low * 100 <= published <= found.high * 100 else "outside; "
        shown = f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]"
        print(f"| {name} | {shown} | {published or '-'} | {inside}{note} |", flush=True)
        figures |= {name: found.value * 100, f"{name}_low": found.low * 100, f"{name}_high": found.high * 100}
    if options.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()

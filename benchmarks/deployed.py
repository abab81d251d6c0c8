"""A tuned order model, exported: does it score what it scored in memory, and does a grammar keep its answers JSON."""

from __future__ import annotations

import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from smolcourse import experiment
from smolcourse.config import load_recipe
from smolcourse.data import milk_tea
from smolcourse.evaluation.tasks import TEST_SEED
from smolcourse.inference.engine import Engine
from smolcourse.inference.export.export import export_model
from smolcourse.inference.export.gguf import KINDS

ITEMS = 200
_LONGEST = 512
_CUP = {
    "ly": {"type": "integer", "minimum": 1, "maximum": 99},
    "món": {"type": "string", "maxLength": 40},
    "size": {"enum": ["S", "M", "L"]},
    "đường": {"enum": [0, 30, 50, 70, 100]},
    "đá": {"enum": [0, 30, 50, 70, 100]},
    "topping": {"type": "array", "items": {"type": "string", "maxLength": 30}, "maxItems": 3},
}
SCHEMA = {
    "type": "array",
    "items": {"type": "object", "properties": _CUP, "required": list(_CUP), "additionalProperties": False},
    "minItems": 1,
    "maxItems": 4,
}


def figures(run: str | None = None) -> dict[str, float]:
    """Size, perplexity and score of every type; the served score less that in memory, in points; answers that parse.

    Args:
        run: of the order task, by name or path; one is trained if there is none.
    """
    with tempfile.TemporaryDirectory() as folder:
        name = "smollm2-135m/sft/lora"
        source = run or str(experiment.run(load_recipe(name, [f"output_dir={folder}/runs"]), name, print).path)
        made = export_model(source, Path(folder) / "exported", formats=KINDS, items=ITEMS, force=True)
        found: dict[str, float] = {}
        for one in made.parity:
            found[f"size_{one.kind}_mb"] = made.files[one.kind].stat().st_size / 1e6
            found[f"perplexity_{one.kind}"] = one.perplexity
            found[f"divergence_{one.kind}"] = one.divergence
            found[f"drift_{one.kind}"] = float(len(one.problems))
            if one.score:
                found[f"exact_match_{one.kind}"] = one.score.exported
                found["exact_match_memory"] = one.score.memory
                if one.kind == "q8_0":
                    found["served_minus_memory_points"] = 100 * (one.score.exported - one.score.memory)
        with Engine(made.files["q8_0"], context=1024) as engine, ThreadPoolExecutor(engine.slots) as pool:
            orders = milk_tea.generate(ITEMS, seed=TEST_SEED, split="noisy")
            valid = list(pool.map(lambda row: _parses(engine, row["messages"][:-1]), orders))
    return {**found, "grammar_valid": sum(valid) / len(valid)}


def _parses(engine: Engine, messages: list[dict[str, Any]]) -> bool:
    """Whether the whole answer, bound to the schema, is JSON."""
    wanted = {"type": "json_schema", "json_schema": {"name": "order", "schema": SCHEMA}}
    said = engine.chat({"messages": messages, "max_tokens": _LONGEST, "response_format": wanted})
    try:
        return isinstance(json.loads(said["choices"][0]["message"]["content"]), list)
    except ValueError:
        return False

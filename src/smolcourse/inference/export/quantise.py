"""What each type of number costs and keeps: size, perplexity, score, speed, memory; beside them PyTorch's own int8."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.inference.export.export import ITEMS, export_model
from smolcourse.inference.export.gguf import KINDS
from smolcourse.inference.export.parity import Parity

SUPER_BLOCK = 256
"""Numbers that K-quants quantise together; a row must be a multiple of it."""
_BITS = {"q8_0": 8.5, "q5_0": 5.5, "q4_0": 4.5, "q4_k": 4.5}  # of one number, its share of the scale counted in


@dataclass(frozen=True)
class Row:
    """One type of number."""

    kind: str
    size: int
    """Bytes of the weights."""
    perplexity: float | None = None
    score: float | None = None
    tokens_per_second: float | None = None
    """Of one client."""
    memory: int | None = None
    """Bytes resident at most in a process that does nothing else."""


@dataclass(frozen=True)
class KQuants:
    """Why they gain nothing on a narrow model."""

    width: int
    share: float
    """Of the numbers in layers that stand in rows K-quants can take."""
    size: int
    """Bytes of the layers in Q4_K, with Q5_0 where it cannot be, which is what llama.cpp does then."""
    plain_size: int
    """Bytes of the layers in Q4_0."""


@dataclass(frozen=True)
class Table:
    """All types, and what is to be said of K-quants."""

    rows: list[Row]
    parity: list[Parity]
    k_quants: KQuants


def quantise(reference: str, *, items: int = ITEMS, tokens: int = 128, say: Callable[[str], None] = lambda _: None) -> Table:
    """Exports a model in every type into a folder of the moment, and measures each in a process of its own.

    Args:
        items: of the run's task; 0 leaves the score out.
        tokens: that are written to measure speed.
        say: gets the name of what is measured.

    Raises:
        SmolError: as `export_model`.
    """
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="smol-quantise-") as folder:
        made = export_model(reference, Path(folder) / "all", formats=["safetensors", *KINDS], items=items, force=True)
        checkpoint = str(made.files["safetensors"])
        found = {one.kind: one for one in made.parity}
        first = found["f16"]
        score = first.score.memory if first.score else None
        for kind in ("fp32", "int8"):
            say(f"PyTorch {kind}")
            told = _weighed(["torch", kind, checkpoint, str(tokens)])
            perplexity = first.expected_perplexity if kind == "fp32" else told["perplexity"]
            known = score if kind == "fp32" else None
            rows.append(Row(f"PyTorch {kind}", told["size"], perplexity, known, told["tokens_per_second"], told["memory"]))
        for kind in KINDS:
            say(kind)
            one, file = found[kind], made.files[kind]
            told = _weighed(["gguf", kind, str(file), str(tokens)])
            exported = one.score.exported if one.score else None
            rows.append(Row(kind, file.stat().st_size, one.perplexity, exported, told["tokens_per_second"], told["memory"]))
        config = json.loads((Path(checkpoint) / "config.json").read_text(encoding="utf-8"))
    return Table(rows, made.parity, k_quants(config))


def k_quants(config: dict[str, Any]) -> KQuants:
    """What Q4_K would make of a Llama-type model's layers.

    Args:
        config: content of its `config.json`.
    """
    width, hidden = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or width // config["num_attention_heads"]
    wide, narrow = head * config["num_attention_heads"], head * config["num_key_value_heads"]
    matrices = [(wide, width), (narrow, width), (narrow, width), (width, wide), (hidden, width), (hidden, width), (width, hidden)]
    numbers = [(rows * columns, columns % SUPER_BLOCK == 0) for rows, columns in matrices]
    count = sum(number for number, _ in numbers)
    fit = sum(number for number, fits in numbers if fits)
    layers = config["num_hidden_layers"]
    size = layers * (fit * _BITS["q4_k"] + (count - fit) * _BITS["q5_0"]) / 8
    return KQuants(width, fit / count, round(size), round(layers * count * _BITS["q4_0"] / 8))


def _weighed(arguments: list[str]) -> dict[str, Any]:
    """What `weigh` prints, run alone so that its memory is one model's."""
    command = [sys.executable, "-m", "smolcourse.inference.export.weigh", *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace")
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        reason = (done.stderr.strip().splitlines() or ["?"])[-1][:200]
        raise SmolError(f"không đo được ({reason})", f"could not be measured ({reason})", where=" ".join(arguments[:2]))
    told: dict[str, Any] = json.loads(lines[-1])
    return told

"""The table of types: K-quants by arithmetic, and one whole table of a tiny model."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from smolcourse.errors import SmolError
from smolcourse.inference.export import quantise as quantising
from smolcourse.inference.export.quantise import k_quants
from smolcourse.inference.export.weigh import weigh_gguf, weigh_torch

SMOLLM2 = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "num_hidden_layers": 30,
}


def test_k_quants_fit_only_the_rows_that_are_multiples_of_256():
    """Of SmolLM2-135M's layers only `down_proj`, whose rows have 1536 numbers: a quarter."""
    found = k_quants(SMOLLM2)
    layer = 2 * 576 * 576 + 2 * 192 * 576 + 3 * 1536 * 576
    assert found.share == 1536 * 576 / layer
    assert found.plain_size == 30 * layer * 4.5 / 8
    assert found.size == 30 * (1536 * 576 * 4.5 + (layer - 1536 * 576) * 5.5) / 8


def test_k_quants_fit_a_model_of_a_round_width():
    wide = {**SMOLLM2, "hidden_size": 512, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 64}
    assert k_quants(wide).share == 1
    assert k_quants(wide).size == k_quants(wide).plain_size


def test_every_type_is_measured(sharp_model, monkeypatch):
    def here(arguments):
        what, kind, path, tokens = arguments
        return weigh_gguf(Path(path), int(tokens)) if what == "gguf" else weigh_torch(Path(path), kind, int(tokens))

    monkeypatch.setattr(quantising, "KINDS", ("f16", "q4_0"))
    monkeypatch.setattr(quantising, "_weighed", here)
    found = quantising.quantise(str(sharp_model), tokens=8).rows
    assert [row.kind for row in found] == ["PyTorch fp32", "PyTorch int8", "f16", "q4_0"]
    fp32, int8, f16, q4_0 = found
    layers, norms, table_of_tokens = 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 128 * 64), 5 * 64, 49152 * 64
    assert fp32.size == 4 * (layers + norms + table_of_tokens)
    # The head is a linear layer and becomes int8; the table of embeddings, which were the same numbers, stays.
    assert int8.size == layers + table_of_tokens + 4 * (norms + table_of_tokens)
    assert q4_0.size < f16.size < fp32.size
    assert all(row.memory and row.tokens_per_second and math.isfinite(row.perplexity or math.nan) for row in found)


def test_a_gguf_is_weighed_without_torch(tmp_path):
    """Else its memory would be torch's. What cannot be measured says so."""
    code = "import sys, smolcourse.inference.export.weigh, smolcourse.inference.engine; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(SmolError):
        quantising._weighed(["gguf", "f16", str(tmp_path / "none.gguf"), "8"])

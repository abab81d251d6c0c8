"""benchmarks/training_cost.py on a tiny model: both sides are measured alike, and the table says what was measured."""

import math
from pathlib import Path

import pytest


@pytest.fixture
def costs(monkeypatch):
    """The script as a module, with few rows a step."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    monkeypatch.delenv("SMOLCOURSE_TEST_DATA", raising=False)
    import training_cost

    monkeypatch.setattr(training_cost.training, "BATCH", 1)
    return training_cost


def test_one_thing_grows_at_a_time(costs):
    found = dict(costs.points(costs.BASE, costs.GROWING))
    assert list(found) == ["base", "length_128", "length_1024", "batch_2", "batch_16", "layers_10"]
    assert all(sum(point[key] != costs.BASE[key] for key in point) == (name != "base") for name, point in found.items())


def test_rows_fill_their_length(costs, tokenizer):
    from smolcourse.data.chat import encode

    for length in (64, 200):
        rows = costs.full_rows(tokenizer, length, 5)
        sizes = [len(encode(row, tokenizer, 1024).input_ids) for row in rows]
        assert all(length - 16 <= size <= length for size in sizes)
        assert len({row["prompt"][0]["content"] for row in rows}) == 5


def test_a_cut_model_keeps_its_first_layers(costs, monkeypatch, tiny_model, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr(costs.training, "MODEL", str(tiny_model))
    assert costs.cut_model(2, tmp_path) == tiny_model
    cut = AutoModelForCausalLM.from_pretrained(costs.cut_model(1, tmp_path / "cut"))
    whole = AutoModelForCausalLM.from_pretrained(tiny_model)
    assert len(cut.model.layers) == 1
    assert torch.equal(cut.model.layers[0].mlp.up_proj.weight, whole.model.layers[0].mlp.up_proj.weight)


@pytest.mark.parametrize("side", ["ours", "trl"])
def test_both_sides_are_measured(costs, tiny_model, tmp_path, side):
    found = costs.cost(side, {"length": 64, "batch": 2, "layers": 2}, tiny_model, tmp_path)
    assert found["tokens_per_second"] > 0 and found["peak_rss_mb"] > 0


@pytest.mark.parametrize("side", ["ours", "trl"])
def test_checkpoints_are_read_in_order(costs, tiny_model, tmp_path, side):
    found = costs.learning(side, 4, tiny_model, tmp_path)
    assert len(found["seconds"]) == len(found["losses"]) == 2
    assert found["seconds"] == sorted(found["seconds"])
    assert all(math.isfinite(loss) for loss in found["losses"]) and found["losses"][0] != found["losses"][1]


def test_the_time_to_a_loss(costs):
    trl = {"seconds": [10.0, 20.0], "losses": [3.0, 2.0]}
    found = dict(costs.time_to_loss({"ours": {"seconds": [2.0, 4.0, 6.0], "losses": [3.0, 1.9, 1.8]}, "trl": trl}))
    assert found == {"held_out_loss": 2.0, "held_out_seconds_ours": 4.0, "held_out_seconds_trl": 20.0, "held_out_ratio": 5.0}
    never = dict(costs.time_to_loss({"ours": {"seconds": [2.0], "losses": [3.0]}, "trl": trl}))
    assert never["held_out_ratio"] == 0

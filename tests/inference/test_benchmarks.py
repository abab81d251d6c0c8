"""benchmarks/inference.py on a tiny model: every part measures its sides, and the figures are what they are called."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def inference(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("inference", "answering"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import inference

    return inference


@pytest.fixture
def work(inference, tiny_model, tiny_gguf, tmp_path):
    """An exported folder of the tiny models, little to do with it."""
    (tmp_path / "safetensors").symlink_to(tiny_model)
    for kind in inference.KINDS:
        (tmp_path / f"model-{kind}.gguf").symlink_to(tiny_gguf)
    return inference.Work(str(tmp_path), tokens=8, orders=2, clients=(1, 16), requests=2, megabytes=8)


def test_sides_take_turns_backwards_every_other_time(inference, work, monkeypatch):
    seen = []
    monkeypatch.setattr(inference, "run_side", lambda side, work: seen.append((side, work.turn)) or {"x": len(seen)})
    found = inference.turns(("a", "b"), work, 3)
    assert seen == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]
    assert inference.ratio(found, "b", "a", "x") == 6 / 5 and inference.middle(found, "a", "x") == 4


def test_decoding_and_its_limits(inference, work, monkeypatch, capsys):
    """The two tiny models have different templates; here only the numbers matter."""
    run = inference.run_side
    monkeypatch.setattr(inference, "run_side", lambda side, work: run(side, work) | {"prompt": []})
    found = inference.decode(work, 1)
    for what in ("decode", "answer"):
        speeds = {side: found[f"{what}_{side}_tokens_per_second"] for side in ("q8_0", "transformers")}
        assert found[f"{what}_ratio_q8_0"] == pytest.approx(speeds["q8_0"] / speeds["transformers"])
    taken = found["decode_q8_0_tokens_per_second"] * work.file("q8_0").stat().st_size / 1e9
    assert found["bandwidth_fraction"] == pytest.approx(taken / found["read_gb_per_second"])
    assert "hat binds is" in capsys.readouterr().out


def test_a_whole_answer_and_all_but_its_first_token(inference, monkeypatch):
    answering = sys.modules["answering"]
    now = [0.0]
    monkeypatch.setattr(answering.time, "perf_counter", lambda: now[0])

    def answer(tokens):
        now[0] += 2 + 0.5 * tokens  # the prompt takes two seconds

    found = answering._speeds(answer, 10)
    assert found == {"answer_tokens_per_second": pytest.approx(11 / 7.5), "decode_tokens_per_second": pytest.approx(2.0)}


def test_orders_with_and_without(inference, work):
    found = inference.orders(work, 1)
    assert found["task_gain_over_raw_engine"] == pytest.approx(found["orders_per_second_ours"] / found["orders_per_second_raw"])
    assert 0 <= found["orders_answered_the_same"] <= 1


def test_each_turn_brings_other_orders(inference, work):
    turns = [[messages[-1]["content"] for messages in replace(work, turn=turn).asked()] for turn in (0, 1, 1)]
    assert len(turns[0]) == 2 + sys.modules["answering"].WARM and turns[1] == turns[2] and not set(turns[0]) & set(turns[1])


def test_the_server_beside_its_engine(inference, work):
    found = inference.server(work, 1)
    assert found["server_overhead"] == pytest.approx(found["server_seconds"] / found["engine_seconds"] - 1)
    assert found["first_token_s"] > 0 and found["peak_rss_mb"] > 0


def test_the_crowd(inference, work):
    found = inference.clients(work, 1)
    assert found["clients16_gain"] == pytest.approx(found["clients16_tokens_per_second"] / found["clients1_tokens_per_second"])
    assert found["clients16_requests"] == 2


def test_a_process_that_holds_torch_measures_no_engine(inference, work, monkeypatch):
    """The other tests here measure in processes that hold none, or they would fail."""
    import torch  # noqa: F401

    answering = sys.modules["answering"]
    monkeypatch.setitem(answering.SIDES, "engine", lambda work: {})
    with pytest.raises(SystemExit, match="torch"):
        answering.measure("engine", work)
    assert answering.measure("memory", work)


def test_what_was_found_before_is_kept(inference, tmp_path, monkeypatch, capsys):
    keep = tmp_path / "figures.json"
    keep.write_text('{"decode_ratio_q8_0": 3.0}', encoding="utf-8")
    monkeypatch.setitem(inference.PARTS, "orders", lambda work, rounds: {"task_gain_over_raw_engine": 2.0})
    monkeypatch.setattr(inference, "prepared", lambda folder, model: folder)
    monkeypatch.setattr(sys, "argv", ["inference.py", "--parts", "orders", "--keep", str(keep), "--json"])
    inference.main()
    figures = json.loads(keep.read_text(encoding="utf-8"))
    assert figures == json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]
    assert figures["decode_ratio_q8_0"] == 3.0 and figures["task_gain_over_raw_engine"] == 2.0

"""benchmarks/inference.py on a tiny model: every part measures both of its sides, and the figures are what they are called."""

import sys
from pathlib import Path

import pytest

from smolcourse import hardware


@pytest.fixture
def inference(monkeypatch):
    """The script as a module."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    monkeypatch.delitem(sys.modules, "inference", raising=False)
    import inference

    return inference


def test_turns_are_taken_and_the_first_is_not_timed(inference, monkeypatch):
    clock = iter([0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 9.0])
    monkeypatch.setattr(inference.time, "perf_counter", lambda: next(clock))
    order = []
    assert inference.taking_turns({"a": lambda: order.append("a")}, 3) == {"a": 2.0}
    assert len(order) == 4


def test_decoding_and_its_limits(inference, tiny_model, tiny_gguf, capsys):
    found = inference.decoding(tiny_model, tiny_gguf, tiny_gguf, 1, tokens=4)
    assert found["decode_ratio_q8_0"] == pytest.approx(
        found["decode_q8_0_tokens_per_second"] / found["decode_transformers_tokens_per_second"]
    )
    found |= inference.limits(found, tiny_gguf, tiny_gguf, megabytes=8)
    taken = found["decode_q8_0_tokens_per_second"] * tiny_gguf.stat().st_size / 1e9
    assert found["bandwidth_fraction"] == pytest.approx(taken / found["read_gb_per_second"])
    assert "hat binds is" in capsys.readouterr().out
    hardware.set_threads(1)


def test_orders_with_and_without(inference, tiny_gguf, monkeypatch):
    asked = []
    chat = inference.Engine.chat

    def noted(engine, request):
        asked.append((request["messages"][-1]["content"], request.get("cache_prompt", True)))
        return chat(engine, {**request, "max_tokens": 8})

    monkeypatch.setattr(inference.Engine, "chat", noted)
    found = inference.orders(tiny_gguf, 2, 1)
    assert found["task_gain_over_raw_engine"] == pytest.approx(found["orders_per_second_ours"] / found["orders_per_second_raw"])
    assert len(asked) == 12 and sum(kept for _, kept in asked) == 8
    assert len({order for order, _ in asked}) == 4  # no turn asks for an answer that lookup has seen


def test_the_server_beside_its_engine(inference, tiny_gguf, monkeypatch):
    monkeypatch.setattr(inference, "TOKENS", 8)
    found = inference.overhead(tiny_gguf, 2)
    assert found["server_overhead"] > -1 and set(found) == {"server_overhead", "server_first_token_added_ms"}


def test_the_crowd(inference, tiny_gguf):
    found = dict(inference.crowd(tiny_gguf, (1, 16), requests=2))
    assert found["clients16_gain"] == pytest.approx(found["clients16_tokens_per_second"] / found["clients1_tokens_per_second"])
    assert found["clients16_requests"] == 2

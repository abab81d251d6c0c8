"""The benchmarks of made data, on a few rows: planted junk is found, brute force agrees."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))


def test_planted_junk_is_found_and_good_rows_stay() -> None:
    from planted_junk import figures

    found = figures(good=400, each=18)
    assert found["junk_recall"] >= 0.95 and found["junk_false_drop"] <= 0.05
    assert all(found[f"junk_recall_{kind}"] >= 0.8 for kind in ("wrong_json", "duplicate", "near_duplicate", "leak", "injection"))


def test_minhash_and_brute_force_agree() -> None:
    from synthesis import held_against_brute_force, texts

    found = held_against_brute_force(list(texts(800)))
    assert found["minhash_precision"] == 1.0 and found["minhash_recall"] >= 0.98

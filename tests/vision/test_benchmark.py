"""benchmarks/vision.py on a tiny model: both sides train the same, and what is compared are their medians."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    import vision

    monkeypatch.setattr(vision, "PICTURES_A_STEP", 2)
    return vision


def test_both_sides_train_the_same_model_on_the_same_questions(bench: Any, tiny_vlm: Path, tmp_path: Path) -> None:
    changes = [
        f"model_name_or_path={tiny_vlm}",
        "dtype=float32",
        "int8=false",
        "fused=false",
        "lora_r=4",
        "lora_alpha=8",
        "packed_length=256",
    ]
    ours, plain = (bench.measure(side, 2, changes, tmp_path / side) for side in bench.SIDES)
    assert len(ours["losses"]) == len(plain["losses"]) == 2 + bench.WARM_UP
    assert ours["losses"] == pytest.approx(plain["losses"], rel=1e-3)
    assert ours["trained"] == plain["trained"] > 0
    assert ours["losses"][0] != ours["losses"][-1]


def test_figures_are_ratios_of_medians(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = iter([30.0, 10.0, 90.0, 20.0, 40.0, 5.0])

    def run_side(side: str, steps: int, changes: list[str]) -> dict[str, Any]:
        speed = next(speeds)
        return {"images_per_second": speed, "tokens_per_second": speed, "peak_rss_mb": 100.0, "losses": [4.0, 2.0]}

    monkeypatch.setattr(bench, "run_side", run_side)
    sides = bench.compare(2, 3, [])
    found = bench.figures_of(sides)
    assert found["vlm_ratio"] == 4.0
    assert found["vlm_images_per_second"] == 40.0
    assert found["vlm_images_per_second_plain"] == 10.0
    assert (found["vlm_loss_first"], found["vlm_loss_plain_mean"]) == (4.0, 3.0)
    assert "| ours | 40.00 | 40 | 100 |" in bench.table(sides)

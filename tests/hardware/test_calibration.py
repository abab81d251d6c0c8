"""Dtype and threads follow from a measurement, which is cached for this machine alone."""

import time
from pathlib import Path

import pytest

from smolcourse.hardware import calibration as calibrating
from smolcourse.hardware.calibration import Calibration


@pytest.mark.parametrize(
    ("gflops", "chosen"),
    [
        ({"float32": 250.0, "bfloat16": 120.0, "float16": 400.0}, "float32"),  # float16 overflows in training: never
        ({"float32": 250.0, "bfloat16": 280.0}, "float32"),  # faster, but not clearly
        ({"float32": 250.0, "bfloat16": 900.0}, "bfloat16"),
        ({"float32": 250.0}, "float32"),
    ],
)
def test_dtype_follows_the_measurement(gflops: dict[str, float], chosen: str) -> None:
    assert calibrating.choose_dtype(gflops) == chosen


def test_the_user_decides_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert calibrating.thread_candidates(8) == [8, 4]
    assert calibrating.thread_candidates(2) == [2]
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert calibrating.thread_candidates(8) == [3]


def some_calibration(**changes: object) -> Calibration:
    values = {
        "device": "cpu",
        "threads": 2,
        "dtype": "float32",
        "gflops": {"float32": 100.0},
        "bandwidth": 10.0,
        "busy": False,
        "measured_at": time.time(),
        "key": calibrating.calibration_key(),
    }
    return Calibration(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "home"))
    return calibrating.calibration_file()


def test_calibration_measures_this_machine_and_leaves_the_threads(cache: Path) -> None:
    import torch

    before = torch.get_num_threads()
    calibration = calibrating.calibrate()
    assert calibration.speed > 0.1 and calibration.bandwidth > 0.01
    assert calibration.dtype in ("float32", "bfloat16") and calibration.threads >= 1
    assert torch.get_num_threads() == before
    assert calibrating.cached_calibration() == calibration


def test_calibration_is_cached_for_this_machine_only(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(key: str) -> Calibration:
        measured.append(key)
        return some_calibration(key=key)

    monkeypatch.setattr(calibrating, "_measure", measure)
    calibrating.calibrate()
    calibrating.calibrate()
    assert len(measured) == 1
    calibrating.calibrate(refresh=True)
    assert len(measured) == 2
    monkeypatch.setattr(calibrating, "cpu_name", lambda: "another processor")
    calibrating.calibrate()
    assert len(measured) == 3
    cache.write_text("{broken", encoding="utf-8")
    calibrating.calibrate()
    assert len(measured) == 4


def test_a_calibration_of_a_busy_machine_does_not_last(cache: Path) -> None:
    calibrating._write_calibration(some_calibration(busy=True, measured_at=time.time() - 3600))
    assert calibrating.cached_calibration() is None
    calibrating._write_calibration(some_calibration(busy=False, measured_at=time.time() - 3600))
    assert calibrating.cached_calibration() is not None


def test_an_unwritable_cache_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "file" / "home"))
    calibrating._write_calibration(some_calibration())
    assert calibrating.cached_calibration() is None


def test_the_cache_folder_is_that_of_the_assets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from smolcourse.assets.cache import home

    for value in (str(tmp_path), "~/somewhere", None):
        if value is None:
            monkeypatch.delenv("SMOLCOURSE_HOME", raising=False)
        else:
            monkeypatch.setenv("SMOLCOURSE_HOME", value)
        assert calibrating.calibration_file() == home() / "calibration.json"


@pytest.mark.parametrize(("dtype", "pays"), [("float32", True), ("bfloat16", False)])
def test_int8_is_for_machines_without_units_for_bf16(dtype: str, pays: bool) -> None:
    measured = some_calibration(dtype=dtype, gflops={"float32": 100.0, "bfloat16": 400.0, "int8": 1000.0})
    assert measured.int8_pays == pays

"""Energy is read from counters that wrap around, or estimated and said to be."""

from pathlib import Path

import pytest

from smolcourse.errors import SmolError
from smolcourse.language import set_language
from smolcourse.training import energy
from smolcourse.training.energy import Counter, EnergyMeter, country_code, energy_from


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SMOLCOURSE_COUNTRY", raising=False)
    monkeypatch.delenv("SMOLCOURSE_KWH_PRICE", raising=False)


def counter(root: Path, folder: str, name: str, microjoules: int, top: int = 1_000_000_000) -> Path:
    path = root / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / "name").write_text(name + "\n")
    (path / "max_energy_range_uj").write_text(f"{top}\n")
    (path / "energy_uj").write_text(f"{microjoules}\n")
    return path


def test_packages_and_memory_count_once(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", "package-0", 0)
    counter(tmp_path, "intel-rapl:0:0", "core", 0)
    counter(tmp_path, "intel-rapl:0:1", "dram", 0)
    counter(tmp_path, "intel-rapl:1", "psys", 0)
    counter(tmp_path, "intel-rapl-mmio:0", "package-0", 0)
    assert [one.path.name for one in energy.rapl_counters(tmp_path)] == ["intel-rapl:0", "intel-rapl:0:1"]


def test_counters_only_root_may_read_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter(tmp_path, "intel-rapl:0", "package-0", 0)

    def refuse(self: Counter) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Counter, "read", refuse)
    assert energy.rapl_counters(tmp_path) == []
    assert energy.rapl_counters(tmp_path / "not there") == []


def test_memory_alone_is_no_measurement(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0:1", "dram", 0)
    assert energy.rapl_counters(tmp_path) == []


def test_a_counter_that_wraps_around(tmp_path: Path) -> None:
    one = Counter(counter(tmp_path, "intel-rapl:0", "package-0", 0), top=1_000_000_000)
    assert one.joules(100_000_000, 400_000_000) == pytest.approx(300)
    assert one.joules(900_000_000, 200_000_000) == pytest.approx(300)


def test_the_meter_adds_up_measurements_over_a_wrap_and_a_resume(tmp_path: Path) -> None:
    path = counter(tmp_path, "intel-rapl:0", "package-0", 900_000_000)
    meter = EnergyMeter("VN", before_wh=1.0, powercap=tmp_path)
    (path / "energy_uj").write_text("260000000")  # 360 J later, around the top
    assert meter.read().wh == pytest.approx(1.1)
    (path / "energy_uj").write_text("620000000")
    read = meter.read()
    assert read.wh == pytest.approx(1.2) and read.measured
    assert "RAPL" in str(read)


def test_counters_taken_away_are_replaced_by_the_estimate(tmp_path: Path) -> None:
    path = counter(tmp_path, "intel-rapl:0", "package-0", 0)
    meter = EnergyMeter(powercap=tmp_path)
    (path / "energy_uj").write_text("3600000")
    meter.read()
    (path / "energy_uj").unlink()
    read = meter.read()
    assert not read.measured and read.wh >= 0.001


def test_without_counters_it_is_estimated_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, clock = iter([10.0, 30.0]), iter([100.0, 110.0])
    monkeypatch.setattr(energy, "_processor_seconds", lambda: next(busy))
    monkeypatch.setattr(energy.time, "monotonic", lambda: next(clock))
    read = EnergyMeter("US", powercap=tmp_path).read()
    assert read.wh == pytest.approx((20 * energy.WATTS_PER_BUSY_CORE + 10 * energy.WATTS_REST) / 3600)
    assert not read.measured and "ước tính" in str(read)
    set_language("en")
    assert "estimated" in str(read)


def test_grams_and_cost_follow_the_country() -> None:
    vietnam = energy_from(1000.0, True, "VN")
    assert vietnam.grams_co2 == pytest.approx(659.2) and vietnam.cost == pytest.approx(2204.07) and vietnam.currency == "VND"
    france = energy_from(1000.0, True, "FR")
    assert france.grams_co2 < vietnam.grams_co2 and france.cost is None
    assert "VND" in str(vietnam) and "EUR" not in str(france)


def test_every_figure_has_a_source() -> None:
    for grid in energy.GRIDS.values():
        assert 0 < grid.grams_per_kwh < 1200 and "20" in grid.source
        assert (grid.price is None) == (not grid.currency) == (not grid.price_source)


def test_the_country_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert country_code() == "VN"
    assert country_code("de") == "DE"
    monkeypatch.setenv("SMOLCOURSE_COUNTRY", " fr ")
    assert country_code("de") == "FR"
    monkeypatch.setenv("SMOLCOURSE_COUNTRY", "Atlantis")
    with pytest.raises(SmolError, match="WORLD"):
        country_code()


def test_the_price_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOLCOURSE_KWH_PRICE", "0.30 EUR")
    read = energy_from(500.0, True, "FR")
    assert read.cost == pytest.approx(0.15) and read.currency == "EUR"
    monkeypatch.setenv("SMOLCOURSE_KWH_PRICE", "a lot")
    with pytest.raises(SmolError, match="SMOLCOURSE_KWH_PRICE"):
        energy_from(500.0, True, "FR")


@pytest.mark.parametrize(("cost", "text"), [(11.4, "11 VND"), (2204.07, "2204 VND"), (0.00052, "0.00052 VND"), (1.25, "1.2 VND")])
def test_small_sums_keep_their_digits(cost: float, text: str) -> None:
    assert energy.format_cost(cost, "VND") == text

"""Energy of a run: measured where the processor tells, estimated where it does not, and always labelled which.

Measured: the RAPL counters of Intel and AMD processors (Linux `powercap`), in microjoules, of the whole processor package and its
memory, so other programs count in. Recent kernels let only root read them.

Estimated: processor seconds of this process x `WATTS_PER_BUSY_CORE` + seconds x `WATTS_REST`. The assumption is a laptop
processor of the 28 W class (Intel's base power of its P series) with four performance cores at work: 7 W a core. A 15 W laptop
takes less, a server core about the same; expect the truth within a factor of two. Screen, charger losses and a GPU are not
in it.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from smolcourse.errors import SmolError
from smolcourse.language import tr

WATTS_PER_BUSY_CORE = 7.0
WATTS_REST = 3.0  # memory and board of a laptop while computing: about 3 W for 8 GB and the voltage regulators
DEFAULT_COUNTRY = "VN"
_POWERCAP = Path("/sys/class/powercap")
_JOULES_PER_WH = 3600.0


@dataclass(frozen=True)
class Grid:
    """Electricity of a country. `price` is None where we have no figure with a source; SMOLCOURSE_KWH_PRICE sets one."""

    grams_per_kwh: float  # g CO2 (equivalents) per kWh
    source: str
    price: float | None = None  # of one kWh
    currency: str = ""
    price_source: str = ""


_OWID = "Our World in Data, from Ember and Energy Institute, year 2023"
_EMBER = "Ember, Global Electricity Review 2024, year 2023"
GRIDS: dict[str, Grid] = {
    "AU": Grid(549, _OWID),
    "BR": Grid(98, _OWID),
    "CN": Grid(582, _OWID),
    "DE": Grid(381, _OWID, 0.402, "EUR", "Eurostat, households, second half of 2023"),
    "FR": Grid(56, _OWID),
    "IN": Grid(713, _EMBER),
    "US": Grid(369, _EMBER, 0.16, "USD", "EIA, residential average 2023"),
    "VN": Grid(
        659.2,
        "Viet Nam Department of Climate Change, grid emission factor 2023",
        2204.07,
        "VND",
        "Decision 1279/QD-BCT, average retail price from 10 May 2025, without VAT",
    ),
    "WORLD": Grid(481, _EMBER),
}


@dataclass(frozen=True)
class Energy:
    """Energy of a stretch of time and what follows from it."""

    wh: float
    measured: bool  # True: RAPL; False: estimated
    country: str
    grams_co2: float
    cost: float | None
    currency: str

    @property
    def label(self) -> str:
        """Whether the figure was measured, in the language in use."""
        return tr("đo bằng RAPL", "measured, RAPL") if self.measured else tr("ước tính", "estimated")

    def __str__(self) -> str:
        text = f"{self.wh:.2f} Wh ({self.label}), {self.grams_co2:.1f} g CO₂ ({self.country})"
        return f"{text}, {format_cost(self.cost, self.currency)}" if self.cost is not None else text


def country_code(setting: str | None = None) -> str:
    """The country whose grid counts: the environment's SMOLCOURSE_COUNTRY, else the setting (a recipe's `country`), else VN.

    Raises:
        SmolError: a country that is not in the table.
    """
    code = (os.environ.get("SMOLCOURSE_COUNTRY") or setting or DEFAULT_COUNTRY).strip().upper()
    if code not in GRIDS:
        known = ", ".join(GRIDS)
        raise SmolError(
            f"chưa có số liệu điện của {code!r}; có: {known}",
            f"no electricity figures for {code!r}; known: {known}",
            where="country",
            fix="country=WORLD",
        )
    return code


def energy_from(wh: float, measured: bool, country: str = DEFAULT_COUNTRY) -> Energy:
    """g CO2 and cost of an amount of energy."""
    grid = GRIDS[country]
    price, currency = _own_price() or (grid.price, grid.currency)
    kwh = wh / 1000
    return Energy(wh, measured, country, kwh * grid.grams_per_kwh, None if price is None else kwh * price, currency)


def format_cost(cost: float, currency: str) -> str:
    """A cost with as many digits as a small sum needs: `11 VND`, `0.0005 EUR`."""
    return f"{cost:.0f} {currency}" if cost >= 10 else f"{cost:.2g} {currency}"


def _own_price() -> tuple[float, str] | None:
    """SMOLCOURSE_KWH_PRICE, such as `0.30 EUR` or `2500`."""
    text = os.environ.get("SMOLCOURSE_KWH_PRICE", "").strip()
    if not text:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([^\W\d]*)", text)
    if not match:
        raise SmolError(
            f"không hiểu giá điện {text!r}",
            f"cannot read the price {text!r}",
            where="SMOLCOURSE_KWH_PRICE",
            fix="SMOLCOURSE_KWH_PRICE='0.30 EUR'",
        )
    return float(match[1]), match[2] or "VND"


# ---------------------------------------------------------------- meter


class EnergyMeter:
    """Counts from its creation, or goes on from what an interrupted run had used.

    Args:
        country: a key of `GRIDS`, already checked by `country_code`.
        before_wh: energy of the part of the run before a resume.
        processor_seconds: of the programs that an estimate is of; this process without.
    """

    def __init__(
        self,
        country: str = DEFAULT_COUNTRY,
        *,
        before_wh: float = 0.0,
        powercap: Path = _POWERCAP,
        processor_seconds: Callable[[], float] | None = None,
    ) -> None:
        self.country = country
        self._busy_seconds = processor_seconds or _processor_seconds
        self._joules = before_wh * _JOULES_PER_WH
        self._counters = rapl_counters(powercap)
        self._last = [counter.read() for counter in self._counters]
        self.measured = bool(self._counters)
        self._clock = time.monotonic()
        self._busy = self._busy_seconds()

    def read(self) -> Energy:
        """Energy so far. Read it at least once a minute: a counter wraps around after minutes to hours at full load."""
        clock, busy = time.monotonic(), self._busy_seconds()
        estimate = estimated_joules(clock - self._clock, busy - self._busy)
        if self.measured:
            try:
                now = [counter.read() for counter in self._counters]
            except (OSError, ValueError):  # taken away meanwhile: go on by estimate, and say so
                self.measured = False
            else:
                estimate = sum(
                    counter.joules(before, after) for counter, before, after in zip(self._counters, self._last, now, strict=True)
                )
                self._last = now
        self._joules += estimate
        self._clock, self._busy = clock, busy
        return energy_from(self._joules / _JOULES_PER_WH, self.measured, self.country)


def estimated_joules(seconds: float, processor_seconds: float) -> float:
    """The estimate of the module's head, in joules."""
    return processor_seconds * WATTS_PER_BUSY_CORE + seconds * WATTS_REST


def estimated_wh(seconds: float, busy_cores: float) -> float:
    """Energy of a run before it starts, in Wh: `busy_cores` at work for `seconds`."""
    return estimated_joules(seconds, seconds * busy_cores) / _JOULES_PER_WH


@dataclass(frozen=True)
class Counter:
    """One RAPL counter: microjoules that wrap around at `top`."""

    path: Path
    top: int

    def read(self) -> int:
        """Microjoules now."""
        return int((self.path / "energy_uj").read_text())

    def joules(self, before: int, after: int) -> float:
        """Joules between two readings, across at most one wrap."""
        return ((after - before) if after >= before else (after + self.top - before)) / 1e6


def rapl_counters(powercap: Path = _POWERCAP) -> list[Counter]:
    """Readable counters of processor packages and of their memory; empty where there are none or only root may read them.

    `package` holds its cores and on-chip GPU, `dram` stands beside it though its folder lies within; `psys` (the whole
    board) overlaps both and is left out. The `mmio` interface repeats the package, so only `intel-rapl:` folders count.
    """
    counters = []
    for folder in sorted(powercap.glob("intel-rapl:*")):
        with contextlib.suppress(OSError, ValueError):
            name = (folder / "name").read_text().strip()
            if name.startswith("package") or name == "dram":
                counter = Counter(folder, int((folder / "max_energy_range_uj").read_text()))
                counter.read()
                counters.append(counter)
    return counters if any((counter.path / "name").read_text().startswith("package") for counter in counters) else []


def _processor_seconds() -> float:
    times = psutil.Process().cpu_times()
    return float(times.user + times.system)

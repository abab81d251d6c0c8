"""Does a model look at the picture? What it scores seeing, held against the same questions blind and with other pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from smolcourse.evaluation.compare import TaskResult, lower_is_better
from smolcourse.evaluation.statistics import Interval, paired_difference
from smolcourse.evaluation.tasks import Task


class _Row(Protocol):
    @property
    def task(self) -> Task: ...
    @property
    def results(self) -> list[TaskResult]: ...


@dataclass(frozen=True)
class Sight:
    """What one model gains by the right picture: its score minus that of the baseline, item by item."""

    task: str
    baseline: str
    model: str
    metric: str
    seeing: Interval
    without: Interval
    gain: Interval
    """Above 0 where the picture helps, whatever the metric."""

    @property
    def looks(self) -> bool:
        """Whether the picture helps, and not by chance."""
        return self.gain.low > 0


def sights(rows: Sequence[_Row]) -> Iterator[Sight]:
    """For each baseline and each model, what the right picture adds."""
    by_name = {row.task.name: row for row in rows}
    for row in rows:
        if (whole := by_name.get(row.task.baseline_of)) is None:
            continue
        for seeing, without in zip(whole.results, row.results, strict=True):
            pair = (seeing, without) if lower_is_better(seeing.metric) else (without, seeing)
            gain = paired_difference(*(one.values() for one in pair), weights=seeing.weights(), groups=seeing.groups())
            yield Sight(whole.task.name, row.task.name, seeing.model, seeing.metric, seeing.interval(), without.interval(), gain)

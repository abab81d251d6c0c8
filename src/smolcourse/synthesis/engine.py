"""Runs a pipeline: each step's calls, many at once while they wait for answers. A stop at any point costs nothing.

The run's folder:

    pipeline.yaml          what was run, all settings resolved
    answers.jsonl          every answer that a model gave, with its question: on the disk before it is used
    steps/NAME-HASH.jsonl  the rows of a step, dropped ones too; HASH differs for each version of the step
    state.json             which of these files are the current ones, and what came of each step
    data.jsonl             the rows of the last step, ready to train on
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from smolcourse.errors import SmolError
from smolcourse.synthesis.asking import ANSWERS, Asker, Journal, Pending
from smolcourse.synthesis.calls import Call, Running, Spread, replayed
from smolcourse.synthesis.ledger import StepFile, StoredRows
from smolcourse.synthesis.limits import Meter
from smolcourse.synthesis.opening import open_sources
from smolcourse.synthesis.pipeline import Pipeline, Step
from smolcourse.synthesis.results import Outcome, StepReport, describe, step_file, write_data, write_state
from smolcourse.synthesis.rows import Ask, Draft, Row, Unanswered, digest
from smolcourse.synthesis.sources import Source
from smolcourse.training.durable import mendable

Tell = Callable[[str, int, int], None]
"""Called with a step's name, how many of its calls are done, and how many there are."""

_TOGETHER = 512  # rows of a step without questions that are written at once: losing them costs a moment


def run(
    pipeline: Pipeline,
    folder: Path,
    *,
    sources: Mapping[str, Source] | None = None,
    answers: Path | None = None,
    tell: Tell = lambda name, done, total: None,
    spread: Spread | None = None,
) -> Outcome:
    """Makes what is not there yet. The same call again goes on where the last one stopped, for whatever reason.

    Args:
        sources: who answers, by name, instead of those that the pipeline names.
        answers: the file of another run whose answers this one shares; the caller keeps others out of it.
        spread: makes the calls of steps that take a row and ask nothing; None makes them here, one by one.

    Raises:
        SmolError: the folder is in use or cannot be written, a model cannot be loaded, a step wants a field that rows lack.
    """
    with locked(folder):
        return _run(pipeline, folder, sources, answers or folder / ANSWERS, tell, spread)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder, and keeps other commands out of it."""
    with mendable(folder):
        (folder / "steps").mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            yield
    except Timeout:
        raise SmolError(
            "một lệnh khác đang chạy pipeline này", "another command is running this pipeline", where=str(folder)
        ) from None


def _run(
    pipeline: Pipeline, folder: Path, given: Mapping[str, Source] | None, answers: Path, tell: Tell, spread: Spread | None
) -> Outcome:
    describe(pipeline, folder)
    journal = Journal(answers)
    meter = Meter(pipeline.budget, journal.requests, journal.tokens, journal.usd)
    sources = given if given is not None else open_sources(pipeline.sources, meter)
    made: dict[str, StoredRows] = {}
    reports: list[StepReport] = []
    try:
        for step in pipeline.steps:
            source = sources.get(pipeline.source_of(step))
            parents = sum((made[name] for name in step.after), StoredRows([]))
            report, made[step.name] = _make(step, parents, source, journal, pipeline.seed, folder, tell, spread)
            reports.append(report)
            write_state(folder, "running", reports)
        rows = write_data(folder, made[pipeline.steps[-1].name])
    finally:
        for source in sources.values():
            source.close()
        journal.close()
    outcome = Outcome(folder, reports, rows, meter.requests, meter.tokens, meter.usd, meter.doubtful)
    write_state(folder, "finished" if outcome.whole else "partial", reports)
    return outcome


def _make(
    step: Step,
    parents: StoredRows,
    source: Source | None,
    journal: Journal,
    seed: int,
    folder: Path,
    tell: Tell,
    spread: Spread | None,
) -> tuple[StepReport, StoredRows]:
    """All rows of one step."""
    began = time.monotonic()
    version = step.fingerprint(seed, source.identity if source else "")
    name = step_file(step, version)
    file = StepFile(folder / name)
    report = StepReport(step.name, name)
    work = _Work(step, seed, file, report, tell)
    try:
        units = step.units(version, parents)
        report.units = len(units)
        todo = work.todo(units, parents)
        if step.asks and source:
            asker = Asker(source, journal, seed)
            try:
                work.asking(todo, asker)
            finally:
                report.fresh, report.remembered = asker.fresh, asker.remembered
        elif spread and step.takes == "row":
            work.elsewhere(todo, spread)
        else:
            work.plain(todo)
        report.kept, report.dropped = file.tally(units)
        report.seconds = round(time.monotonic() - began, 3)
        return report, file.rows(units)
    finally:
        file.close()


@dataclass(eq=False)
class _Unit:
    """One call of a step's function while it runs. `written`: rows of it that an earlier run, stopped in the middle, has left."""

    key: str
    parents: tuple[str, ...]
    call: Call
    running: Running
    written: int
    place: int = 0
    held: list[Row] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    waiting: list[Pending] = field(default_factory=list)


class _Work:
    """The calls of one step."""

    def __init__(self, step: Step, seed: int, file: StepFile, report: StepReport, tell: Tell) -> None:
        self.step, self.seed, self.file, self.report, self.tell = step, seed, file, report, tell
        self.done = 0

    def todo(self, units: Sequence[str], parents: StoredRows) -> Iterator[_Unit]:
        """The calls that are not there yet, each begun only when it is taken."""
        if self.step.takes == "row":
            for unit, row in zip(units, parents, strict=True):
                if self.file.is_complete(unit):
                    self._count()
                else:
                    yield self._begin(unit, (row.key,), [row], row.data)
        elif self.file.is_complete(units[0]):
            self._count()
        else:
            yield self._begin(units[0], (), [parents] if self.step.takes == "rows" else [], None)

    def _begin(self, unit: str, parents: tuple[str, ...], given: list[Any], data: Any) -> _Unit:
        # From what the row says, not from its key: new code must not make other draws, and so other, unpaid questions.
        drawn = digest(self.seed, self.step.name, data) if self.step.draws else None
        call = Call(self.step.function, tuple(given), self.step.settings, drawn)
        self.report.redone += 1
        return _Unit(unit, parents, call, call.begin(), self.file.count(unit))

    def plain(self, todo: Iterator[_Unit]) -> None:
        """Calls without questions, one by one."""
        for unit in todo:
            self._advance(unit, None)

    def elsewhere(self, todo: Iterator[_Unit], spread: Spread) -> None:
        """Calls without questions in other processes; what they made is written here, in the order of the rows."""
        sent: deque[_Unit] = deque()

        def calls() -> Iterator[Call]:
            for unit in todo:
                sent.append(unit)
                yield unit.call

        for made in spread(calls()):
            unit = sent.popleft()
            unit.running = replayed(made)
            self._advance(unit, None)

    def asking(self, todo: Iterator[_Unit], asker: Asker) -> None:
        """As many calls at once as the source wants questions; which one is answered first makes no difference to any of them."""
        live: list[_Unit] = []
        more = True
        while live or more:
            while more and len(live) < asker.source.together:
                unit = next(todo, None)
                more = unit is not None
                if unit and not self._advance(unit, asker):
                    live.append(unit)
            if live and not any(_is_ready(unit) for unit in live):
                asker.progress()
            live = [unit for unit in live if not (_is_ready(unit) and self._advance(unit, asker))]

    def _advance(self, unit: _Unit, asker: Asker | None) -> bool:
        """Takes a call as far as it goes without an answer. True when it has ended."""
        try:
            given = self._resume(unit)
            while True:
                if isinstance(given, Draft):
                    self._hold(unit, given)
                    given = next(unit.running)
                    continue
                if asker is None:
                    raise TypeError(f"{self.step.name} asks, but its return annotation is not Making")
                unit.waiting = [asker.ask(one) for one in given]
                if not _is_ready(unit):
                    return False
                given = self._resume(unit)
        except StopIteration:
            self.file.add(unit.key, unit.held, last=True)
        except Unanswered as error:
            if self.step.takes != "row":  # what a long call made until here is of use already
                self.file.add(unit.key, unit.held, last=False)
            self.report.failed += 1
            self.report.error = self.report.error or str(error)
        except KeyError as error:
            raise SmolError(
                f"bước {self.step.name} cần trường {error}, mà hàng của bước trước không có",
                f"the step {self.step.name} needs the field {error}, which rows of the step before lack",
                where=", ".join(self.step.after) or self.step.name,
            ) from error
        self._count()
        return True

    def _resume(self, unit: _Unit) -> Draft | list[Ask]:
        """Hands over what the call was waiting for."""
        waiting, unit.waiting = unit.waiting, []
        if not waiting:
            return next(unit.running)
        if lost := next((one.error for one in waiting if one.error), None):
            return unit.running.throw(lost)
        answers = [one.answer for one in waiting if one.answer]
        unit.answers += [answer.key for answer in answers]
        return unit.running.send(answers)

    def _hold(self, unit: _Unit, draft: Draft) -> None:
        """One row is held back: the last of a call says so, and until then nobody knows which it is."""
        place, unit.place = unit.place, unit.place + 1
        if place < unit.written:
            return
        if len(unit.held) >= _TOGETHER:
            self.file.add(unit.key, unit.held, last=False)
            unit.held = []
        parents = draft.parents or unit.parents
        key = digest(unit.key, place)
        unit.held.append(Row(key, draft.data, draft.scores, parents, tuple(unit.answers), draft.dropped))

    def _count(self) -> None:
        self.done += 1
        self.tell(self.step.name, self.done, self.report.units)


def _is_ready(unit: _Unit) -> bool:
    return all(one.settled for one in unit.waiting)

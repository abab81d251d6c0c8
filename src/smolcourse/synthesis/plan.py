"""What a pipeline will ask and cost, before it asks: every step is called on a few rows, with stand-ins for the answers.

Numbers of questions and rows are upper bounds, since nobody knows yet what will be dropped; tokens of answers are what the steps
allow. What earlier runs have made and paid for counts as it is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from smolcourse.synthesis.asking import ANSWERS, Asker, Journal, key_of
from smolcourse.synthesis.engine import locked
from smolcourse.synthesis.ledger import StepFile, StoredRows
from smolcourse.synthesis.limits import Meter, guess_tokens
from smolcourse.synthesis.opening import open_sources
from smolcourse.synthesis.pipeline import Pipeline, SourceSettings, Step
from smolcourse.synthesis.results import step_file
from smolcourse.synthesis.rows import Answer, Ask, Draft, Row, digest
from smolcourse.synthesis.sources import Local, Source

_SAMPLE = 24  # rows that stand for all rows of a step
_PILOT = 16  # questions that a local model is timed with; their answers are kept


@dataclass(frozen=True)
class StepPlan:
    """Attributes:
    units: calls of the step's function.
    questions: to its source that are not answered yet.
    prompt_tokens, completion_tokens: of these questions, and at most of their answers.
    rows: at most.
    seconds: as far as it is known: by the server's limits, or by timing a local model.
    made: whether it is all there already.
    """

    name: str
    units: int
    questions: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    rows: int = 0
    usd: float = 0.0
    seconds: float | None = 0.0
    made: bool = False


@dataclass(frozen=True)
class _Guess:
    """Rows of a step that is not made yet: a few of them, and how many there will be."""

    sample: Sequence[Row]
    count: int


def plan(pipeline: Pipeline, folder: Path, *, sources: Mapping[str, Source] | None = None) -> list[StepPlan]:
    """What is still to do. Servers are asked nothing; a local model is timed with a few of its questions.

    Raises:
        SmolError: the folder is in use, a model cannot be found or loaded.
    """
    with locked(folder):
        journal = Journal(folder / ANSWERS)
        opened = sources if sources is not None else open_sources(pipeline.sources, Meter(pipeline.budget))
        try:
            known: dict[str, StoredRows | _Guess] = {}
            plans = []
            for step in pipeline.steps:
                source = opened.get(pipeline.source_of(step))
                parents = [known[name] for name in step.after]
                found = _made(pipeline, step, source, parents, folder)
                if found:
                    units, known[step.name] = found
                    plans.append(StepPlan(step.name, units, rows=len(found[1]), made=True))
                else:
                    one, known[step.name] = _expected(pipeline, step, source, parents, journal)
                    plans.append(one)
            return plans
        finally:
            for one_source in opened.values():
                one_source.close()
            journal.close()


def _made(
    pipeline: Pipeline, step: Step, source: Source | None, parents: Sequence[StoredRows | _Guess], folder: Path
) -> tuple[int, StoredRows] | None:
    """The number of calls and the rows, if a run has made them all."""
    rows = StoredRows([])
    for one in parents:
        if not isinstance(one, StoredRows):
            return None
        rows += one
    version = step.fingerprint(pipeline.seed, source.identity if source else "")
    path = folder / step_file(step, version)
    if not path.exists():
        return None
    units = step.units(version, rows)
    file = StepFile(path)
    try:
        return (len(units), file.rows(units)) if all(map(file.is_complete, units)) else None
    finally:
        file.close()


def _expected(
    pipeline: Pipeline, step: Step, source: Source | None, parents: Sequence[StoredRows | _Guess], journal: Journal
) -> tuple[StepPlan, _Guess]:
    rows = [row for one in parents for row in islice(one.sample if isinstance(one, _Guess) else one, _SAMPLE)]
    count = sum(one.count if isinstance(one, _Guess) else len(one) for one in parents)
    asks: list[Ask] = []
    sample: list[Row] = []
    made = 0
    given: list[tuple[Any, ...]] = (
        [(row,) for row in rows] if step.takes == "row" else [(rows,)] if step.takes == "rows" else [()]
    )
    for parts in given:
        for draft in _drive(step, parts, pipeline.seed, asks):
            if len(sample) < _SAMPLE:
                sample.append(Row(digest(step.name, made), draft.data, draft.scores, draft.parents))
            made += 1
    per_row = step.takes == "row" or (step.takes == "rows" and not step.asks)
    scale = count / len(rows) if per_row and rows else 1.0
    settings = pipeline.sources.get(pipeline.source_of(step))
    fresh = [one for one in asks if source is None or key_of(one, source.identity, pipeline.seed)[0] not in journal]
    questions = round(len(fresh) * scale)
    prompt = round(sum(guess_tokens(one.messages) for one in fresh) * scale)
    completion = round(sum(one.max_new_tokens for one in fresh) * scale)
    usd, seconds = _cost(settings, pipeline.sources, questions, prompt, completion) if settings else (0.0, None)
    if isinstance(source, Local) and fresh:
        seconds = _timed(fresh[:_PILOT], source, journal, pipeline.seed) * questions
    units = count if step.takes == "row" else 1
    total = round(made * scale)
    return StepPlan(step.name, units, questions, prompt, completion, total, usd, seconds if asks else 0.0), _Guess(sample, total)


def _drive(step: Step, parts: tuple[Any, ...], seed: int, asks: list[Ask]) -> Iterator[Draft]:
    """One call with stand-ins for answers; its questions are added to `asks`."""
    settings = dict(step.settings)
    if step.draws:
        settings["draw"] = Random(digest(seed, step.name, parts[0].data if step.takes == "row" else None))
    call = step.function(*parts, **settings)
    reply: list[Answer] | None = None
    while True:
        try:
            given = next(call) if reply is None else call.send(reply)
        except StopIteration:
            return
        except (KeyError, ValueError, IndexError):  # a stand-in is no answer: what follows from it is not known
            return
        reply = None
        if isinstance(given, Draft):
            yield given
        else:
            asks += given
            reply = [Answer("", one.like, "") for one in given]


def _cost(
    settings: SourceSettings, sources: Mapping[str, SourceSettings], questions: int, prompt: int, completion: int
) -> tuple[float, float | None]:
    """USD, and the seconds that the servers' limits ask for; None if there are none. Members of a pool take equal parts."""
    members = [sources[name] for name in settings.pool] or [settings]
    share = 1 / len(members)
    usd = sum(share * (prompt * one.price[0] + completion * one.price[1]) / 1e6 for one in members)
    waits = [
        share * 60 * amount / limit
        for one in members
        for amount, limit in ((questions, one.requests_per_minute), (prompt + completion, one.tokens_per_minute))
        if limit
    ]
    return usd, max(waits, default=None)


def _timed(asks: Sequence[Ask], source: Local, journal: Journal, seed: int) -> float:
    """Seconds a question, by answering a few; loading is not counted."""
    asker = Asker(source, journal, seed)
    source.load()
    began = time.monotonic()
    pending = [asker.ask(one) for one in asks]
    while not all(one.settled for one in pending):
        asker.progress()
    return (time.monotonic() - began) / len(asks)

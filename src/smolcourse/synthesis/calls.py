"""One call of a step's function: what it takes to make it, here or in another process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from smolcourse.synthesis.functions import StepFunction
from smolcourse.synthesis.rows import Answer, Ask, Draft

Running = Generator[Draft | list[Ask], list[Answer], None]


@dataclass(frozen=True)
class Call:
    """Attributes:
    given: the row, or the rows, that the function gets; empty for one that begins a pipeline.
    drawn: the seed of its random draws; None for a function that wants none.
    """

    function: StepFunction
    given: tuple[Any, ...]
    settings: Mapping[str, Any]
    drawn: str | None

    def begin(self) -> Running:
        """The call, before its first draft."""
        draw = {} if self.drawn is None else {"draw": Random(self.drawn)}
        begun: Running = self.function(*self.given, **self.settings, **draw)
        return begun


Made = list[Draft | list[Ask]] | Exception
"""All that a call made without an answer, or what went wrong in it."""

Spread = Callable[[Iterable[Call]], Iterator[Made]]
"""Makes calls without questions elsewhere, many at once; yields what came of each, in the order in which they were given."""


def made_by(call: Call) -> Made:
    """Makes a call without questions from its beginning to its end; one that asks all the same, until it does."""
    made: list[Draft | list[Ask]] = []
    try:
        for given in call.begin():
            made.append(given)
            if not isinstance(given, Draft):
                break
    except Exception as error:
        return error
    return made


def replayed(made: Made) -> Running:
    """A call that was made elsewhere, as if it ran here."""
    if isinstance(made, Exception):
        raise made
    yield from made

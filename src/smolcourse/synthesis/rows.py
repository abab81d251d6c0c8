"""What a row is and what a step is: all that a function which makes data has to know.

A row is data with its history: what it says, which rows it came from, what it scored, which answers it was made of.

A step is a plain generator function. It yields drafts, which become rows, and questions, for which it gets answers back:

    def shorten(row: Row, draw: Random, *, words: int = 20) -> Making:
        text = yield from said(f"Viết lại trong {words} từ: {row.data['text']}")
        if len(text.split()) > words:
            yield drop(row, "too long")
        else:
            yield keep(row, text=text)

Its first parameter says what it is given: `row` one row at a time, `rows` all of them (a sequence that streams from the disk:
go through it rather than copy it), neither for a step that begins a pipeline. `draw: Random` is optional. Keyword-only
parameters are its settings: their types and defaults are the schema of the recipe's YAML; one of type `Path` is a file beside
the recipe, and counts by its content. The return annotation says whether it asks a model: `Making` does, `Iterator[Draft]` does
not.

Nothing else is needed, in particular no state and no clock: the same rows, draws and answers must give the same drafts in the
same order, for a stopped run is resumed by calling the function again.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Literal

from smolcourse.data.templates import Message

Data = dict[str, Any]
"""What a row says. Names that methods share: `instruction`, `response` and `system` for one exchange; `messages` for a
conversation; `prompt`, `chosen`, `rejected` for a pair; `text` and `where` for a passage of a document; `topic`, `persona`;
`responses` for several answers to one instruction. `data.formats.to_native` turns the first three kinds into rows to train
on."""

Scores = dict[str, float]


@dataclass(frozen=True)
class Row:
    """One line of a step's file.

    Attributes:
        key: content hash of the step's code, its settings, the seed, the parents' keys, and the place among what came of them.
        data: what it says; see `Data`.
        scores: by name; a child made by `keep` has its parent's too.
        parents: keys of the rows it was made from, in the steps before.
        answers: keys of the model's answers it was made from, in `answers.jsonl`: there stand model, prompt, seed and settings.
        dropped: why it goes no further; None for a row that does.
    """

    key: str
    data: Data
    scores: Scores = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    dropped: str | None = None


@dataclass(frozen=True)
class Draft:
    """A row as a step yields it; the engine adds the rest. `parents` may be left empty by a step that is given one row."""

    data: Data
    scores: Scores = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    dropped: str | None = None


def keep(row: Row, scores: Mapping[str, float] | None = None, /, **changes: Any) -> Draft:
    """The row goes on, with these scores and changed fields."""
    return Draft({**row.data, **changes}, {**row.scores, **(scores or {})}, (row.key,))


def drop(row: Row, reason: str, scores: Mapping[str, float] | None = None, /, **changes: Any) -> Draft:
    """The row stays in this step's file and goes no further. `reason`: a short English name, the same for all rows it fits."""
    return Draft({**row.data, **changes}, {**row.scores, **(scores or {})}, (row.key,), reason)


@dataclass(frozen=True)
class Ask:
    """A question to the step's model.

    Attributes:
        messages: the conversation so far; for `opens="user"` at most a system message.
        temperature: 0 for the most likely answer.
        draw: which of several answers to the same question; it changes the seed, and nothing at temperature 0.
        opens: whose turn the model writes. "user" is for local models only (Magpie).
        like: an answer of the kind that is hoped for, for `--plan`, which asks nobody.
    """

    messages: tuple[Message, ...]
    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    draw: int = 0
    opens: Literal["assistant", "user"] = "assistant"
    like: str = "…"


@dataclass(frozen=True)
class Answer:
    """What came back, and from whom."""

    key: str
    text: str
    model: str


class Unanswered(Exception):
    """A question that stayed without an answer: the server failed, or the budget is spent.

    It is raised where the step asked. A step need not catch it: what it was working on is then left for the next run.
    """


Making = Generator[Draft | list[Ask], list[Answer], None]
"""What a step that asks returns."""


def ask(prompt: str, /, *, system: str | None = None, **settings: Any) -> Ask:
    """A question of one user message."""
    first: list[Message] = [{"role": "system", "content": system}] if system else []
    return Ask((*first, {"role": "user", "content": prompt}), **settings)


def said(prompt: str | Ask, /, **settings: Any) -> Generator[Draft | list[Ask], list[Answer], str]:
    """`text = yield from said("...")`: one question, and the text of its answer without spaces around it."""
    answers = yield [ask(prompt, **settings) if isinstance(prompt, str) else prompt]
    return answers[0].text.strip()


def said_all(asks: Sequence[Ask]) -> Generator[Draft | list[Ask], list[Answer], list[str]]:
    """Several questions at once, and the texts of their answers in the same order."""
    answers = yield list(asks)
    return [answer.text.strip() for answer in answers]


def digest(*parts: Any) -> str:
    """32 hexadecimal digits that differ when the parts, plain JSON values, do."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def drafts_of(step: Generator[Draft | list[Ask], list[Answer], None] | Iterator[Draft], answers: Any = None) -> list[Draft]:
    """Runs one call of a step by hand, for tests and lessons.

    Args:
        answers: `(ask) -> text`, asked for every question; needed only by a step that asks.
    """
    made: list[Draft] = []
    reply: list[Answer] | None = None
    while True:
        try:
            given = next(step) if reply is None else step.send(reply)  # type: ignore[union-attr]
        except StopIteration:
            return made
        if isinstance(given, Draft):
            made.append(given)
            reply = None
        else:
            reply = [Answer("", answers(one), "by hand") for one in given]

"""Questions to a source: what has been answered is not asked again, and an answer is on the disk before it is used."""

from __future__ import annotations

import dataclasses
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

from smolcourse.synthesis.ledger import Ledger, read_at
from smolcourse.synthesis.limits import Usage
from smolcourse.synthesis.rows import Answer, Ask, Unanswered, digest
from smolcourse.synthesis.sources import Request, Source

ANSWERS = "answers.jsonl"


class Journal:
    """All answers of a run, by the content of the question: `answers.jsonl`."""

    def __init__(self, path: Path) -> None:
        self.requests, self.tokens, self.usd = 0, 0, 0.0
        self._ledger = Ledger(path)
        self._places: dict[str, int] = {}
        self._lock = threading.Lock()
        for place, line in self._ledger.lines():
            if isinstance(line.get("key"), str) and isinstance(line.get("text"), str):
                self._places[line["key"]] = place
                self.requests += 1
                self.tokens += line.get("prompt_tokens", 0) + line.get("completion_tokens", 0)
                self.usd += line.get("usd", 0.0)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> Answer | None:
        """What was answered, or None."""
        if key not in self._places:
            return None
        line = self.line(key)
        return Answer(key, line["text"], line["model"])

    def line(self, key: str) -> dict[str, Any]:
        """The answer with the question, the settings and what it took."""
        return next(read_at(self._ledger.path, [self._places[key]]))

    def add(self, request: Request, text: str, model: str, usage: Usage, seconds: float) -> None:
        """Writes an answer and waits until it is on the disk."""
        asked = dataclasses.asdict(request.ask)
        del asked["like"]
        line = {
            "key": request.key,
            "text": text,
            "model": model,
            "asked": {**asked, "seed": request.seed},
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "usd": usage.usd,
            "doubtful": usage.doubtful,
            "seconds": round(seconds, 3),
            "at": round(time(), 3),
        }
        with self._lock:
            [self._places[request.key]] = self._ledger.append([line])

    def close(self) -> None:
        """Closes the file."""
        self._ledger.close()


@dataclasses.dataclass(eq=False)
class Pending:
    """A question of a step: `answer` or `error` is set once it is settled."""

    answer: Answer | None = None
    error: Exception | None = None

    @property
    def settled(self) -> bool:
        """Whether there is anything to go on with."""
        return self.answer is not None or self.error is not None


def key_of(ask: Ask, identity: str, seed: int) -> tuple[str, int]:
    """The key under which an answer is kept, and the seed it is drawn with.

    Both follow from the question, the model and the run's seed alone, not from the step's code: a step that is changed pays only
    for the questions that it did not ask before.
    """
    parts = [identity, list(ask.messages), ask.max_new_tokens, ask.temperature, ask.top_p, ask.opens]
    drawn = digest(*parts, seed, ask.draw) if ask.temperature else digest(*parts)
    return drawn, int(drawn[:8], 16) >> 1


class Asker:
    """Asks a source through a journal. Used from one thread; answers come from others."""

    def __init__(self, source: Source, journal: Journal, seed: int) -> None:
        self.source, self.fresh, self.remembered, self.failed = source, 0, 0, 0
        self._journal, self._seed = journal, seed
        self._settled: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._on_their_way: dict[str, Pending] = {}

    def ask(self, ask: Ask) -> Pending:
        """Sends a question off, unless it was answered before or is already on its way."""
        key, seed = key_of(ask, self.source.identity, self._seed)
        if pending := self._on_their_way.get(key):
            return pending
        if answer := self._journal.get(key):
            self.remembered += 1
            return Pending(answer)
        pending = self._on_their_way[key] = Pending()
        self.source.submit(Request(key, ask, seed, self._keep, self._give_up))
        return pending

    def progress(self) -> None:
        """Waits until at least one question on its way is settled.

        Raises:
            SmolError: an answer cannot be written.
        """
        self.source.work()
        while self._on_their_way:
            try:
                self._settled.get(timeout=0.2)()
            except queue.Empty:
                self.source.work()  # another source may have handed a question over
                continue
            break
        while not self._settled.empty():
            self._settled.get()()

    def _keep(self, request: Request, text: str, model: str, usage: Usage, seconds: float) -> None:
        try:
            self._journal.add(request, text, model, usage, seconds)
        except BaseException as error:
            broken = error  # Python forgets `error` at the end of this block
            self._settled.put(lambda: self._broken(broken))
            return
        answer = Answer(request.key, text, model)
        self._settled.put(lambda: self._answered(request, answer))

    def _give_up(self, request: Request, error: Exception) -> None:
        self._settled.put(lambda: self._unanswered(request, error))

    def _answered(self, request: Request, answer: Answer) -> None:
        self.fresh += 1
        self._on_their_way.pop(request.key).answer = answer

    def _unanswered(self, request: Request, error: Exception) -> None:
        self.failed += 1
        unanswered = error if isinstance(error, Unanswered) else Unanswered(str(error))
        self._on_their_way.pop(request.key).error = unanswered

    def _broken(self, error: BaseException) -> None:
        raise error

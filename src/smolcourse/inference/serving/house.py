"""The models of a server by the names that clients use, and how they are exchanged while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.inference.engine import worn
from smolcourse.inference.serving.gate import Gate
from smolcourse.inference.serving.keeper import Facts, Worker
from smolcourse.inference.serving.problems import Problem, unavailable
from smolcourse.inference.serving.sources import Source


@dataclass(frozen=True)
class Served:
    """A name that clients use: a model, or a model wearing an adapter.

    Attributes:
        system: the system prompt for conversations that bring none.
        lora: what its requests say of adapters.
    """

    name: str
    worker: Worker
    system: str | None
    lora: tuple[dict[str, float], ...] = ()

    @property
    def facts(self) -> Facts:
        """What the worker says of its model.

        Raises:
            Problem: 503, it has not said anything yet.
        """
        if self.worker.facts is None:
            raise unavailable()
        return self.worker.facts


class House:
    """All models of one server.

    Args:
        find: gives the sources; called again for each reload, so that a model that was exported anew is found.
        settings: of `Engine`, beyond file, name and adapters.
        waiting: requests that may wait for each model.
        tell: takes an event's name and its details, for the log.
    """

    def __init__(
        self, find: Callable[[], list[Source]], settings: dict[str, Any], waiting: int, tell: Callable[..., None]
    ) -> None:
        self._find, self._settings, self._waiting, self._tell = find, settings, waiting, tell
        self.models: dict[str, Served] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()

    @property
    def workers(self) -> list[Worker]:
        """The workers in use, each once."""
        return list({id(served.worker): served.worker for served in self.models.values()}.values())

    @property
    def ready(self) -> bool:
        """Whether every model can be asked."""
        return bool(self.models) and all(worker.ready for worker in self.workers)

    def start(self, sources: list[Source]) -> None:
        """Starts all workers; `loaded` waits for them."""
        self.models = self._started(sources)

    async def loaded(self) -> None:
        """Waits until all models can be asked.

        Raises:
            SmolError: one cannot be loaded.
        """
        await asyncio.gather(*(worker.loaded() for worker in self.workers))

    def named(self, name: str) -> Served:
        """The model of that name; `default` is the first.

        Raises:
            Problem: 404, none is called so.
        """
        served = self.models.get(name)
        if served is None and name == "default" and self.models:
            served = next(iter(self.models.values()))
        if served is None:
            raise Problem(
                404,
                f"không có mô hình {name[:80]!r}; xem GET /v1/models",
                f"there is no model {name[:80]!r}; see GET /v1/models",
                param="model",
                code="model_not_found",
            )
        return served

    async def reload(self) -> None:
        """Loads all models anew beside the old ones, exchanges them at once, and lets the old ones finish what they are at.

        Raises:
            SmolError: one cannot be found or loaded; then nothing has changed.
        """
        async with self._reloading:
            fresh = self._started(await asyncio.to_thread(self._find))
            workers = {id(served.worker): served.worker for served in fresh.values()}.values()
            try:
                await asyncio.gather(*(worker.loaded() for worker in workers))
            except SmolError:
                await asyncio.gather(*(worker.stop() for worker in workers))
                raise
            old, self.models = self.workers, fresh
            for worker in old:
                task = asyncio.create_task(worker.drain())
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)
            self._tell("reloaded", models=list(self.models))

    async def stop(self) -> None:
        """Ends all workers."""
        for task in list(self._leaving):
            task.cancel()
        await asyncio.gather(*(worker.stop() for worker in self.workers))

    def _started(self, sources: list[Source]) -> dict[str, Served]:
        models: dict[str, Served] = {}
        for source in sources:
            slots = 1 if source.kind == "plain" else int(self._settings["slots"])
            worker = Worker(source.wanted(self._settings), Gate(slots, self._waiting), self._tell)
            worker.start()
            count = len(source.adapters)
            models[source.name] = Served(source.name, worker, source.system, tuple(worn(None, count)))
            for index, name in enumerate(source.adapters):
                models[name] = Served(name, worker, source.system, tuple(worn(index, count)))
        return models

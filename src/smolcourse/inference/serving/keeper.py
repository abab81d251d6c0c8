"""Keeps a worker alive: starts it, notices that it died or hangs, starts it again, ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.inference.serving.gate import Gate
from smolcourse.inference.serving.link import Broken, Link
from smolcourse.inference.serving.problems import unavailable

_LOADING = 600.0  # seconds that loading may take
_PULSE = 10.0  # seconds between two looks at whether it still answers
_PATIENCE = 60.0  # seconds without an answer after which a worker hangs
_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)  # before the next start, after so many short lives in a row
_SHORT_LIFE = 30.0
_WAIT_FOR_START = 20.0  # seconds that a request waits for a worker that is starting


@dataclass
class Facts:
    """What a worker says of its model.

    Attributes:
        context: tokens of one request.
        vocabulary: token ids are below it.
        tools: whether the chat template has them.
        chat: whether there is a chat template.
        features: what the backend can: `logprobs`, `grammar`, `embeddings`, `images`.
    """

    context: int
    vocabulary: int
    chat: bool
    tools: bool
    features: frozenset[str]
    trained_context: int = 0
    parameters: int = 0


@dataclass
class Worker:
    """One model in one child process. `wanted` is the line it is told."""

    wanted: dict[str, Any]
    gate: Gate
    tell: Callable[..., None]
    facts: Facts | None = None
    restarts: int = 0
    _link: Link | None = None
    _process: asyncio.subprocess.Process | None = None
    _keeping: asyncio.Task[None] | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _failure: SmolError | None = None

    @property
    def name(self) -> str:
        return str(self.wanted["name"])

    @property
    def ready(self) -> bool:
        """Whether it can be asked now."""
        return self._link is not None

    @property
    def pid(self) -> int | None:
        """Of the child process, while there is one."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def start(self) -> None:
        """Begins to keep it alive; `loaded` waits for the first start."""
        self._keeping = asyncio.create_task(self._keep())

    async def loaded(self) -> None:
        """Waits until it can be asked.

        Raises:
            SmolError: the model cannot be loaded.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._link or self._failure)
        if self._failure:
            raise self._failure

    async def link(self) -> Link:
        """The wire to it; waits a while if it is starting.

        Raises:
            Problem: 503, it is not back yet.
        """
        if self._link is None:
            async with self._changed:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait_for(lambda: self._link), _WAIT_FOR_START)
        if self._link is None:
            raise unavailable()
        return self._link

    async def stop(self) -> None:
        """Ends it, whatever it does."""
        if self._keeping:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
        await self._set(None)

    async def drain(self) -> None:
        """Ends it once nobody asks it any more."""
        while self.gate.used:
            await asyncio.sleep(0.1)
        await self.stop()

    async def _set(self, link: Link | None, failure: SmolError | None = None) -> None:
        async with self._changed:
            self._link, self._failure = link, failure
            self._changed.notify_all()

    async def _keep(self) -> None:
        lives = 0
        while True:
            await asyncio.sleep(_PAUSES[min(lives, len(_PAUSES) - 1)])
            began = time.monotonic()
            try:
                why = await self._live()
            except SmolError as error:
                why = error.en
                if self.facts is None:  # it never worked: the user's matter
                    await self._set(None, error)
                    return
            await self._set(None)
            lives = lives + 1 if time.monotonic() - began < _SHORT_LIFE else 0
            self.restarts += 1
            self.tell("worker_ended", model=self.name, why=why, restarts=self.restarts)

    async def _live(self) -> str:
        """One life of the process. Returns how it ended."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "smolcourse.inference.serving.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=2**20,
        )
        self._process = process
        assert process.stdin and process.stdout and process.stderr
        last: deque[str] = deque(maxlen=5)
        listening = asyncio.create_task(_listen(process.stderr, last))
        pulse: asyncio.Task[None] | None = None
        try:
            process.stdin.write(json.dumps(self.wanted).encode() + b"\n")
            with contextlib.suppress(TimeoutError, ConnectionError):
                line = await asyncio.wait_for(process.stdout.readline(), _LOADING)
                said = json.loads(line) if line else {}
                if "error" in said:
                    raise SmolError(**said["error"])
                if said:
                    link = Link(said.pop("host"), said.pop("port"), said.pop("key"))
                    self.facts = Facts(**said | {"features": frozenset(said["features"])})
                    await self._set(link)
                    self.tell("worker_ready", model=self.name, pid=process.pid)
                    pulse = asyncio.create_task(_watch(process, link))
                    await process.wait()
            if process.returncode is None:
                process.kill()
            await process.wait()
            if self.facts is None:
                raise SmolError(
                    f"tiến trình nạp mô hình dừng đột ngột (mã {process.returncode}); thường là tệp hỏng hoặc thiếu bộ nhớ",
                    f"the process that loads the model ended (code {process.returncode}): a damaged file, or too little memory",
                    where=str(self.wanted["path"]),
                )
            return f"code {process.returncode}: {' | '.join(last)[-400:]}"
        finally:
            if pulse:
                pulse.cancel()
            listening.cancel()
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _listen(stream: asyncio.StreamReader, last: deque[str]) -> None:
    """Keeps the last lines that the process wrote, and its pipe empty."""
    while piece := await stream.read(4096):
        last.extend(line[-300:] for line in piece.decode("utf-8", "replace").splitlines() if line.strip())


async def _watch(process: asyncio.subprocess.Process, link: Link) -> None:
    """Ends a process that does not answer: a grammar can be written that keeps llama.cpp busy for ever."""
    while True:
        await asyncio.sleep(_PULSE)
        try:
            # Answered by the loop that computes, between two steps, so it tells whether there still are steps.
            await asyncio.wait_for(link.ask("/metrics"), _PATIENCE)
        except (TimeoutError, Broken):
            if process.returncode is None:
                process.kill()
            return

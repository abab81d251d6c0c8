"""One client's request for text, whole or streamed, from the queue to the last byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive

from smolcourse.inference.engine import Request
from smolcourse.inference.serving.house import Served
from smolcourse.inference.serving.link import Broken, Reply
from smolcourse.inference.serving.problems import Problem, of_engine, unavailable
from smolcourse.inference.serving.translate import compact, legacy_logprobs

PATHS = {"chat": "/v1/chat/completions", "completions": "/v1/completions"}
_DONE = b"data: [DONE]\n\n"


@dataclass
class Job:
    """What to ask, and how to tell it.

    Attributes:
        kind: `chat` or `completions`.
        requests: one for each choice, prompt after prompt.
        choices: of each prompt.
        usage: whether a stream ends with the numbers of tokens.
        logprobs: alternatives shown with each token; None where no log-probabilities were asked for.
        note: for logs and metrics: what is known of this request so far.
    """

    served: Served
    kind: str
    requests: list[Request]
    choices: int = 1
    usage: bool = False
    logprobs: int | None = None
    note: dict[str, Any] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether the engine's events can go to the client as they are."""
        return len(self.requests) == 1 and (self.logprobs is None or (self.kind == "chat" and self.logprobs > 0))

    def renamed(self, piece: bytes) -> bytes:
        """Clients may know the engine's model by other names. No text can hold these bytes: its quotes are escaped."""
        name, alias = self.served.name, self.served.worker.name
        return piece if name == alias else piece.replace(f'"model":"{alias}"'.encode(), f'"model":"{name}"'.encode())

    def first_token(self) -> None:
        """Notes when the first token came."""
        self.note.setdefault("first_token", time.monotonic())

    def count(self, prompt: int, cached: int, written: int) -> None:
        """Notes tokens."""
        for key, value in (("prompt_tokens", prompt), ("cached_tokens", cached), ("completion_tokens", written)):
            self.note[key] = self.note.get(key, 0) + value


@contextlib.asynccontextmanager
async def _asked(job: Job, request: Request) -> AsyncIterator[Reply]:
    """Passes the gate and sends one request; what the engine refuses is a `Problem`."""
    try:
        async with job.served.worker.gate.pass_through():
            link = await job.served.worker.link()
            async with link.send(PATHS[job.kind], request) as reply:
                if reply.status != 200:
                    raise of_engine(reply.status, _error_in(await reply.whole()))
                yield reply
    except Broken as error:
        raise unavailable() from error


async def whole(job: Job) -> bytes:
    """The answer, as one JSON body."""
    job.served.worker.gate.expect(len(job.requests))

    async def one(request: Request) -> dict[str, Any]:
        async with _asked(job, request) as reply:
            body = await reply.whole()
        job.first_token()
        answer: dict[str, Any] = json.loads(body)
        return answer

    answers = await _together([one(request) for request in job.requests])
    usages = [answer["usage"] for answer in answers]
    result = answers[0] | {"model": job.served.name, "usage": _sum(job, usages)}
    result["choices"] = [answer["choices"][0] | {"index": index} for index, answer in enumerate(answers)]
    if job.logprobs is not None:
        for choice in result["choices"]:
            _trim(job, choice, 0)
    result.pop("timings", None)
    return compact(result)


@contextlib.asynccontextmanager
async def streamed(job: Job) -> AsyncIterator[AsyncIterator[bytes]]:
    """The answer as server-sent events. Entering waits for the first, so that a refusal can still be one."""
    job.served.worker.gate.expect(len(job.requests))
    if job.plain:
        async with _asked(job, job.requests[0] | _STREAM) as reply:
            yield _passed_on(job, reply)
        return
    events: asyncio.Queue[tuple[int, dict[str, Any] | Problem | None]] = asyncio.Queue(64)
    readers = [asyncio.create_task(_read_into(events, job, index, request)) for index, request in enumerate(job.requests)]
    try:
        first = await events.get()
        if isinstance(first[1], Problem):
            raise first[1]
        yield _merged(job, events, first)
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)


_STREAM: Request = {"stream": True, "stream_options": {"include_usage": True}}


async def _passed_on(job: Job, reply: Reply) -> AsyncIterator[bytes]:
    """The engine's own events; only those with numbers of tokens are opened."""
    usages: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    try:
        async for piece in reply.pieces():
            job.first_token()
            if piece.startswith(b'data: {"error"'):
                raise of_engine(500, _error_in(piece[6:]))
            if b'"usage":' in piece or piece.endswith(_DONE):
                for event in _events(piece):
                    last = {key: value for key, value in event.items() if key in ("id", "object", "created", "model")}
                    if used := event.pop("usage", None):
                        usages.append(used)
                    event.pop("timings", None)
                    if event["choices"]:
                        yield _event(event | {"model": job.served.name})
            else:
                yield job.renamed(piece)
    except Broken as error:
        raise unavailable() from error
    total = _sum(job, usages)
    if job.usage:
        yield _event(last | {"model": job.served.name, "choices": [], "usage": total})
    yield _DONE


async def _read_into(
    events: asyncio.Queue[tuple[int, dict[str, Any] | Problem | None]], job: Job, index: int, request: Request
) -> None:
    """The events of one choice into the common queue; at its end None, or the problem."""
    try:
        async with _asked(job, request | _STREAM) as reply:
            async for piece in reply.pieces():
                for event in _events(piece):
                    if "error" in event:
                        raise of_engine(500, event["error"])
                    await events.put((index, event))
        await events.put((index, None))
    except Broken:
        await events.put((index, unavailable()))
    except Problem as problem:
        await events.put((index, problem))


async def _merged(
    job: Job,
    events: asyncio.Queue[tuple[int, dict[str, Any] | Problem | None]],
    first: tuple[int, dict[str, Any] | Problem | None],
) -> AsyncIterator[bytes]:
    """The events of several choices as they come, each with its choice's index."""
    left = len(job.requests)
    usages: list[dict[str, Any]] = [{} for _ in job.requests]
    written = [0] * len(job.requests)  # characters, for the offsets of the older log-probabilities
    named: dict[str, Any] = {}
    item: tuple[int, dict[str, Any] | Problem | None] = first
    while True:
        index, event = item
        if isinstance(event, Problem):
            raise event
        if event is None:
            left -= 1
            if not left:
                break
        else:
            job.first_token()
            named = named or {key: event[key] for key in ("id", "object", "created")} | {"model": job.served.name}
            usages[index] = event.pop("usage", None) or usages[index]
            event.pop("timings", None)
            for choice in event["choices"]:
                choice["index"] = index
                if job.logprobs is not None:
                    _trim(job, choice, written[index])
                    written[index] += len(choice.get("text") or "")
            if event["choices"]:
                yield _event(event | named)
        item = await events.get()
    total = _sum(job, usages)
    if job.usage:
        yield _event(named | {"choices": [], "usage": total})
    yield _DONE


def _trim(job: Job, choice: dict[str, Any], offset: int) -> None:
    """Log-probabilities in the shape and the number that were asked for: llama.cpp gives one alternative at least."""
    rows = (choice.get("logprobs") or {}).get("content")
    if not rows:
        choice["logprobs"] = None
    elif job.kind == "completions":
        choice["logprobs"] = legacy_logprobs(rows, job.logprobs or 0, offset)
    else:
        choice["logprobs"] = {"content": [row | {"top_logprobs": row["top_logprobs"][: job.logprobs]} for row in rows]}


def _events(piece: bytes) -> list[dict[str, Any]]:
    """The JSON events in a piece; comments and the final mark are none."""
    return [json.loads(line[6:]) for line in piece.split(b"\n") if line.startswith(b"data: {")]


def _event(event: dict[str, Any]) -> bytes:
    return b"data: " + compact(event) + b"\n\n"


def _error_in(body: bytes) -> object:
    try:
        return json.loads(body).get("error")
    except (ValueError, AttributeError):
        return body[:300].decode("utf-8", "replace")


def _sum(job: Job, usages: list[dict[str, Any]]) -> dict[str, Any]:
    """Tokens of all choices; a prompt counts once, however many choices it has."""
    prompts = usages[:: job.choices]
    prompt = sum(used.get("prompt_tokens", 0) for used in prompts)
    cached = sum((used.get("prompt_tokens_details") or {}).get("cached_tokens", 0) for used in prompts)
    written = sum(used.get("completion_tokens", 0) for used in usages)
    job.count(prompt, cached, written)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


async def _together(work: list[Coroutine[Any, Any, dict[str, Any]]]) -> list[dict[str, Any]]:
    """All results; the first failure ends the others."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def until_gone(work: Coroutine[Any, Any, None], receive: Receive, note: dict[str, Any]) -> None:
    """Runs `work` to its end, or until the client has hung up: what nobody reads is not computed."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(receive))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            note["outcome"] = "client_gone"
            working.cancel()
            await asyncio.wait([working])
        else:
            working.result()
    finally:
        leaving.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait([working])


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

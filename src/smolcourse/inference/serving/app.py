"""The routes: OpenAI's, and those that who runs a server needs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from smolcourse.errors import SmolError
from smolcourse.inference.serving import schemas
from smolcourse.inference.serving.auth import is_loopback
from smolcourse.inference.serving.generation import Job, streamed, until_gone, whole
from smolcourse.inference.serving.guard import Guard, Limits, Log, read_body, refuse
from smolcourse.inference.serving.house import House, Served
from smolcourse.inference.serving.link import Broken
from smolcourse.inference.serving.metrics import Metrics
from smolcourse.inference.serving.openapi import describe
from smolcourse.inference.serving.pictures import for_the_log
from smolcourse.inference.serving.problems import Problem, late, of_engine, of_smol, unavailable
from smolcourse.inference.serving.translate import chat_requests, compact, completion_requests, tokens_of
from smolcourse.inference.serving.validate import check, parse


@dataclass
class Server:
    """What the routes share.

    Attributes:
        most_tokens: that any request may ask for.
        reload: reads keys and models anew.
    """

    house: House
    log: Log
    reload: Callable[[], Awaitable[None]]
    limits: Limits = field(default_factory=Limits)
    most_tokens: int = 4096
    keys: list[bytes] = field(default_factory=list)
    local: bool = True
    metrics: Metrics = field(default_factory=Metrics)
    since: int = field(default_factory=lambda: int(time.time()))

    def app(self) -> Guard:
        """The ASGI app."""
        routes = [
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/models/{model}", self.model, methods=["GET"]),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/completions", self.completions, methods=["POST"]),
            Route("/v1/embeddings", self.embeddings, methods=["POST"]),
            Route("/health", self.health, methods=["GET"]),
            Route("/ready", self.ready, methods=["GET"]),
            Route("/metrics", self.figures, methods=["GET"]),
            Route("/reload", self.exchange, methods=["POST"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
        ]
        inner = Starlette(routes=routes, exception_handlers={HTTPException: _not_here, Problem: _problem})
        inner.router.redirect_slashes = False
        paths = frozenset(route.path for route in routes)
        return Guard(inner, keys=self.keys, local=self.local, metrics=self.metrics, log=self.log, paths=paths)

    async def chat(self, request: Request) -> Response:
        """POST /v1/chat/completions"""
        asked, served = await self._asked(request, schemas.chat(self.most_tokens))
        requests = chat_requests(asked, served.facts, served.system, list(served.lora))
        shown = int(asked.get("top_logprobs") or 0) if asked.get("logprobs") else None
        return self._generate(request, asked, Job(served, "chat", requests, logprobs=shown))

    async def completions(self, request: Request) -> Response:
        """POST /v1/completions"""
        asked, served = await self._asked(request, schemas.completion(self.most_tokens))
        requests = completion_requests(asked, served.facts, list(served.lora))
        shown = asked.get("logprobs")
        return self._generate(
            request, asked, Job(served, "completions", requests, logprobs=None if shown is None else int(shown))
        )

    async def embeddings(self, request: Request) -> Response:
        """POST /v1/embeddings"""
        asked, served = await self._asked(request, schemas.embeddings())
        if "embeddings" not in served.facts.features:
            raise Problem(501, "mô hình này không cho embedding", "this model gives no embeddings", code="not_supported")
        given = asked["input"]
        several = isinstance(given, list) and not isinstance(given[0], int | float)
        inputs = [tokens_of(text, served.facts, "input") for text in (given if several else [given])]
        wanted = {"input": inputs, "encoding_format": asked.get("encoding_format") or "float"}
        served.worker.gate.expect(1)
        try:
            async with asyncio.timeout(self.limits.seconds), served.worker.gate.pass_through():
                status, body = await (await served.worker.link()).ask("/v1/embeddings", wanted)
        except TimeoutError as error:
            raise late(self.limits.seconds) from error
        except Broken as error:
            raise unavailable() from error
        answer = _engine_said(body)
        if status != 200:
            raise of_engine(status, answer.get("error"))
        request.state.note["prompt_tokens"] = answer["usage"]["prompt_tokens"]
        return JSONResponse(answer | {"model": served.name})

    async def models(self, request: Request) -> Response:
        """GET /v1/models"""
        return JSONResponse({"object": "list", "data": [self._shown(served) for served in self.house.models.values()]})

    async def model(self, request: Request) -> Response:
        """GET /v1/models/NAME"""
        return JSONResponse(self._shown(self.house.named(request.path_params["model"])))

    async def health(self, request: Request) -> Response:
        """GET /health: the server lives."""
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """GET /ready: every model can be asked."""
        workers = {worker.name: worker.ready for worker in self.house.workers}
        return JSONResponse({"ready": self.house.ready, "models": workers}, 200 if self.house.ready else 503)

    async def figures(self, request: Request) -> Response:
        """GET /metrics, in Prometheus' text format."""
        for worker in self.house.workers:
            self.metrics.put("smolcourse_in_flight", worker.gate.inside, model=worker.name)
            self.metrics.put("smolcourse_queued", worker.gate.queued, model=worker.name)
            self.metrics.put("smolcourse_worker_up", float(worker.ready), model=worker.name)
            self.metrics.put("smolcourse_worker_restarts_total", worker.restarts, model=worker.name)
        return PlainTextResponse(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def exchange(self, request: Request) -> Response:
        """POST /reload, from this machine: models and keys are read anew, no request is dropped."""
        if request.client is None or not is_loopback(request.client.host):
            raise Problem(403, "chỉ nhận từ chính máy này", "only from this machine", code="wrong_host")
        try:
            await self.reload()
        except SmolError as error:
            raise of_smol(error) from error
        return JSONResponse({"models": list(self.house.models)})

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json"""
        return JSONResponse(describe(list(self.house.models), self.most_tokens, bool(self.keys)))

    async def _asked(self, request: Request, schema: schemas.Schema) -> tuple[dict[str, Any], Served]:
        asked = parse(await read_body(request, self.limits))
        check(asked, schema)
        served = self.house.named(asked["model"])
        request.state.note["model"] = served.name
        if self.log.prompts:
            request.state.note["asked"] = for_the_log(asked)
        return asked, served

    def _generate(self, request: Request, asked: Mapping[str, Any], job: Job) -> Response:
        job.choices = int(asked.get("n") or 1)
        job.usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        job.note = request.state.note
        job.note["stream"] = bool(asked.get("stream"))
        return Generation(job, bool(asked.get("stream")), self.limits.seconds)

    def _shown(self, served: Served) -> dict[str, Any]:
        facts = served.worker.facts
        more = {"context_length": facts.context, "parameters": facts.parameters} if facts else {}
        return {"id": served.name, "object": "model", "created": self.since, "owned_by": "smolcourse", **more}


class Generation(Response):
    """An answer that is computed while it is sent, and only as long as the client is there."""

    def __init__(self, job: Job, stream: bool, seconds: float) -> None:
        self.job, self.stream, self.seconds = job, stream, seconds
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the answer, or the problem."""
        # Nothing has been awaited since the model was found by its name, so a reload cannot have come between.
        with self.job.served.worker.gate.awaited():
            work = self._streamed(scope, receive, send) if self.stream else self._whole(scope, receive, send)
            await until_gone(work, receive, self.job.note)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self.seconds):
                response: Response = Response(await whole(self.job), media_type="application/json")
        except TimeoutError:
            response = refuse(late(self.seconds))
        except Problem as problem:
            response = refuse(problem)
        await response(scope, receive, send)

    async def _streamed(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        try:
            async with asyncio.timeout(self.seconds), streamed(self.job) as pieces:
                headers = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                started = True
                async with contextlib.aclosing(pieces):  # type: ignore[type-var]
                    async for piece in pieces:
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
            return
        except TimeoutError:
            problem = late(self.seconds)
        except Problem as found:
            problem = found
        if not started:
            await refuse(problem)(scope, receive, send)
            return
        # The status is sent; clients of OpenAI's look for an error among the events.
        self.job.note["outcome"] = problem.code
        event = b"data: " + compact(problem.body()) + b"\n\n"
        await send({"type": "http.response.body", "body": event})


def _engine_said(body: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(body))
    except ValueError as error:
        raise unavailable() from error


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return refuse(error)


async def _not_here(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = dict(error.headers or {})
    if error.status_code == 405:
        return refuse(
            Problem(405, "không nhận phương thức này", "this method is not taken here", code="wrong_method", headers=allowed)
        )
    return refuse(
        Problem(error.status_code, "không có địa chỉ này", "there is nothing at this address", code="not_found", headers=allowed)
    )

"""Around every request: who may ask, how large it may be, what is logged and counted, and no error without its shape."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smolcourse.inference.serving.auth import check_host, check_key
from smolcourse.inference.serving.metrics import Metrics
from smolcourse.inference.serving.problems import Problem, wrong

OPEN = ("/health", "/ready", "/openapi.json")
"""What needs no key."""


@dataclass(frozen=True)
class Limits:
    """Attributes:
    body_bytes: of one request.
    body_seconds: in which its body must arrive.
    seconds: for a whole answer, waiting included.
    """

    body_bytes: int = 1_000_000
    body_seconds: float = 30.0
    seconds: float = 300.0


@dataclass
class Log:
    """One JSON object a line, on standard error. Nothing that a client wrote is in it, unless `prompts`."""

    prompts: bool = False
    quiet: bool = False
    _out: Any = field(default_factory=lambda: sys.stderr)

    def __call__(self, event: str, **details: Any) -> None:
        """Writes one line."""
        if not self.quiet:
            line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details}
            print(json.dumps(line, ensure_ascii=False, default=str), file=self._out, flush=True)


class Guard:
    """The outermost layer of the app."""

    def __init__(
        self, app: ASGIApp, *, keys: list[bytes], local: bool, metrics: Metrics, log: Log, paths: frozenset[str]
    ) -> None:
        self.app, self.keys, self.local = app, keys, local
        self.metrics, self.log, self.paths = metrics, log, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, if it may come in."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 0
        note: dict[str, Any] = {}
        scope.setdefault("state", {})["note"] = note
        identity = secrets.token_hex(8)

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identity.encode())]
            await send(message)

        try:
            self._admit(scope)
            await self.app(scope, receive, marked)
        except Problem as problem:
            if not status:
                await refuse(problem)(scope, receive, marked)
        except ClientDisconnect:
            note["outcome"] = "client_gone"
        except asyncio.CancelledError:
            note["outcome"] = "stopped"
            raise
        except Exception as error:
            note["bug"] = f"{type(error).__name__}: {error}"[:300]
            if not status:
                bug = Problem(500, "lỗi của server; xem log", "a bug in the server; see its log", code="bug")
                await refuse(bug)(scope, receive, marked)
        finally:
            self._record(scope, identity, status, began, note)

    def _admit(self, scope: Scope) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        if self.local and not self.keys:
            check_host(headers.get(b"host", ""))
        if self.keys and scope["path"] not in OPEN:
            check_key(headers.get(b"authorization", ""), tuple(self.keys))

    def _record(self, scope: Scope, identity: str, status: int, began: float, note: dict[str, Any]) -> None:
        seconds = time.monotonic() - began
        path = scope["path"] if scope["path"] in self.paths else "other"
        first = note.pop("first_token", None)
        model = note.get("model")
        self.metrics.add("smolcourse_requests_total", path=path, status=str(status or 499))
        if model:
            self.metrics.observe("smolcourse_request_seconds", seconds, model=model)
            for kind in ("prompt", "cached", "completion"):
                self.metrics.add("smolcourse_tokens_total", note.get(f"{kind}_tokens", 0), model=model, kind=kind)
            if first:
                self.metrics.observe("smolcourse_first_token_seconds", first - began, model=model)
        if path in OPEN or path == "/metrics":
            return  # asked every few seconds by machines
        times = {"ms": round(1000 * seconds, 1)} | ({"first_token_ms": round(1000 * (first - began), 1)} if first else {})
        client = (scope.get("client") or ("?",))[0]
        self.log("request", id=identity, client=client, method=scope["method"], path=path, status=status or 499, **times, **note)


def refuse(problem: Problem) -> JSONResponse:
    """The answer that tells a client of a problem."""
    return JSONResponse(problem.body(), problem.status, problem.headers)


async def read_body(request: Request, limits: Limits) -> bytes:
    """The body of a request.

    Raises:
        Problem: 413, 415 or 408.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Problem(
            415, "Content-Type phải là application/json", "Content-Type must be application/json", code="wrong_content_type"
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "không nhận body nén", "compressed bodies are not taken", code="wrong_content_encoding")
    parts, size = [], 0
    try:
        announced = int(request.headers.get("content-length") or 0)
    except ValueError as error:
        raise wrong("Content-Length sai", "Content-Length is wrong") from error
    try:
        async with asyncio.timeout(limits.body_seconds):
            while announced <= limits.body_bytes and size <= limits.body_bytes:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError as error:
        raise Problem(408, "body gửi quá chậm", "the body came too slowly", code="timeout") from error
    raise Problem(
        413,
        f"body lớn quá {limits.body_bytes} byte",
        f"the body is larger than {limits.body_bytes} bytes",
        code="body_too_large",
    )

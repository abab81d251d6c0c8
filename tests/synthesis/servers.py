"""A chat endpoint on this machine that answers, fails, throttles, lies and obeys as a test wants; every request is counted."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    """One request. `say` answers it, `refuse` does not."""

    behave: Behaviour
    log: Log

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.log.lock:
            self.log.tries[self.headers["Idempotency-Key"]] += 1
            self.log.bodies.append(body)
        with contextlib.suppress(OSError):
            type(self).behave(self, body)

    def say(self, text: str, usage: Any = None) -> None:
        values = {"choices": [{"message": {"role": "assistant", "content": text}}], **({"usage": usage} if usage else {})}
        with self.log.lock:
            self.log.answered[self.headers["Idempotency-Key"]] += 1
        self.send(200, json.dumps(values).encode())

    def send(self, code: int, data: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


class Log:
    """What a server was asked: tries and answers by the name of the question."""

    def __init__(self) -> None:
        self.tries: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.lock = threading.Lock()


@contextlib.contextmanager
def serving(behave: Behaviour) -> Iterator[tuple[str, Log]]:
    """A server's address and its log."""
    log = Log()
    handler = type("Handler", (Handler,), {"behave": behave, "log": log})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1", log
    finally:
        server.shutdown()
        server.server_close()


def question(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def echo(handler: Handler, body: dict[str, Any]) -> None:
    handler.say(f"đáp: {question(body)}")

"""A worker for models that llama.cpp does not know: transformers, one answer at a time, in the shapes of llama.cpp's server.

No grammar, no log-probabilities, no embeddings: `Facts.features` says so, and the server refuses what asks for them. Pictures
where the model sees.
"""

from __future__ import annotations

import json
import secrets
import select
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from smolcourse.errors import SmolError
from smolcourse.inference.serving.pictures import FEATURE, opened


class PlainBackend:
    """A model behind `/v1/chat/completions` and `/v1/completions` on a free port of this machine.

    Raises:
        SmolError: the model cannot be loaded.
    """

    def __init__(self, reference: str, *, name: str) -> None:
        from smolcourse.inference.generate import Streamer
        from smolcourse.inference.loading import load_model

        self.name, self.key = name, secrets.token_urlsafe(24)
        self.model, self.tokenizer = load_model(reference)
        self.streamer = Streamer(self.model, self.tokenizer)
        self.turn = threading.Lock()
        backend = self

        class Handler(_Handler):
            """Knows its backend."""

            worker = backend

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host, self.port = "127.0.0.1", self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def facts(self) -> dict[str, Any]:
        """What the server must know of the model; see `keeper.Facts`."""
        context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None) or 2048
        return {
            "context": int(context),
            "trained_context": int(context),
            "vocabulary": len(self.tokenizer),
            "parameters": int(self.model.num_parameters()),
            "chat": bool(self.tokenizer.chat_template),
            "tools": False,
            "features": [FEATURE] if self.streamer.sees else [],
        }

    def pieces(self, asked: dict[str, Any]) -> Iterator[str]:
        """The answer as it is written, up to the first of its stop texts."""
        prompt: Any = opened(asked["messages"]) if "messages" in asked else asked["prompt"]
        if isinstance(prompt, list) and prompt and isinstance(prompt[0], int):
            prompt = str(self.tokenizer.decode(prompt))
        seed = asked.get("seed")
        written = self.streamer.stream(
            prompt,
            max_new_tokens=asked.get("max_tokens") or int(self.facts()["context"]),
            temperature=asked.get("temperature") or 0.0,
            top_p=asked.get("top_p") or 1.0,
            seed=secrets.randbelow(2**31) if seed is None else seed,
        )
        stops = asked.get("stop") or []
        return until(written, [stops] if isinstance(stops, str) else stops)

    def usage(self, answer: str) -> dict[str, int]:
        """Tokens of the last prompt, and of the answer as the tokenizer counts its text."""
        before = self.streamer.prompt_length
        written = len(self.tokenizer(answer, add_special_tokens=False)["input_ids"]) if answer else 0
        return {"prompt_tokens": before, "completion_tokens": written, "total_tokens": before + written}


class _Handler(BaseHTTPRequestHandler):
    worker: PlainBackend
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any GET: it lives."""
        self._reply(200, {"status": "ok"})

    def do_POST(self) -> None:
        """A completion, whole or streamed."""
        if not secrets.compare_digest(self.headers.get("Authorization", ""), f"Bearer {self.worker.key}"):
            self._reply(401, {"error": {"message": "wrong key"}})
            return
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shape = _Shape("messages" in asked, self.worker.name)
        with self.worker.turn:
            try:
                pieces = self.worker.pieces(asked)
                (self._stream if asked.get("stream") else self._whole)(asked, shape, pieces)
            except SmolError as error:
                told = {"message": error.en, "vi": error.vi, "param": error.where, "type": "invalid_request_error"}
                self._reply(400, {"error": told})
            except OSError:
                self.close_connection = True  # the server hung up: its client is gone

    def _whole(self, asked: dict[str, Any], shape: _Shape, pieces: Iterator[str]) -> None:
        answer = ""
        for piece in pieces:
            answer += piece
            if select.select([self.connection], [], [], 0)[0]:  # nothing more is to come from there but its end
                raise ConnectionResetError
        usage = self.worker.usage(answer)
        self._reply(200, shape.whole(answer, _reason(asked, usage), usage))

    def _stream(self, asked: dict[str, Any], shape: _Shape, pieces: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        answer = ""
        for piece in pieces:
            answer += piece
            self._event(shape.chunk(piece, None))
        usage = self.worker.usage(answer)
        self._event(shape.chunk("", _reason(asked, usage)))
        self._event(shape.last(usage))
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, event: dict[str, Any]) -> None:
        self._chunk(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """The server keeps the log."""


class _Shape:
    """OpenAI's objects around a text."""

    def __init__(self, chat: bool, model: str) -> None:
        self.chat = chat
        self.head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    def whole(self, text: str, reason: str, usage: dict[str, int]) -> dict[str, Any]:
        """A whole answer."""
        said: dict[str, Any] = (
            {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text, "logprobs": None}
        )
        kind = "chat.completion" if self.chat else "text_completion"
        return {**self.head, "object": kind, "choices": [{"index": 0, "finish_reason": reason, **said}], "usage": usage}

    def chunk(self, text: str, reason: str | None) -> dict[str, Any]:
        """A piece of one."""
        delta: dict[str, Any] = {"delta": {"content": text} if text else {}} if self.chat else {"text": text, "logprobs": None}
        return {**self.last(None), "choices": [{"index": 0, "finish_reason": reason, **delta}]}

    def last(self, usage: dict[str, int] | None) -> dict[str, Any]:
        """The numbers of tokens after the last piece."""
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return {**self.head, "object": kind, "choices": [], **({"usage": usage} if usage else {})}


def until(pieces: Iterator[str], stops: list[str]) -> Iterator[str]:
    """The pieces up to the first stop text, which is left out. What may be the beginning of one is held back."""
    held = ""
    for piece in pieces:
        held += piece
        if found := [at for stop in stops if (at := held.find(stop)) >= 0]:
            if min(found):
                yield held[: min(found)]
            return
        safe = len(held) - max((_overlap(held, stop) for stop in stops), default=0)
        if safe:
            yield held[:safe]
            held = held[safe:]
    if held:
        yield held


def _overlap(text: str, stop: str) -> int:
    """How many last characters of the text are the first of the stop text."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)


def _reason(asked: dict[str, Any], usage: dict[str, int]) -> str:
    return "length" if usage["completion_tokens"] >= (asked.get("max_tokens") or 10**9) else "stop"

"""uvicorn's HTTP/1.1 with deadlines: whoever dribbles a request, or opens connections for their own sake, is shown out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http import h11_impl
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from smolcourse.inference.serving.problems import Problem, wrong

h11: Any = vars(h11_impl)["h11"]  # uvicorn's own dependency, not ours

HEADER_SECONDS = 10.0
MOST_CONNECTIONS = 1024


class PatientProtocol(H11Protocol):
    """Closes a connection whose request does not arrive within `HEADER_SECONDS`; the body has the app's own deadline."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins the wait for the first request."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._look()

    def data_received(self, data: bytes) -> None:
        """Takes bytes, and looks whether the request is whole now."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """After an answer: the rest of a body that nobody wants may not come for ever either."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the deadline."""
        self._forget()
        super().connection_lost(exc)

    def _look(self) -> None:
        state = self.conn.their_state
        begun = bool(self.conn.trailing_data[0]) or self.cycle is None
        refused = state is h11.SEND_BODY and self.cycle is not None and self.cycle.response_complete
        if not ((state is h11.IDLE and begun) or refused):
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self._too_late)

    def _forget(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self.conn.our_state is h11.IDLE and self.conn.trailing_data[0]:
            self._refuse(Problem(408, "request gửi quá chậm", "the request came too slowly", code="timeout"))
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP gets an error in OpenAI's shape as well."""
        self._refuse(wrong("không phải request HTTP hợp lệ", "not a valid HTTP request", code="invalid_http"))

    def _refuse(self, problem: Problem) -> None:
        if self.conn.our_state is not h11.IDLE and self.conn.our_state is not h11.SEND_RESPONSE:
            self.transport.close()
            return
        body = json.dumps(problem.body(), ensure_ascii=False).encode()
        length = str(len(body)).encode()
        headers: Any = [(b"content-type", b"application/json"), (b"content-length", length), (b"connection", b"close")]
        response = h11.Response(status_code=problem.status, headers=headers, reason=STATUS_PHRASES[problem.status])
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

"""The wire to a worker: HTTP/1.1 over loopback, no more of it than two ends that know each other need.

A general client would cost more time per token than the rest of the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


class Broken(Exception):
    """The worker went away in the middle."""


@dataclass
class Reply:
    """What came back. Iterate over `pieces()`, or take it `whole()`."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader = field(repr=False)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes: one chunk of the wire at a time, which holds whole events."""
        try:
            if "chunked" in self.headers.get("transfer-encoding", ""):
                while size := int((await self.reader.readline()).split(b";")[0] or b"x", 16):
                    yield (await self.reader.readexactly(size + 2))[:-2]
            elif "content-length" in self.headers:
                yield await self.reader.readexactly(int(self.headers["content-length"]))
            else:
                yield await self.reader.read()
        except (OSError, EOFError, ValueError) as error:
            raise Broken from error

    async def whole(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])


@dataclass(frozen=True)
class Link:
    """Where a worker listens, and the key it wants."""

    host: str
    port: int
    key: str = field(repr=False)

    @contextlib.asynccontextmanager
    async def send(self, path: str, body: object = None) -> AsyncIterator[Reply]:
        """One request (GET without a body). Leaving the block closes the connection, which cancels what is not done.

        Raises:
            Broken: no connection, or it ended early.
        """
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        head = (
            f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        )
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port, limit=2**20)
        except OSError as error:
            raise Broken from error
        try:
            writer.write(head.encode() + data)
            yield await _read_head(reader)
        except OSError as error:
            raise Broken from error
        finally:
            writer.transport.abort()

    async def ask(self, path: str, body: object = None) -> tuple[int, bytes]:
        """One request, answered whole: its status and body."""
        async with self.send(path, body) as reply:
            return reply.status, await reply.whole()


async def _read_head(reader: asyncio.StreamReader) -> Reply:
    try:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        return Reply(int(first.split()[1]), headers, reader)
    except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError) as error:
        raise Broken from error

"""`smol serve`, from its settings to the last request."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from smolcourse.errors import SmolError
from smolcourse.inference.endpoint import KEY
from smolcourse.inference.serving.auth import is_loopback, read_keys
from smolcourse.inference.serving.sources import find_all
from smolcourse.language import tr

_BODY, _BODY_WITH_PICTURES = 1_000_000, 10_000_000  # bytes of one request
_FAREWELL = 30  # seconds that requests have to finish in, once the server is told to end


@dataclass(frozen=True)
class Settings:
    """What `smol serve` is told. Sizes are bytes, times seconds.

    Attributes:
        models: `NAME=MODEL,MODEL,...`: GGUF files, exported folders, runs, aliases.
        backend: `transformers` for models that llama.cpp does not know.
        system: instead of the system prompts that models were trained with; empty for none.
        slots: requests that each model answers at once.
        context: tokens of one request; memory for `slots` times as many is held from the start.
        waiting: requests that may wait for each model before others are refused.
        most_tokens: that one request may ask for.
        body_bytes: of one request; None for a megabyte, and ten where a model takes pictures.
    """

    models: str
    host: str = "127.0.0.1"
    port: int = 8000
    key_file: Path | None = None
    backend: Literal["llama", "transformers"] = "llama"
    system: str | None = None
    slots: int = 4
    context: int = 1024
    threads: int = 0
    lookup: int = 0
    waiting: int = 64
    most_tokens: int = 4096
    body_bytes: int | None = None
    seconds: float = 300.0
    log_prompts: bool = False
    quiet: bool = False
    engine: dict[str, Any] = field(default_factory=dict)


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or Ctrl-C; requests that are being answered then are finished first.

    Raises:
        SmolError: a model that cannot be found or loaded, a port in use, an open address without keys.
    """
    keys = list(read_keys(settings.key_file))
    local = is_loopback(settings.host)
    if not local and not keys:
        raise SmolError(
            "địa chỉ này mở cho máy khác, nên cần API key",
            "this address is open to other machines, so an API key is needed",
            where=f"--host {settings.host}",
            fix=f"--api-key-file FILE, {KEY}=...",
        )
    listening = _listen(settings.host, settings.port)
    with contextlib.closing(listening):
        asyncio.run(_serve(settings, keys, local, listening))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise SmolError(
            f"không mở được địa chỉ này ({error.strerror})",
            f"this address cannot be opened ({error.strerror})",
            where=f"{host}:{port}",
            fix=f"smol serve ... --port {port + 1}",
        ) from error


async def _serve(settings: Settings, keys: list[bytes], local: bool, listening: socket.socket) -> None:
    from smolcourse.inference.serving.guard import Limits, Log
    from smolcourse.inference.serving.house import House

    log = Log(settings.log_prompts, settings.quiet)
    engine = {
        "slots": settings.slots,
        "context": settings.context,
        "threads": settings.threads,
        "lookup": settings.lookup,
        **settings.engine,
    }
    house = House(
        lambda: find_all(settings.models, backend=settings.backend, system=settings.system), engine, settings.waiting, log
    )
    sources = find_all(settings.models, backend=settings.backend, system=settings.system)
    house.start(sources)
    await asyncio.sleep(0)  # the children start, and load while we import
    import uvicorn

    from smolcourse.inference.serving.app import Server
    from smolcourse.inference.serving.protocol import PatientProtocol

    async def reload() -> None:
        keys[:] = read_keys(settings.key_file)
        await house.reload()

    body = settings.body_bytes or (_BODY_WITH_PICTURES if any(source.sees for source in sources) else _BODY)
    limits = Limits(body, seconds=settings.seconds)
    most = min(settings.most_tokens, settings.context)
    server = Server(house, log, reload, limits, most, keys, local)
    http = uvicorn.Server(
        uvicorn.Config(
            server.app(),
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=_FAREWELL,
        )
    )
    # uvicorn finishes what it serves, then raises the signal anew for whoever listened before it: nobody who drops the rest.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: setattr(http, "should_exit", True))
    async with _reloading_on_hangup(reload, log), _watched(house, http, settings, listening):
        await http.serve(sockets=[listening])


@contextlib.asynccontextmanager
async def _watched(house: Any, http: Any, settings: Settings, listening: socket.socket) -> AsyncIterator[None]:
    """Says when the models are ready; ends the server if they cannot be loaded, and the models when it ends."""
    failure: list[SmolError] = []

    async def wait() -> None:
        try:
            await house.loaded()
        except SmolError as error:
            failure.append(error)
            http.should_exit = True
            return
        shown = f"[{settings.host}]" if ":" in settings.host else settings.host
        port = listening.getsockname()[1]
        print(tr("Sẵn sàng:", "Ready:"), f"http://{shown}:{port}/v1", ", ".join(house.models), file=sys.stderr, flush=True)

    waiting = asyncio.create_task(wait())
    try:
        yield
    finally:
        waiting.cancel()
        await house.stop()
    if failure:
        raise failure[0]


@contextlib.asynccontextmanager
async def _reloading_on_hangup(reload: Any, log: Any) -> AsyncIterator[None]:
    """SIGHUP, where there is one, is POST /reload."""
    tasks: set[asyncio.Task[None]] = set()

    async def carefully() -> None:
        try:
            await reload()
        except SmolError as error:
            log("reload_failed", why=error.en)

    def begin() -> None:
        task = asyncio.create_task(carefully())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    if not hasattr(signal, "SIGHUP"):
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, begin)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)

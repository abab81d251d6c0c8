"""A server under load, as its clients see it: how long until the first token, how fast the others follow, at what cost.

Clients ask through OpenAI's streaming interface, each its next question as soon as the last is answered, so the numbers hold for
any server that speaks it. Time to the first token counts from sending the request, queueing included. A gap is the time between
two pieces of text as they arrive; a piece is one token or a few.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from smolcourse.errors import SmolError
from smolcourse.evaluation.picture_tasks import PICTURE_TASKS
from smolcourse.evaluation.tasks import Message, load_task
from smolcourse.inference.endpoint import KEY, endpoint, over_the_wire
from smolcourse.inference.served import Served
from smolcourse.training.energy import Energy, EnergyMeter

CLIENTS = (1, 4, 16, 64)
_LEAST, _MOST = 8, 192  # requests at a number of clients
_EACH = 6  # requests of each client: fewer, and the end, where some have nothing left to ask, weighs too much
_PATIENCE = 600.0  # seconds for one answer
_LONGEST_PAUSE = 5.0  # seconds after a refusal
Say = Callable[[str], None]


@dataclass(frozen=True)
class Heard:
    """One answer: its tokens, and when its pieces came, in seconds since the request was sent."""

    tokens: int
    pieces: tuple[float, ...]
    seconds: float
    refused: int = 0


@dataclass(frozen=True)
class Level:
    """What so many clients at once saw.

    Attributes:
        seconds: from the first request to the end of the last answer.
        refused: requests that were answered with 429 and sent again.
        energy: of this computer meanwhile; None where the server runs elsewhere.
    """

    clients: int
    heard: tuple[Heard, ...]
    seconds: float
    energy: Energy | None = None

    @property
    def tokens(self) -> int:
        """Of all answers."""
        return sum(each.tokens for each in self.heard)

    @property
    def refused(self) -> int:
        """Requests that had to be sent again."""
        return sum(each.refused for each in self.heard)

    def figures(self) -> dict[str, float]:
        """The numbers by name; times in milliseconds."""
        first = [1000 * each.pieces[0] for each in self.heard if each.pieces]
        gaps = [1000 * (b - a) for each in self.heard for a, b in itertools.pairwise(each.pieces)]
        found = {
            "clients": self.clients,
            "requests": len(self.heard),
            "tokens_per_second": self.tokens / self.seconds,
            "requests_per_second": len(self.heard) / self.seconds,
            "refused": self.refused,
            **{f"first_token_ms_p{share}": percentile(first, share) for share in (50, 95)},
            **{f"gap_ms_p{share}": percentile(gaps, share) for share in (50, 95, 99)},
        }
        if self.energy and self.tokens:
            found["wh_per_1000_tokens"] = 1000 * self.energy.wh / self.tokens
        return found


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the values that at least `share` % of them do not exceed; 0 of none."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * int(share) // 100) - 1)] if ranked else 0.0


def bench(
    address: str,
    *,
    clients: Sequence[int] = CLIENTS,
    task: str = "milk-tea:new",
    max_tokens: int = 64,
    requests: int = 0,
    server: Served | None = None,
    say: Say = lambda text: None,
) -> list[Level]:
    """Measures the server at `http://HOST:PORT/v1#MODEL` at each number of clients.

    Args:
        task: whose questions are asked, each one but rarely twice.
        requests: at each number of clients; 0 for six a client, 8 at least and 192 at most. One more of each client comes
            first and does not count: it fetches weights from the disk, and each slot reads the beginning of its prompts.
        server: at that address, where we started it: its energy counts.

    Raises:
        SmolError: the server cannot be reached, or it fails.
    """
    counts = [requests or min(max(_LEAST, _EACH * each), _MOST) for each in clients]
    made = task.startswith("milk-tea") or task.partition(":")[0] in PICTURE_TASKS  # as many as are wanted
    items = load_task(task, size=sum(counts) + sum(clients) if made else None).items
    prompts = itertools.cycle([item.messages for item in items])
    client = Client(address, max_tokens)
    levels = []
    for each, count in zip(clients, counts, strict=True):
        measure(client, list(itertools.islice(prompts, each)), each)
        levels.append(measure(client, list(itertools.islice(prompts, count)), each, server))
        say(f"{each}: {levels[-1].tokens / levels[-1].seconds:.0f} tokens/s")
    return levels


def measure(client: Client, prompts: Sequence[list[Message]], clients: int, server: Served | None = None) -> Level:
    """All prompts, so many on their way at once."""
    meter = EnergyMeter(processor_seconds=server.processor_seconds) if server else None
    with ThreadPoolExecutor(clients) as pool, _reading(meter):
        began = time.perf_counter()
        heard = tuple(pool.map(client.ask, prompts))
        seconds = time.perf_counter() - began
    return Level(clients, heard, seconds, meter.read() if meter else None)


@contextlib.contextmanager
def _reading(meter: EnergyMeter | None) -> Iterator[None]:
    """Reads the meter often enough that its counters do not wrap around unseen."""
    ended = threading.Event()

    def read() -> None:
        while meter and not ended.wait(30):
            meter.read()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Client:
    """Asks one server, greedily, at most `max_tokens` an answer; with `key`, else the environment's. Many threads may use one."""

    def __init__(self, address: str, max_tokens: int, *, key: str | None = None) -> None:
        named = endpoint(address)
        self._key = key or os.environ.get(KEY)
        self.url, parts = named.url, urlsplit(named.url)
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._path = parts.netloc, parts.path.rstrip("/") + "/chat/completions"
        self._settings = {
            "model": named.model,
            "max_tokens": max_tokens,
            "temperature": 0.0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def ask(self, messages: list[Message]) -> Heard:
        """One answer. A refusal for want of room is waited out, and counts into the time to the first token.

        Raises:
            SmolError: no connection, refused for another reason, or broken off.
        """
        body = json.dumps({**self._settings, "messages": list(map(over_the_wire, messages))}, ensure_ascii=False).encode()
        began = time.perf_counter()
        for refused in itertools.count():
            try:
                with contextlib.closing(self._kind(self._host, timeout=_PATIENCE)) as connection:
                    heard = self._heard(connection, body, began)
            except (OSError, http.client.HTTPException) as error:
                raise self._failed(str(error) or type(error).__name__) from error
            if isinstance(heard, Heard):
                return Heard(heard.tokens, heard.pieces, heard.seconds, refused)
            time.sleep(heard)
        raise AssertionError

    def _heard(self, connection: http.client.HTTPConnection, body: bytes, began: float) -> Heard | float:
        """The answer, or the seconds to wait before asking again."""
        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        connection.request("POST", self._path, body, headers)
        reply = connection.getresponse()
        if reply.status == 429:
            pause = reply.headers.get("Retry-After", "")
            return min(float(pause) if pause.isdecimal() else 1.0, _LONGEST_PAUSE)
        if reply.status != 200:
            raise self._failed(f"HTTP {reply.status} {reply.read(300).decode('utf-8', 'replace').strip()}")
        tokens, pieces, ended = None, [], False
        for line in reply:
            now = time.perf_counter() - began
            if line.startswith(b"data: {"):
                event: dict[str, Any] = json.loads(line[6:])
                if "error" in event:
                    raise self._failed(json.dumps(event["error"], ensure_ascii=False)[:300])
                if usage := event.get("usage"):
                    tokens = int(usage["completion_tokens"])
                if any(choice["delta"].get("content") for choice in event.get("choices") or ()):
                    pieces.append(now)
            ended = ended or line.startswith(b"data: [DONE]")
        if not ended:
            raise self._failed("the stream broke off")
        return Heard(len(pieces) if tokens is None else tokens, tuple(pieces), time.perf_counter() - began)

    def _failed(self, reason: str) -> SmolError:
        return SmolError(
            f"máy chủ không trả lời được: {reason}",
            f"the server gave no answer: {reason}",
            where=self.url,
            fix=f"curl {self.url}/models",
        )

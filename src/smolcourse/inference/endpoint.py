"""Answers from any server that speaks OpenAI's chat protocol, on this machine or elsewhere: only where the user names one.

A server that is busy, silent, broken or slower than promised is asked again after a pause, and then given up on with one clear
error. What was answered before that is not lost: whoever asks keeps answers (`evaluation.answers`).
"""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any

from smolcourse.data.images import as_data_url, open_image
from smolcourse.errors import SmolError
from smolcourse.evaluation.examinee import Examinee, Prompt

KEY = "SMOLCOURSE_API_KEY"
"""The environment variable that holds a server's key, where it wants one and names no other."""

_LARGEST = 10_000_000  # bytes of one reply
_PIECE = 65_536
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)  # the server may do better in a moment


class _Failed(Exception):
    """One try that another may mend. `pause` is what the server asked for, in seconds."""

    def __init__(self, vi: str, en: str, pause: float = 0.0) -> None:
        super().__init__(en)
        self.vi, self.en, self.pause = vi, en, pause


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is for the server that was named, not for one that this one points to."""

    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


@dataclass(frozen=True)
class Reply:
    """What the assistant said, and the tokens that the server says it took: None where it says nothing that can be a number."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def _wait(seconds: float, _: float) -> None:
    time.sleep(seconds)


@dataclass(frozen=True)
class Endpoint:
    """Attributes:
    url: up to and with `/v1`.
    model: as the server names it.
    timeout: seconds for one whole reply; a trickle of bytes does not stretch it.
    retries: tries after the first.
    pause: seconds before the second try; doubled each time.
    parallel: questions on their way at once.
    key: the environment variable that holds the server's key.
    """

    url: str
    model: str = "default"
    timeout: float = 120.0
    retries: int = 3
    pause: float = 1.0
    parallel: int = 4
    key: str = KEY

    def chat(self, prompt: Prompt, max_new_tokens: int = 512, temperature: float = 0.0) -> str:
        """One answer.

        Raises:
            SmolError: refused, or failed in every try.
        """
        return self.reply(prompt, {"max_tokens": max_new_tokens, "temperature": temperature}).text

    def reply(
        self,
        prompt: Prompt,
        settings: dict[str, Any],
        *,
        name: str | None = None,
        admit: Callable[[], None] = lambda: None,
        pause: Callable[[float, float], None] = _wait,
    ) -> Reply:
        """One answer, and what it took.

        Args:
            settings: of the request, as the protocol names them: `max_tokens`, `temperature`, `seed`...
            name: of this question; the same in each try, so that a server which minds `Idempotency-Key` bills it once.
            admit: called before each try; what it raises ends the trying.
            pause: called between tries with the seconds to wait, and how many of them the server asked for.

        Raises:
            SmolError: refused, or failed in every try.
        """
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(map(over_the_wire, prompt))
        asked = {"model": self.model, "messages": messages, **settings}
        wait = self.pause
        for attempt in range(self.retries + 1):
            admit()
            try:
                return self._try(asked, name)
            except _Failed as error:
                if attempt == self.retries:
                    raise SmolError(
                        f"endpoint không trả lời được sau {attempt + 1} lần: {error.vi}",
                        f"the endpoint failed in {attempt + 1} tries: {error.en}",
                        where=self.url,
                        fix=f"curl {self.url}/models",
                    ) from error
                pause(max(wait, min(error.pause, 60.0)), min(error.pause, 60.0))
                wait *= 2
        raise AssertionError

    def answers(self, prompts: Sequence[Prompt], max_new_tokens: int = 512) -> list[str]:
        """All answers, in order. Raises the first error, once those on their way are back."""
        with ThreadPoolExecutor(max(1, self.parallel)) as pool:
            return list(pool.map(lambda prompt: self.chat(prompt, max_new_tokens), prompts))

    def _try(self, asked: dict[str, Any], name: str | None) -> Reply:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key := os.environ.get(self.key):
            headers["Authorization"] = f"Bearer {key}"
        if name:
            headers["Idempotency-Key"] = name
        body = json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace")
        request = urllib.request.Request(f"{self.url.rstrip('/')}/chat/completions", body, headers)
        end = time.monotonic() + self.timeout
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.timeout) as reply:
                return _reply(_read(reply, end))
        except urllib.error.HTTPError as error:
            raise self._refused(error) from error
        except TimeoutError as error:
            raise self._slow() from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise self._slow() from error
            reason = str(getattr(error, "reason", error))[:200] or type(error).__name__
            raise _Failed(f"không kết nối được ({reason})", f"no connection ({reason})") from error

    def _slow(self) -> _Failed:
        return _Failed(f"quá {self.timeout:g} giây mà chưa trả lời xong", f"no whole answer within {self.timeout:g} seconds")

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        said = error.read(300).decode("utf-8", "replace").strip()
        text = f"HTTP {error.code} {said}".strip()
        if error.code in _AGAIN:
            return _Failed(text, text, _seconds(error.headers.get("Retry-After", "")))
        fix = f"export {self.key}=..." if error.code in (401, 403) else f"{self.url} ... /v1"
        return SmolError(f"endpoint từ chối: {text}", f"the endpoint refused: {text}", where=self.url, fix=fix)


def _read(reply: IO[bytes], end: float) -> bytes:
    """The whole reply, unless it is larger or later than it may be."""
    parts, size = [], 0
    while piece := reply.read1(_PIECE) if hasattr(reply, "read1") else reply.read(_PIECE):
        parts.append(piece)
        size += len(piece)
        if time.monotonic() > end:
            raise TimeoutError
        if size > _LARGEST:
            raise _Failed("trả lời quá dài", "the reply is too large")
    return b"".join(parts)


def _seconds(wait: str) -> float:
    """`Retry-After` in seconds: a number, or a date."""
    if wait.strip().isdecimal():
        return float(wait)
    try:
        return max(0.0, (parsedate_to_datetime(wait) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # nothing that can be read, or a date without a zone
        return 0.0


def _reply(data: bytes) -> Reply:
    """What the assistant said."""
    try:
        values = json.loads(data)
        content = values["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError):
        content = None
    if not isinstance(content, str):
        said = data[:120].decode("utf-8", "replace")
        raise _Failed(f"trả lời không đúng dạng: {said!r}", f"not a chat completion: {said!r}")
    usage = values.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    return Reply(content, _count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens")))


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def is_endpoint(name: str) -> bool:
    """Whether a model's name is a server's address."""
    return name.startswith(("http://", "https://"))


def endpoint(name: str, **settings: Any) -> Endpoint:
    """`http://localhost:8080/v1#model-name` as an endpoint."""
    url, _, model = name.partition("#")
    return Endpoint(url, model or "default", **settings)


def endpoint_examinee(name: str) -> Examinee:
    """A server as one who sits an exam; it writes, and gives no likelihoods."""
    server = endpoint(name)
    return Examinee(name, name, server.answers, together=4 * server.parallel)


def over_the_wire(message: dict[str, Any]) -> dict[str, Any]:
    """A message as the protocol has it: the pictures of its parts as data URLs, since a server does not see our files."""
    content = message.get("content")
    if not isinstance(content, list):
        return message
    return {**message, "content": [_wire_part(part) if part.get("type") == "image" else part for part in content]}


def _wire_part(part: dict[str, Any]) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": as_data_url(open_image(part.get("image") or ""))}}

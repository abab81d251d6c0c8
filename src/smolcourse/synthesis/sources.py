"""Who answers: a model in this process, a server, or several of them pooled."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from smolcourse.errors import SmolError
from smolcourse.inference.endpoint import Reply, endpoint
from smolcourse.language import tr
from smolcourse.synthesis.limits import Limiter, Meter, Usage, believed, guess_text, guess_tokens
from smolcourse.synthesis.rows import Ask, Unanswered

PAUSE = 1.0
"""Seconds before a server is tried again; doubled each time."""
_GIVE_UP = 8  # failures in a row, each after all its tries, from which a server is not asked any more
BATCH = 96
"""Questions that a local model wants at once."""
PARALLEL = 4
"""Questions that a server gets at once."""


@dataclass(eq=False)
class Request:
    """One question on its way. `fallbacks`: who is asked next if the first cannot answer."""

    key: str
    ask: Ask
    seed: int
    done: Callable[[Request, str, str, Usage, float], None]
    """Gets the text, the model's name, what it took, and seconds; must keep the answer before it tells anyone."""
    gave_up: Callable[[Request, Exception], None]
    fallbacks: list[Source] = field(default_factory=list)

    def failed(self, error: Exception) -> None:
        """Asks the next one, or says that there is no answer."""
        if self.fallbacks:
            self.fallbacks.pop(0).submit(self)
        else:
            self.gave_up(self, error)


class Source(Protocol):
    """Attributes:
    identity: differs whenever answers could differ.
    together: questions that it wants to have at once.
    """

    identity: str
    together: int

    def submit(self, request: Request) -> None:
        """Takes a question; the answer comes from any thread, or from `work`."""

    def work(self) -> bool:
        """Answers waiting questions in the calling thread, if that is how this source answers. False: there was nothing to do."""

    def close(self) -> None:
        """Starts nothing new, and waits for the answers that are on their way."""


class Local:
    """A model in this process: waiting questions are answered in batches.

    Args:
        load: gives the model and its tokenizer; called when the first question comes.
    """

    def __init__(self, name: str, identity: str, load: Callable[[], tuple[Any, Any]], *, together: int = BATCH) -> None:
        self.name, self.identity, self.together = name, identity, together
        self._load = load
        self._loaded: tuple[Any, Any] | None = None
        self._waiting: deque[Request] = deque()

    def submit(self, request: Request) -> None:
        self._waiting.append(request)

    def work(self) -> bool:
        if not self._waiting:
            return False
        kind = _kind(self._waiting[0].ask)
        # One call of `generate` has one temperature. Of a copy: another source's threads may hand questions over meanwhile.
        batch = [one for one in list(self._waiting) if _kind(one.ask) == kind][: self.together]
        for request in batch:
            self._waiting.remove(request)
        model = self.load()
        try:
            self._answer(batch, *model)
        except SmolError:  # one prompt that is too long must not take the others with it
            for request in batch:
                try:
                    self._answer([request], *model)
                except SmolError as error:
                    request.failed(Unanswered(str(error)))
        return True

    def load(self) -> tuple[Any, Any]:
        """The model and its tokenizer."""
        self._loaded = self._loaded or self._load()
        return self._loaded

    def _answer(self, batch: Sequence[Request], model: Any, tokenizer: Any) -> None:
        from smolcourse.inference.generate import generate

        began = time.monotonic()

        def finish(index: int, text: str) -> None:
            request = batch[index]
            usage = Usage(guess_tokens(request.ask.messages), guess_text(text))
            request.done(request, text, self.name, usage, time.monotonic() - began)

        generate(
            model,
            tokenizer,
            [_prompt(request.ask, tokenizer) for request in batch],
            max_new_tokens=[request.ask.max_new_tokens for request in batch],
            temperature=batch[0].ask.temperature,
            top_p=batch[0].ask.top_p,
            seed=[request.seed for request in batch],
            on_done=finish,
        )

    def close(self) -> None:
        self._waiting.clear()


def _kind(ask: Ask) -> tuple[float, float]:
    return ask.temperature, ask.top_p


def _prompt(ask: Ask, tokenizer: Any) -> Any:
    """Messages for the chat template; or, for a user's turn, the text that the template puts before it."""
    if ask.opens == "assistant":
        return list(ask.messages)
    from smolcourse.data.templates import user_opening

    return user_opening(tokenizer, list(ask.messages))


class Server:
    """An OpenAI-compatible endpoint: several questions at once, evenly spaced, each tried again after a pause, and the whole
    given up on when it only fails.

    Args:
        price: USD for a million tokens of prompts, and of answers.
    """

    def __init__(
        self,
        address: str,
        meter: Meter,
        limiter: Limiter,
        *,
        parallel: int = PARALLEL,
        price: Sequence[float] = (0.0, 0.0),
        **settings: Any,
    ) -> None:
        self._endpoint = endpoint(address, parallel=parallel, pause=PAUSE, **settings)
        self.name, self.identity, self.together = address, address, parallel
        self._meter, self._limiter, self._price = meter, limiter, price
        self._pool = ThreadPoolExecutor(parallel, thread_name_prefix="synthesis")
        self._failures = 0
        self._lock = threading.Lock()

    def submit(self, request: Request) -> None:
        if self._failures >= _GIVE_UP:
            request.failed(Unanswered(tr(f"không hỏi {self.name} nữa", f"{self.name} is not asked any more")))
        elif request.ask.opens == "user":
            request.failed(Unanswered(_no_user_turn(self.name)))
        else:
            try:
                self._pool.submit(self._answer, request)
            except RuntimeError:  # closed meanwhile
                request.failed(Unanswered(tr("đang dừng", "stopping")))

    def work(self) -> bool:
        return False

    def close(self) -> None:
        self._limiter.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _answer(self, request: Request) -> None:
        ask = request.ask
        prompt, completion = guess_tokens(ask.messages), ask.max_new_tokens
        most = self._usd(prompt, completion)
        usage: Usage | None = None
        try:
            self._meter.reserve(prompt + completion, most)
            try:
                began = time.monotonic()
                reply = self._reply(request, prompt + completion)
                usage = self._usage(ask, reply)
                request.done(request, reply.text, self.name, usage, time.monotonic() - began)
            finally:
                self._meter.settle(prompt + completion, most, usage)
        except (SmolError, Unanswered) as error:
            if isinstance(error, SmolError):
                with self._lock:
                    self._failures += 1
            request.failed(error)
        except BaseException as error:  # a thread's exception would be lost
            request.gave_up(request, error if isinstance(error, Exception) else Unanswered(str(error)))
        else:
            with self._lock:
                self._failures = 0

    def _reply(self, request: Request, tokens: int) -> Reply:
        ask = request.ask
        settings: dict[str, Any] = {"max_tokens": ask.max_new_tokens, "temperature": ask.temperature}
        if ask.temperature:
            settings |= {"top_p": ask.top_p, "seed": request.seed}

        def admit() -> None:
            self._limiter.admit(tokens)
            self._meter.admit()

        def pause(seconds: float, asked: float) -> None:
            if asked:
                self._limiter.hold(asked)
            self._limiter.sleep(seconds)

        return self._endpoint.reply(list(ask.messages), settings, name=request.key, admit=admit, pause=pause)

    def _usage(self, ask: Ask, reply: Reply) -> Usage:
        text = "".join(str(message.get("content") or "") for message in ask.messages)
        prompt, guessed = believed(reply.prompt_tokens, text, len(ask.messages))
        completion, also = believed(reply.completion_tokens, reply.text)
        self._limiter.correct(guess_tokens(ask.messages) + ask.max_new_tokens, prompt + completion)
        return Usage(prompt, completion, self._usd(prompt, completion), guessed or also)

    def _usd(self, prompt: int, completion: int) -> float:
        return (prompt * self._price[0] + completion * self._price[1]) / 1e6


def _no_user_turn(name: str) -> str:
    return tr(
        f"{name}: chỉ mô hình chạy tại chỗ mới viết được lượt của user (Magpie)",
        f"{name}: only a local model can write the user's turn (Magpie)",
    )


class Pool:
    """Several sources that share the questions. Each question has its own first; where that one fails, the next is asked."""

    def __init__(self, members: Sequence[Source]) -> None:
        self._members = members
        self.identity = " + ".join(member.identity for member in members)
        self.together = sum(member.together for member in members)

    def submit(self, request: Request) -> None:
        first = int(request.key, 16) % len(self._members)
        order = [*self._members[first:], *self._members[:first]]
        request.fallbacks = [*order[1:], *request.fallbacks]
        order[0].submit(request)

    def work(self) -> bool:
        return any([member.work() for member in self._members])

    def close(self) -> None:
        """The members are closed by who opened them."""

"""llama.cpp on one GGUF: many requests at once, streamed, cancelled, constrained. The one file that imports xllamacpp.

The wheel carries llama.cpp's whole server. It listens on a free port of this machine, behind a key drawn at random, and that is
how we speak to it: unlike the wheel's in-process calls, the port can be asked to cancel a request whose prompt is still being
read, to count tokens and to render a template, and no thread of Python stands between two tokens.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import secrets
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from smolcourse.errors import SmolError

Request = dict[str, Any]
"""The body of an OpenAI request (`messages`, `max_tokens` ...), with llama.cpp's own keys (`grammar`, `lora` ...)."""

_BATCH = 512  # tokens of prompts that are computed at once
_LIKELY = 256  # next tokens among which the one that comes mostly is


class EngineError(SmolError):
    """What llama.cpp answered instead: its HTTP status, its kind of error and its own words."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(f"llama.cpp từ chối: {message}", f"llama.cpp refused: {message}")
        self.status, self.kind, self.message = status, kind, message


class Engine:
    """One model in memory. Methods may be called from many threads; close it, or use it in a `with`.

    Args:
        gguf: the model's file.
        slots: requests that are answered at once; more wait their turn.
        context: tokens of one request, prompt and answer together. Keys and values of `slots * context` tokens are held.
        threads: of the processor; 0 for as many as there are cores to use.
        adapters: GGUF LoRA files by name; a request wears one by `lora: engine.wearing(name)`, and none without.
        lookup: tokens guessed ahead by looking for the last few in prompts and answers so far; 0 for none. The model
            checks each guess, so greedy answers stay what they are.
        lookup_key: how many last tokens are looked for.
        cache_mib: memory for the keys and values of prompts that have left their slot.
        name: what answers give as `model`.

    Raises:
        SmolError: no such file, not a GGUF, or one that llama.cpp cannot run.
    """

    def __init__(
        self,
        gguf: Path,
        *,
        slots: int = 4,
        context: int = 2048,
        threads: int = 0,
        adapters: Mapping[str, Path] | None = None,
        lookup: int = 0,
        lookup_key: int = 4,
        cache_mib: int = 0,
        name: str = "default",
    ) -> None:
        for file in (gguf, *(adapters or {}).values()):
            _need_gguf(Path(file))
        os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # else a crash calls a debugger first
        import xllamacpp  # 0.1 s, and only where a model is loaded

        from smolcourse.hardware.facts import usable_cores

        self.name, self.slots, self.context = name, slots, context
        self.adapters = tuple(adapters or {})
        self.key = secrets.token_urlsafe(24)
        settings = xllamacpp.CommonParams()
        settings.model.path = str(gguf)
        settings.model_alias = [name]
        settings.n_parallel, settings.n_ctx = slots, slots * context
        settings.n_batch = settings.n_ubatch = _BATCH
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = threads or usable_cores()
        settings.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(file), 0.0) for file in (adapters or {}).values()]
        settings.embedding, settings.pooling_type = True, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
        settings.cache_ram_mib = cache_mib
        if lookup:
            # Of llama.cpp's kinds of lookup this one remembers earlier requests too, and answers repeat one another.
            settings.speculative.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_MOD]
            ngrams = settings.speculative.ngram_mod
            ngrams.n_match, ngrams.n_min, ngrams.n_max = lookup_key, 1, lookup
        # What a request does not say: the likeliest token, as `smol chat` and evaluation do, and no sampler but those it names.
        sampling = settings.sampling
        sampling.temp, sampling.top_k, sampling.top_p, sampling.min_p = 0.0, 0, 1.0, 0.0
        settings.hostnames, settings.port, settings.api_keys, settings.ui = ["127.0.0.1"], 0, [self.key], False
        settings.n_threads_http = slots + 4  # a request holds one; the rest are for questions that take no slot
        settings.endpoint_metrics = True
        settings.fit_params = settings.warmup = False  # what was asked for is what is done; the first answer warms as well
        settings.verbosity = 0
        try:
            with _kept_signals():
                self.server: Any = xllamacpp.Server(settings)
        except RuntimeError as error:
            raise SmolError(
                "llama.cpp không nạp được tệp này (tệp hỏng, kiến trúc lạ, hoặc không đủ bộ nhớ)",
                "llama.cpp cannot load this file (damaged, of an unknown architecture, or too large for the memory)",
                where=str(gguf),
                fix="smol export MODEL --to q8_0",
            ) from error
        self.host, _, port = self.server.listening_address.rpartition("//")[2].rpartition(":")
        self.port = int(port)

    def chat(self, request: Request) -> dict[str, Any]:
        """One chat completion, whole (`/v1/chat/completions`)."""
        answer: dict[str, Any] = self.ask("/v1/chat/completions", self._dressed(greedy(request)))
        return answer

    def complete(self, request: Request) -> dict[str, Any]:
        """One text completion, whole (`/v1/completions`). `prompt` may be text or token ids."""
        answer: dict[str, Any] = self.ask("/v1/completions", self._dressed(greedy(request)))
        return answer

    def stream_chat(self, request: Request) -> Iterator[dict[str, Any]]:
        """Chunks of one chat completion as they are written. Closing the iterator cancels the rest."""
        return self.stream("/v1/chat/completions", self._dressed(greedy(request)))

    def stream_completion(self, request: Request) -> Iterator[dict[str, Any]]:
        """Chunks of one text completion as they are written. Closing the iterator cancels the rest."""
        return self.stream("/v1/completions", self._dressed(greedy(request)))

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of length 1 for each text: the mean of its tokens' last hidden states."""
        rows = self.ask("/v1/embeddings", {"input": list(texts)})["data"]
        return [row["embedding"] for row in sorted(rows, key=lambda row: int(row["index"]))]

    def tokenize(self, text: str, *, special: bool = True) -> list[int]:
        """Token ids of a text. `special`: names such as `<|im_end|>` become their one token; nothing is put in front."""
        tokens: list[int] = self.ask("/tokenize", {"content": text, "add_special": False, "parse_special": special})["tokens"]
        return tokens

    def detokenize(self, tokens: Sequence[int]) -> str:
        """The text of token ids."""
        return str(self.ask("/detokenize", {"tokens": list(tokens)})["content"])

    def render(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] | None = None) -> str:
        """The prompt that the model's chat template makes of a conversation, up to where the assistant begins to speak."""
        asked: Request = {"messages": list(messages)}
        return str(self.ask("/apply-template", asked | ({"tools": list(tools)} if tools else {}))["prompt"])

    def template(self) -> str:
        """The model's chat template, a Jinja text."""
        return str(self.ask("/props").get("chat_template") or "")

    def facts(self) -> dict[str, Any]:
        """What a server must know of the model: the tokens of one request, the size of the vocabulary, what can be asked."""
        meta = self.ask("/v1/models")["data"][0]["meta"]
        template = self.template()
        return {
            "context": int(self.ask("/props")["default_generation_settings"]["n_ctx"]),
            "trained_context": int(meta["n_ctx_train"]),
            "vocabulary": int(meta["n_vocab"]),
            "parameters": int(meta["n_params"]),
            "chat": bool(template),
            "tools": "tools" in template,
            "features": ["logprobs", "grammar", "embeddings"],
        }

    def next_logprobs(self, tokens: Sequence[int], top: int, adapter: str | None = None) -> list[tuple[int, float]]:
        """The `top` likeliest next tokens after `tokens` with their natural log-probabilities, the likeliest first.

        With `top` the size of the vocabulary these are all logits, less one constant.
        """
        # What is drawn is a letter, whatever the model thinks: of half a character, or an end, llama.cpp would report nothing.
        asked = {
            "prompt": list(tokens),
            "n_predict": 1,
            "n_probs": top,
            "temperature": 0.0,
            "top_k": 1,
            "logit_bias": [[self._letter, 10_000.0]],
            "response_fields": ["completion_probabilities"],
            "lora": self.wearing(adapter),
        }
        answer = self.ask("/completion", asked)
        return [(int(row["id"]), float(row["logprob"])) for row in answer["completion_probabilities"][0]["top_logprobs"]]

    def logprobs(self, tokens: Sequence[int]) -> list[float]:
        """The natural log-probability of each token but the first, given all before it: what perplexity is made of.

        One question a token (the beginning stays computed), so thousands take a minute; ask several windows at once, from as many
        threads as there are slots.

        Raises:
            EngineError: more tokens than the context holds.
        """
        found = []
        for place in range(1, len(tokens)):
            drawn = self._drawn(tokens[:place], tokens[place])
            found.append(self._looked_up(tokens[:place], tokens[place]) if drawn is None else drawn)
        return found

    def _drawn(self, before: Sequence[int], token: int) -> float | None:
        """The token's log-probability, told because it is made to be drawn; None for those of which llama.cpp reports nothing."""
        asked = {
            "prompt": list(before),
            "n_predict": 1,
            "n_probs": 1,
            "temperature": 0.0,
            "top_k": 1,
            "logit_bias": [[token, 10_000.0]],
            "response_fields": ["completion_probabilities"],
            "lora": self.wearing(None),
        }
        rows = self.ask("/completion", asked).get("completion_probabilities") or []
        return float(rows[0]["logprob"]) if rows and int(rows[0]["id"]) == token else None

    def _looked_up(self, before: Sequence[int], token: int) -> float:
        """The same from the list of likely next tokens, or else from that of all."""
        for top in (_LIKELY, 2**31 - 1):
            row = dict(self.next_logprobs(before, top))
            if token in row:
                break
        return row[token]

    @functools.cached_property
    def _letter(self) -> int:
        return self.tokenize("a")[0]

    def wearing(self, adapter: str | None) -> list[dict[str, float]]:
        """The value of a request's `lora`: one adapter at full strength, or none."""
        return worn(self.adapters.index(adapter) if adapter else None, len(self.adapters))

    def _dressed(self, request: Request) -> Request:
        return request if "lora" in request or not self.adapters else {**request, "lora": self.wearing(None)}

    def ask(self, path: str, body: Request | None = None) -> Any:
        """One question to llama.cpp's server, answered whole. GET without a body.

        Raises:
            EngineError: refused.
        """
        with contextlib.closing(self._send(path, body)) as connection:
            reply = connection.getresponse()
            return _answer(reply.status, reply.read())

    def stream(self, path: str, body: Request) -> Iterator[dict[str, Any]]:
        """One question, answered in events. Closing the iterator closes the connection, which cancels the rest.

        Raises:
            EngineError: refused, or failed on the way.
        """
        with contextlib.closing(self._send(path, body | {"stream": True})) as connection:
            reply = connection.getresponse()
            if reply.status != 200:
                _answer(reply.status, reply.read())
            for line in reply:
                if line.startswith(b"data: {"):
                    event: dict[str, Any] = json.loads(line[6:])
                    if "error" in event:
                        _refuse(500, event["error"])
                    yield event

    def _send(self, path: str, body: Request | None) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection(self.host, self.port)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        connection.request("GET" if body is None else "POST", path, data, headers)
        return connection

    def close(self) -> None:
        """Ends what is being answered and frees the memory."""
        self.server = None

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def greedy(request: Request) -> Request:
    """The request with what makes temperature 0 quick: only the likeliest token is looked at."""
    return request if request.get("temperature") else {**request, "temperature": 0.0, "top_k": 1}


def worn(adapter: int | None, adapters: int) -> list[dict[str, float]]:
    """The value of a request's `lora`, by the adapter's place among so many.

    None is not written as none: llama.cpp would keep what an adapter computed for a prompt when the next request wears none. A
    strength of 1e-30 changes no number and does not mislead it.
    """
    if adapter is None:
        return [{"id": 0, "scale": 1e-30}] if adapters else []
    return [{"id": adapter, "scale": 1.0}]


def _answer(status: int, body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = {"error": {"message": body[:200].decode("utf-8", "replace")}}
    if status != 200:
        _refuse(status, answer.get("error"))
    return answer


def _refuse(status: int, error: Any) -> None:
    told = error if isinstance(error, dict) else {"message": str(error)}
    raise EngineError(int(told.get("code") or status), str(told.get("type") or "server_error"), str(told.get("message") or ""))


def _need_gguf(file: Path) -> None:
    """Refuses what llama.cpp would say little about."""
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
    except OSError as error:
        raise SmolError(
            f"không mở được tệp ({error.strerror})", f"the file cannot be opened ({error.strerror})", where=str(file)
        ) from error
    if magic != b"GGUF":
        raise SmolError("đây không phải tệp GGUF", "this is not a GGUF file", where=str(file), fix="smol export MODEL --to q8_0")


@contextlib.contextmanager
def _kept_signals() -> Iterator[None]:
    """llama.cpp takes Ctrl-C and SIGTERM for itself when it starts; afterwards they are whose they were."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            if handler is not None:
                signal.signal(number, handler)

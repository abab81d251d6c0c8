"""Answers to many conversations at once, and to one as it is being written.

Llama-type models run through `LlamaDecoder`: prompts sorted by length, their common beginning computed once, finished answers
replaced by waiting prompts so that the batch stays full. Every other causal LM runs through `transformers`, padded on the left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from smolcourse.inference import plain, sampling
from smolcourse.inference.llama import LlamaDecoder
from smolcourse.inference.merged import Unsupported
from smolcourse.inference.prompts import Prompt, TextPieces, encode_prompt, room, shared_length, stop_ids
from smolcourse.inference.seeing import Eyes, decoder_of, sees

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

OnDone = Callable[[int, str], None]
"""Called with the index of a conversation and its answer, in the order in which answers are finished."""

_CACHE_BYTES = 1 << 30  # memory that keys and values of a batch may take, when no batch size is asked for
_LARGEST_BATCH = 96  # beyond it, matrix products of a small model gain nothing on a CPU
_WORTH_A_COPY = 8  # prompts from which the decoder's copy of the weights pays
_LARGEST_GROUP = 8  # prompts computed at once: enough rows for fast products, and what lies between stays in the cache


@torch.inference_mode()
def generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Prompt],
    *,
    max_new_tokens: int | Sequence[int] = 128,
    batch_size: int | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | Sequence[int] = 0,
    on_done: OnDone | None = None,
) -> list[str]:
    """Answers each conversation; special tokens are left out of the answers.

    Args:
        conversations: lists of messages that end before the answer, or plain texts to continue.
        max_new_tokens: where an answer is cut that has not stopped by itself; one number, or one for each conversation (a test
            needs no more tokens than its gold answer has: a longer answer is wrong already).
        batch_size: sequences at a time; chosen by memory if None. It does not change greedy answers.
        temperature: 0 for the most likely token at each step.
        seed: of the draws when `temperature` is above 0; or one for each conversation, whose answer then depends on nothing else.
        on_done: see `OnDone`; for progress lines.

    Raises:
        SmolError: an empty prompt, one longer than the model's context, no chat template, settings out of range.
    """
    longest = [max_new_tokens] * len(conversations) if isinstance(max_new_tokens, int) else list(max_new_tokens)
    sampling.check(temperature, top_p, *longest)
    joined = len(conversations) >= _WORTH_A_COPY
    decoder: LlamaDecoder | None = None
    if sees(model):
        decoder = decoder_of(model, joined=joined)
        prompts = Eyes(model, tokenizer, decoder).encode(conversations)
    else:
        prompts = [encode_prompt(prompt, tokenizer) for prompt in conversations]
    limits = [room(model, len(prompt), limit) for prompt, limit in zip(prompts, longest, strict=True)]
    answers = [""] * len(prompts)
    if not prompts:
        return answers

    def finish(index: int, tokens: list[int]) -> None:
        answers[index] = str(tokenizer.decode(tokens, skip_special_tokens=True))
        if on_done:
            on_done(index, answers[index])

    stops = stop_ids(model, tokenizer)
    try:
        decoder = decoder or LlamaDecoder(model, joined=joined)
    except Unsupported:
        _generate_plain(model, prompts, limits, batch_size, plain.settings(tokenizer, stops, temperature, top_p), seed, finish)
    else:
        places = [(seed, index) for index in range(len(prompts))] if isinstance(seed, int) else [(one, 0) for one in seed]
        draws = [sampling.uniforms(*place, limit) for place, limit in zip(places, limits, strict=True)] if temperature else []
        _generate_fast(decoder, prompts, limits, batch_size, temperature, top_p, draws, stops, finish)
    return answers


def _generate_plain(
    model: PreTrainedModel,
    prompts: list[list[int]],
    limits: list[int],
    batch_size: int | None,
    config: GenerationConfig,
    seed: int | Sequence[int],
    finish: Callable[[int, list[int]], None],
) -> None:
    """`transformers` draws a whole batch from one seed: where each conversation has its own, they go one by one."""
    if isinstance(seed, int) or not config.do_sample:
        plain.generate(model, prompts, limits, batch_size, config, seed if isinstance(seed, int) else 0, finish)
        return
    for index, (prompt, limit, one) in enumerate(zip(prompts, limits, seed, strict=True)):
        plain.generate(model, [prompt], [limit], 1, config, one, partial(_as, finish, index))


def _as(finish: Callable[[int, list[int]], None], index: int, _: int, tokens: list[int]) -> None:
    finish(index, tokens)


def _generate_fast(
    decoder: LlamaDecoder,
    prompts: list[list[int]],
    limits: list[int],
    batch_size: int | None,
    temperature: float,
    top_p: float,
    draws: list[Tensor],
    stops: set[int],
    finish: Callable[[int, list[int]], None],
) -> None:
    """Continuous batching. `slots[i]` is the conversation in slot i of the decoder."""
    # At least one token of each prompt stays outside the prefix: it is the one whose logits start the answer.
    prefix = prompts[0][: shared_length([prompt[:-1] for prompt in prompts])] if len(prompts) > 1 else []
    if prefix:
        decoder.extend_prefix(prefix)
    # Longest first: long answers, which tend to follow long prompts, do not end up alone at the end.
    waiting = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    capacity = batch_size or _batch_that_fits(decoder, len(prompts[waiting[-1]]) - len(prefix) + max(limits))
    decoder.reserve(min(capacity, len(prompts)), len(prompts[waiting[-1]]) - len(prefix) + 1)
    together = max(1, capacity // 8)  # new prompts are added in groups, so that their products are large too
    answers: list[list[int]] = [[] for _ in prompts]
    slots: list[int] = []
    logits = torch.empty(0)
    while waiting or slots:
        if not slots or capacity - len(slots) >= together:
            while waiting and len(slots) < capacity:
                group = [waiting.pop() for _ in range(min(capacity - len(slots), len(waiting), _LARGEST_GROUP))]
                fresh = decoder.add([prompts[index][len(prefix) :] for index in group])
                logits = torch.cat((logits, fresh)) if slots else fresh
                slots += group
        chosen = sampling.pick(
            logits,
            torch.stack([draws[index][len(answers[index])] for index in slots]) if draws else logits,
            temperature,
            top_p,
        )
        tokens: list[int] = chosen.tolist()
        for slot in reversed(range(len(slots))):
            index = slots[slot]
            if tokens[slot] not in stops:
                answers[index].append(tokens[slot])
                if len(answers[index]) < limits[index]:
                    continue
            finish(index, answers[index])
            decoder.drop(slot)
            slots[slot], tokens[slot] = slots[-1], tokens[-1]
            slots.pop()
            tokens.pop()
        if slots:
            logits = decoder.step(torch.tensor(tokens))


def _batch_that_fits(decoder: LlamaDecoder, tokens: int) -> int:
    """Sequences whose keys and values, of so many tokens each, fit into `_CACHE_BYTES`."""
    return max(1, min(_LARGEST_BATCH, _CACHE_BYTES // (decoder.bytes_per_token * tokens)))


class Streamer:
    """One conversation, answered piece by piece. Tokens that the next prompt shares with the last one are not computed again.

    Args:
        model: any causal LM, or one that sees; its weights must not change while the streamer is in use.

    Attributes:
        prompt_length: tokens of the last prompt.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._stops = stop_ids(model, tokenizer)
        self.prompt_length = 0
        self._known: list[int] = []  # the tokens whose keys and values the decoder holds
        try:
            self._decoder: LlamaDecoder | None = decoder_of(model)
        except Unsupported:
            self._decoder = None
        self._eyes = Eyes(model, tokenizer, self._decoder, passing=True) if self._decoder and sees(model) else None

    @property
    def sees(self) -> bool:
        """Whether prompts may show pictures."""
        return self._eyes is not None

    def stream(
        self, prompt: Prompt, *, max_new_tokens: int = 512, temperature: float = 0.0, top_p: float = 1.0, seed: int = 0
    ) -> Iterator[str]:
        """Yields the answer as pieces of text; together they are what `generate` returns. Stop early by closing the iterator.

        Raises:
            SmolError: as `generate`, before the first piece.
        """
        sampling.check(temperature, top_p, max_new_tokens)
        if self._eyes and self._eyes.make_room():
            self._known = []
        (ids,) = self._eyes.encode([prompt]) if self._eyes else [encode_prompt(prompt, self._tokenizer)]
        self.prompt_length = len(ids)
        limit = room(self._model, len(ids), max_new_tokens)
        if self._decoder is None:
            settings = plain.settings(self._tokenizer, self._stops, temperature, top_p)
            return self._pieces(plain.stream(self._model, ids, limit, settings, seed))
        return self._pieces(self._tokens(self._decoder, ids, sampling.uniforms(seed, 0, limit), temperature, top_p))

    def _pieces(self, tokens: Iterator[int]) -> Iterator[str]:
        text = TextPieces(self._tokenizer)
        with closing(tokens):  # type: ignore[type-var]
            for token in tokens:
                if token in self._stops:
                    break
                if piece := text.add(token):
                    yield piece
        if piece := text.end():
            yield piece

    def _tokens(self, decoder: LlamaDecoder, ids: list[int], draws: Tensor, temperature: float, top_p: float) -> Iterator[int]:
        shared = shared_length([self._known[: decoder.prefix_length], ids[:-1]])
        decoder.clear()
        decoder.truncate_prefix(shared)
        self._known = ids[:shared]
        logits = decoder.extend_prefix(ids[shared:])
        self._known = list(ids)
        try:
            for place in range(len(draws)):
                token = int(sampling.pick(logits, draws[place : place + 1], temperature, top_p))
                yield token
                # Not computed for a token that ends the answer: the reader has closed us by then.
                logits = decoder.step(torch.tensor([token])) if place else decoder.add([[token]])
                self._known.append(token)
        finally:
            decoder.absorb()


def stream(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt: Prompt,
    *,
    max_new_tokens: int = 512,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int = 0,
) -> Iterator[str]:
    """One answer as pieces of text. For several turns keep a `Streamer`, which remembers what it has read."""
    writer = Streamer(model, tokenizer)
    return writer.stream(prompt, max_new_tokens=max_new_tokens, temperature=temperature, top_p=top_p, seed=seed)

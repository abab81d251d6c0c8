"""The slow road that every causal LM can take: `transformers`' own generation, with prompts padded on the left."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from itertools import groupby
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedTokenizerBase

_BATCH = 16


def settings(tokenizer: PreTrainedTokenizerBase, stops: set[int], temperature: float, top_p: float) -> GenerationConfig:
    """Only what was asked for: a checkpoint's own generation config may hold penalties and sampling of its own."""
    from transformers import GenerationConfig

    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else min(stops, default=0)
    sampled = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0} if temperature else {"do_sample": False}
    return GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=sorted(stops) or None, pad_token_id=pad, **sampled
    )


def generate(
    model: Any,
    prompts: list[list[int]],
    limits: list[int],
    batch_size: int | None,
    config: GenerationConfig,
    seed: int,
    finish: Callable[[int, list[int]], None],
) -> None:
    """Calls `finish(index, tokens)` for each prompt, the stop token left out."""
    stops = set(config.eos_token_id or [])
    # PEFT's virtual tokens stand before the padding and shift its positions: prompts of one length only, so no padding.
    alike = bool(getattr(getattr(model, "active_peft_config", None), "is_prompt_learning", False))
    with _ready(model, seed):
        for group in _groups(prompts, batch_size or _BATCH, alike):
            longest = max(len(prompts[index]) for index in group)
            padding = [longest - len(prompts[index]) for index in group]
            ids = [[config.pad_token_id] * pad + prompts[index] for pad, index in zip(padding, group, strict=True)]
            mask = [[0] * pad + [1] * (longest - pad) for pad in padding]
            written = model.generate(
                input_ids=torch.tensor(ids, device=model.device),
                attention_mask=torch.tensor(mask, device=model.device),
                generation_config=_with_limit(config, max(limits[index] for index in group)),
            )
            for row, index in zip(written[:, longest:].tolist(), group, strict=True):
                end = next((place for place, token in enumerate(row) if token in stops), len(row))
                finish(index, row[: min(end, limits[index])])


def _groups(prompts: list[list[int]], size: int, alike: bool) -> Iterator[list[int]]:
    """Indices in batches of similar length; of the same length if `alike`."""
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for _, same in groupby(order, key=lambda index: len(prompts[index]) if alike else 0):
        group = list(same)
        yield from (group[start : start + size] for start in range(0, len(group), size))


def stream(model: Any, ids: list[int], limit: int, config: GenerationConfig, seed: int) -> Iterator[int]:
    """Token ids of one answer as they are made (the stop token too), from a thread that ends when the iterator is closed."""
    from transformers import StoppingCriteria, StoppingCriteriaList

    made: SimpleQueue[list[int] | BaseException | None] = SimpleQueue()
    closed = Event()

    class Closed(StoppingCriteria):
        def __call__(self, input_ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return torch.full((len(input_ids),), closed.is_set(), device=input_ids.device)

    class Queue:
        """What `generate` calls a streamer: the prompt comes first, then each token."""

        asked = False

        def put(self, value: torch.Tensor) -> None:
            if self.asked:
                made.put(value.flatten().tolist())
            self.asked = True

        def end(self) -> None:
            pass

    def work() -> None:
        try:
            with _ready(model, seed):
                model.generate(
                    input_ids=torch.tensor([ids], device=model.device),
                    attention_mask=torch.ones(1, len(ids), dtype=torch.long, device=model.device),
                    generation_config=_with_limit(config, limit),
                    streamer=Queue(),
                    stopping_criteria=StoppingCriteriaList([Closed()]),
                )
            made.put(None)
        except BaseException as error:
            made.put(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        while (tokens := made.get()) is not None:
            if isinstance(tokens, BaseException):
                raise tokens
            yield from tokens
    finally:
        closed.set()
        thread.join()


def _with_limit(config: GenerationConfig, limit: int) -> GenerationConfig:
    config = copy.copy(config)
    config.max_new_tokens = limit
    return config


@contextlib.contextmanager
def _ready(model: Any, seed: int) -> Iterator[None]:
    """Dropout off, draws seeded, and both as they were afterwards."""
    training = model.training
    devices = [model.device] if model.device.type == "cuda" else []
    model.eval()
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            yield
    finally:
        model.train(training)

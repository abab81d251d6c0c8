"""Is what was exported what was trained? The file, run by llama.cpp, held against the trained model, run by transformers.

Four questions, from exact to statistical. Do both make the same token ids of a nasty corpus? Does the chat template write the
same prompt? How far are the next-token probabilities apart (their Kullback-Leibler divergence, in nats) and by what factor does
perplexity grow? Does the task's score stand? The first two have one right answer. For the others `LIMITS` says how
far each type of number may stray.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from smolcourse.evaluation.compare import TaskResult, compare, evaluate
from smolcourse.evaluation.tasks import Message, Task
from smolcourse.inference.export.corpus import CONVERSATIONS, PROSE, TEXTS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from smolcourse.inference.engine import Engine

CONTEXT = 1024
"""Tokens that the check's longest text may have; an engine for it needs no more."""
_EVERY = 8  # a probe at each eighth token of a text
_TOP = 1024  # likeliest tokens that are compared one by one; all others count as one, so the divergence is a lower bound
_ROOM = 8  # tokens an answer may have beyond its gold's and a quarter, as after training
_CHANCE = 0.05  # a score that is lower by a split of items as uneven as this or more often is not called drift


@dataclass(frozen=True)
class Limit:
    """How far a type of number may stray."""

    divergence: float
    """Mean Kullback-Leibler divergence, nats."""
    perplexity: float
    """Factor by which perplexity may grow."""
    points: float
    """Points that the task's score may lose; more is drift if it is also more than chance."""


LIMITS: dict[str, Limit] = {
    "safetensors": Limit(1e-5, 1.001, 1.0),
    "f16": Limit(2e-3, 1.01, 1.0),
    "q8_0": Limit(2e-2, 1.03, 1.0),
    "q5_0": Limit(0.5, 1.25, 5.0),
    "q4_0": Limit(1.5, 1.7, 10.0),
}
"""About three times what `smol export smollm2-135m-instruct --to f16,q8_0,q5_0,q4_0` prints; so narrow a model is a hard case.
A wrong order of rows, a lost scale or another template lies at several nats, for any type. Q8_0 also rounds what goes into each
product to 8 bits, so it drifts where 16 bits do not."""


@dataclass(frozen=True)
class Expected:
    """What the trained model does: everything that an export is held against."""

    ids: list[list[int]]
    """Of `corpus.TEXTS`, special names read as tokens."""
    plain_ids: list[list[int]]
    """The same, special names read as text."""
    prompts: list[str | None]
    """Of `corpus.CONVERSATIONS`; None where the template refuses one."""
    probes: list[list[int]]
    """Beginnings of texts, after each of which all next tokens are compared."""
    rows: npt.NDArray[np.float32]
    """Natural log-probabilities after each probe, (probes, vocabulary)."""
    seen: npt.NDArray[np.float32]
    """The same after pictures, (pictures, vocabulary); none of a model that does not see."""
    prose: list[list[int]]
    perplexity: float
    limits: list[int]
    """Tokens that each of the task's answers may have."""
    result: TaskResult | None = None
    task: Task | None = None


@dataclass(frozen=True)
class Score:
    """The task's score of the trained model and of the export, on the same items."""

    task: str
    metric: str
    items: int
    memory: float
    exported: float
    low: float
    high: float
    """95 % interval of exported - memory."""
    gained: int
    lost: int
    p_value: float


@dataclass(frozen=True)
class Parity:
    """What the check found. `problems` holds what lies beyond the limits, in both languages; empty if nothing does."""

    kind: str
    tokens_differ: int
    prompts_differ: int
    divergence: float
    largest_divergence: float
    same_first: float
    """Share of probes after which both hold the same token for the likeliest."""
    perplexity: float
    expected_perplexity: float
    score: Score | None
    problems: tuple[tuple[str, str], ...] = ()
    adapter: str | None = None
    """The GGUF LoRA that was worn; only probabilities are compared then."""


def expect(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, task: Task | None = None) -> Expected:
    """Asks the trained model everything that its exports will be asked.

    Args:
        model: in memory, adapters on it or merged.
        task: whose score is compared as well.

    Raises:
        SmolError: as `generate`.
    """
    import numpy as np

    from smolcourse.inference.generate import generate

    prose = [list(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in PROSE]
    texts = [*prose, *(_solved(task, tokenizer) if task else [])]
    read = [_log_probabilities(model, ids) for ids in texts]
    places = [range(_EVERY, len(ids), _EVERY) for ids in texts]
    limits = [5 * len(tokenizer(item.gold)["input_ids"]) // 4 + _ROOM for item in task.items] if task else []
    result = None
    if task:
        result = evaluate(task, lambda asked: generate(model, tokenizer, asked, max_new_tokens=limits), model="memory")
    rows = np.stack([row[place - 1] for row, chosen in zip(read, places, strict=True) for place in chosen])
    seen = _after_pictures(model, tokenizer)
    nats = [-float(row[place - 1, ids[place]]) for ids, row in zip(prose, read, strict=False) for place in range(1, len(ids))]
    return Expected(
        [list(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in TEXTS],
        _as_text(tokenizer),
        [_rendered(turns, tokenizer) for turns in CONVERSATIONS] if tokenizer.chat_template else [],
        [ids[:place] for ids, chosen in zip(texts, places, strict=True) for place in chosen],
        rows,
        np.stack(seen) if seen else rows[:0],
        prose,
        math.exp(sum(nats) / len(nats)),
        limits,
        result,
        task,
    )


def hold(expected: Expected, engine: Engine, kind: str, *, adapter: str | None = None) -> Parity:
    """Holds one exported file, loaded in an engine, against what is expected of it.

    Args:
        kind: `f16`, `q8_0` ...: whose limits apply.
        adapter: one that the engine wears for it. Only probabilities are compared then.
    """
    with ThreadPoolExecutor(engine.slots) as pool:
        rows = pool.map(lambda ids: engine.next_logprobs(ids, _TOP, adapter), expected.probes)
        divergence, same = _divergences(expected.rows, rows)
        if adapter is not None:
            same_perplexity = (expected.perplexity, expected.perplexity)
            return judged(Parity(kind, 0, 0, *_mean_and_most(divergence), same, *same_perplexity, None, adapter=adapter))
        nats = [-value for found in pool.map(engine.logprobs, expected.prose) for value in found]
        texts = list(zip(TEXTS, expected.ids, expected.plain_ids, strict=True))
        tokens = sum(engine.tokenize(text) != ids or engine.tokenize(text, special=False) != plain for text, ids, plain in texts)
        prompts = sum(
            wanted is not None and engine.render(turns) != wanted
            for turns, wanted in zip(CONVERSATIONS, expected.prompts, strict=False)
        )
        score = None
        if expected.task and expected.result:

            def answers(conversations: list[list[Message]]) -> Sequence[str]:
                asked = [{"messages": one, "max_tokens": most} for one, most in zip(conversations, expected.limits, strict=True)]
                return [str(said["choices"][0]["message"]["content"] or "") for said in pool.map(engine.chat, asked)]

            score = _score(expected.result, evaluate(expected.task, answers, model=kind))
    perplexity = math.exp(sum(nats) / len(nats))
    found = (*_mean_and_most(divergence), same, perplexity, expected.perplexity, score)
    return judged(Parity(kind, tokens, prompts, *found))


def hold_model(expected: Expected, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Parity:
    """Holds a checkpoint that transformers has read again against what is expected of it; its score is that of its numbers."""
    import numpy as np

    again = expect(model, tokenizer)
    wanted, held = (np.concatenate((one.rows[: len(again.probes)], one.seen)) for one in (expected, again))
    likeliest = (row.argsort()[::-1][:_TOP] for row in held)
    rows = [list(zip(top.tolist(), row[top].tolist(), strict=True)) for top, row in zip(likeliest, held, strict=True)]
    divergence, same = _divergences(wanted, rows)
    tokens = sum(a != b for a, b in zip(expected.ids, again.ids, strict=True))
    prompts = sum(a != b for a, b in zip(expected.prompts, again.prompts, strict=True))
    found = (*_mean_and_most(divergence), same, again.perplexity, expected.perplexity, None)
    return judged(Parity("safetensors", tokens, prompts, *found))


def judged(parity: Parity) -> Parity:
    """The same, with what lies beyond the limits of its kind."""
    limit = LIMITS[parity.kind]
    problems = []
    if parity.tokens_differ:
        count = parity.tokens_differ
        problems.append((f"{count} văn bản cho token khác", f"{count} texts give other tokens"))
    if parity.prompts_differ:
        count = parity.prompts_differ
        problems.append(
            (f"chat template viết khác ở {count} hội thoại", f"the chat template writes {count} conversations otherwise")
        )
    if not parity.divergence <= limit.divergence:
        said = f"{parity.divergence:.2g} nat (≤ {limit.divergence:g})"
        problems.append((f"xác suất token tiếp theo lệch {said}", f"next-token probabilities diverge by {said}"))
    ratio = parity.perplexity / parity.expected_perplexity
    if not ratio <= limit.perplexity:
        said = f"{ratio:.3f}× (≤ {limit.perplexity:g})"
        problems.append((f"perplexity tăng {said}", f"perplexity grows {said}"))
    score = parity.score
    if score and 100 * (score.memory - score.exported) > limit.points and score.p_value < _CHANCE:
        said = f"{score.memory:.1%} → {score.exported:.1%}, p = {score.p_value:.3f}"
        problems.append((f"điểm {score.task} giảm: {said}", f"the score of {score.task} falls: {said}"))
    return replace(parity, problems=tuple(problems))


def _log_probabilities(model: Any, ids: list[int]) -> npt.NDArray[np.float32]:
    """(tokens, vocabulary): after each token, of every next one."""
    import torch

    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids], device=model.device)).logits[0].float()
        found: npt.NDArray[np.float32] = logits.log_softmax(-1).cpu().numpy()
        return found


def _after_pictures(model: Any, tokenizer: PreTrainedTokenizerBase) -> list[npt.NDArray[np.float32]]:
    """(vocabulary) after each of two pictures, of one tile and of as many as the model takes; nothing if it does not see."""
    import torch
    from PIL import Image

    from smolcourse.errors import SmolError
    from smolcourse.inference.seeing import sees
    from smolcourse.training.vlm_sft import seeing
    from smolcourse.vision.processor import VlmProcessor

    if not sees(model):
        return []
    inner = seeing(model)  # with the adapter's layers in it
    if hasattr(inner, "eye"):  # one that others made
        raise SmolError(
            "chưa xuất được mô hình nhìn ảnh này; hãy ghép adapter rồi dùng nó với transformers",
            "this model that sees is not exported yet; merge its adapter and use it with transformers",
            fix="smol adapters merge latest",
        )
    processor = VlmProcessor.of(inner.config, tokenizer)
    across = Image.linear_gradient("L")
    picture = Image.merge("RGB", (across, Image.radial_gradient("L"), across.rotate(90)))
    found = []
    for side in (inner.config.image_size, 4 * inner.config.image_size):
        shown = processor(images=picture.resize((side, side)), text=processor.image_token, return_tensors="pt")
        with torch.inference_mode():
            logits = inner(**shown.to(inner.device)).logits[0, -1].float()
            found.append(logits.log_softmax(-1).cpu().numpy())
    return found


def _solved(task: Task, tokenizer: PreTrainedTokenizerBase, items: int = 2) -> list[list[int]]:
    """Items with their gold answers, as they are read in training, no longer than the check's context."""
    from smolcourse.data.chat import render

    if not task.chat or not tokenizer.chat_template:
        return []
    texts = [render([*item.messages, {"role": "assistant", "content": item.gold}], tokenizer) for item in task.items[:items]]
    return [list(tokenizer(text, add_special_tokens=False)["input_ids"])[:CONTEXT] for text in texts]


def _as_text(tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Token ids of the corpus where `<|im_end|>` is six pieces of text: what a user may type without ending their turn."""
    from tokenizers import Tokenizer

    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.encode_special_tokens = True
    return [list(backend.encode(text, add_special_tokens=False).ids) for text in TEXTS]


def _rendered(turns: Sequence[dict[str, str]], tokenizer: PreTrainedTokenizerBase) -> str | None:
    from smolcourse.data.chat import render
    from smolcourse.errors import SmolError

    try:
        return render(list(turns), tokenizer, add_generation_prompt=True)
    except SmolError:
        return None


def _divergences(expected: Any, rows: Iterable[Sequence[tuple[int, float]]]) -> tuple[list[float], float]:
    """KL(expected || found) of each probe, and how often both have the same favourite.

    Args:
        expected: natural log-probabilities, (probes, vocabulary).
        rows: for each probe the likeliest tokens of the export with theirs, the likeliest first.
    """
    import numpy as np

    divergences, same = [], 0
    for wanted, row in zip(expected, rows, strict=True):
        tokens, values = zip(*row, strict=True)
        found = np.asarray(values, np.float64)
        mine = wanted[list(tokens)].astype(np.float64)
        rest_mine, rest_found = (max(1e-9, 1 - float(np.exp(one).sum())) for one in (mine, found))
        divergence = float(np.sum(np.exp(mine) * (mine - found))) + rest_mine * math.log(rest_mine / rest_found)
        divergences.append(max(0.0, divergence))  # rounding of what llama.cpp prints may leave it just below
        same += tokens[0] == int(wanted.argmax())
    return divergences, same / max(1, len(divergences))


def _mean_and_most(values: list[float]) -> tuple[float, float]:
    return sum(values) / len(values), max(values)


def _score(memory: TaskResult, exported: TaskResult) -> Score:
    both = compare(memory, exported)
    gained, lost = len(both.gained), len(both.lost)
    span = both.difference
    names = (both.task, both.metric, len(memory.items))
    return Score(*names, both.first.value, both.second.value, span.low, span.high, gained, lost, both.p_value)


def report(found: Sequence[Parity]) -> str:
    """The content of `parity.json`."""
    rows = [{**asdict(one), "problems": [en for _, en in one.problems], "limits": asdict(LIMITS[one.kind])} for one in found]
    return json.dumps({"parity": rows}, ensure_ascii=False, indent=1) + "\n"

"""How likely a model finds each of several continuations of one context.

The choices of a question share its context, and often each other's beginnings: together they are a tree of tokens. A tree is
computed in one pass in which a token sees its ancestors and nothing else (as in speculative decoding: Miao et al. 2023,
*SpecInfer*), so the context costs once, not once a choice, and the last token of a choice, whose own prediction nobody asks for,
costs nothing. What all questions begin with (few-shot examples) is computed once; trees of like size lie in one batch without
padding; the head runs only where a choice's token is predicted.

Tokens are lm-eval's (0.4.13, `_encode_pair`): spaces at the end of the context belong to the continuation, both are encoded as
one text, and what lies behind the context's own length is the continuation. Too long a context is cut on its left.

Letters in shapes: s trees, l tokens of the longest, t tokens in all, p tokens of the prefix, g key/value heads, r query heads a
key/value head, e head size, d hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from smolcourse.data.templates import render
from smolcourse.errors import SmolError
from smolcourse.inference.llama import LlamaDecoder
from smolcourse.inference.merged import Unsupported
from smolcourse.inference.prompts import Prompt, shared_length

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Request = tuple[Prompt, Sequence[str]]
"""A context, and the continuations to weigh."""

_BATCH_TOKENS = 512  # more gains nothing on a CPU and takes memory
_HEAD_ROWS = 64  # rows of logits at a time: 12 MB at a vocabulary of 49k


class Likelihood(NamedTuple):
    """Natural logarithm of a continuation's probability, and the tokens it was cut into."""

    log: float
    tokens: int


class _Pair(NamedTuple):
    context: list[int]
    continuation: list[int]


@dataclass
class _Tree:
    """Token ids, how deep each lies, its parent (-1: none); and what to read: node, next token, which continuation."""

    tokens: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    targets: list[tuple[int, int, int]] = field(default_factory=list)


class Reader:
    """One model that reads many texts. Its weights must not change meanwhile.

    Args:
        model: any causal LM. Llama-type ones take the fast way, others one padded pass a continuation.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._longest = int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2048)
        begin = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
        self._begin: int | None = begin
        self._begin_text = str(tokenizer.decode([begin])) if begin is not None else None
        try:
            self._decoder: LlamaDecoder | None = LlamaDecoder(model, joined=True)
        except Unsupported:
            self._decoder = None

    @torch.inference_mode()
    def loglikelihoods(self, requests: Sequence[Request], on_done: Callable[[int], None] | None = None) -> list[list[Likelihood]]:
        """log p(continuation | context), for every continuation of every request.

        Args:
            requests: a context is text, read as it stands, or messages, put through the chat template.
            on_done: gets the number of requests that each batch has finished.

        Raises:
            SmolError: a continuation of no tokens, or of more than the model's context.
        """
        pairs = self._encode(requests)
        sums = [[0.0] * len(group) for group in pairs]
        score = self._score_plain if self._decoder is None else self._score_trees
        for number, choice, value in score(pairs, on_done or (lambda _: None)):
            sums[number][choice] += value
        return [
            [Likelihood(total, len(pair.continuation)) for total, pair in zip(totals, group, strict=True)]
            for totals, group in zip(sums, pairs, strict=True)
        ]

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> list[Likelihood]:
        """log p(text) of whole texts, for perplexity; longer ones than the model's context in windows that share no token
        (lm-eval's `loglikelihood_rolling`)."""
        begin = self._need_begin()
        windows: list[list[_Pair]] = []
        for text in texts:
            ids = self._ids([text])[0]
            window = self._longest
            parts = [_Pair([begin], ids[:window])]
            parts += [_Pair([ids[at - 1]], ids[at : at + window]) for at in range(window, len(ids), window)]
            windows.append([part for part in parts if part.continuation])
        flat = [[part] for parts in windows for part in parts]
        sums = [0.0] * len(flat)
        score = self._score_plain if self._decoder is None else self._score_trees
        for number, _, value in score(flat, lambda _: None):
            sums[number] += value
        ends = [0, *accumulate(len(parts) for parts in windows)]
        return [
            Likelihood(sum(sums[ends[i] : ends[i + 1]]), sum(len(part.continuation) for part in parts))
            for i, parts in enumerate(windows)
        ]

    # ------------------------------------------------------------ from text to tokens

    def _encode(self, requests: Sequence[Request]) -> list[list[_Pair]]:
        contexts: list[str] = []
        wholes: list[str] = []
        for prompt, continuations in requests:
            text = prompt if isinstance(prompt, str) else render(list(prompt), self._tokenizer, add_generation_prompt=True)
            contexts.append(text.rstrip())
            wholes += [text + continuation for continuation in continuations]
        whole_ids = iter(self._ids(wholes))
        return [
            [self._pair(ids, next(whole_ids), choice) for choice in range(len(continuations))]
            for ids, (_, continuations) in zip(self._ids(contexts), requests, strict=True)
        ]

    def _pair(self, context: list[int], whole: list[int], choice: int) -> _Pair:
        continuation = whole[len(context) :]
        if not context:
            begin = self._need_begin()
            context, continuation = [begin], whole[1:] if whole[:1] == [begin] else whole
        if not 0 < len(continuation) <= self._longest:
            raise SmolError(
                f"lựa chọn {choice + 1} có {len(continuation)} token; cần từ 1 đến {self._longest}",
                f"choice {choice + 1} has {len(continuation)} tokens; it needs 1 to {self._longest}",
            )
        return _Pair(context[-(self._longest + 1 - len(continuation)) :], continuation)

    def _ids(self, texts: list[str]) -> list[list[int]]:
        """Token ids; the tokenizer adds its own special tokens unless the text brings them."""
        if not texts:
            return []
        tokenizer: Any = self._tokenizer
        ids: list[list[int]] = tokenizer(texts, return_attention_mask=False, verbose=False)["input_ids"]
        for place, text in enumerate(texts):
            if self._begin_text and text.startswith(self._begin_text):
                ids[place] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def _need_begin(self) -> int:
        if self._begin is None:
            raise SmolError(
                "tokenizer không có bos_token lẫn eos_token để mở đầu văn bản",
                "the tokenizer has neither a bos_token nor an eos_token to begin a text with",
                fix="tokenizer_config.json: eos_token",
            )
        return self._begin

    # ------------------------------------------------------------ one pass a question

    def _score_trees(self, pairs: list[list[_Pair]], done: Callable[[int], None]) -> Iterator[tuple[int, int, float]]:
        """Yields (request, choice, log-likelihood)."""
        decoder = self._decoder
        assert decoder is not None
        contexts = [pair.context[:-1] for group in pairs for pair in group]
        shared = shared_length(contexts) if len(pairs) > 1 else 0
        decoder.truncate_prefix(0)
        if shared:
            decoder.extend_prefix(contexts[0][:shared])
        trees = [_tree(group, shared) for group in pairs]
        for batch in _batches([len(tree.tokens) for tree in trees]):
            for number, values in zip(batch, _read(decoder, [trees[number] for number in batch]), strict=True):
                for (_, _, choice), value in zip(trees[number].targets, values, strict=True):
                    yield number, choice, value
            done(len(batch))

    # ------------------------------------------------------------ any other model

    def _score_plain(self, pairs: list[list[_Pair]], done: Callable[[int], None]) -> Iterator[tuple[int, int, float]]:
        """Right-padded batches through the model's own forward pass."""
        flat = [(number, choice, pair) for number, group in enumerate(pairs) for choice, pair in enumerate(group)]
        left = [len(group) for group in pairs]
        for batch in _batches([len(pair.context) + len(pair.continuation) - 1 for _, _, pair in flat]):
            rows = [(*pair.context, *pair.continuation)[:-1] for pair in (flat[place][2] for place in batch)]
            longest = max(map(len, rows))
            ids = torch.tensor([row + (0,) * (longest - len(row)) for row in rows], device=self._model.device)
            seen = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=self._model.device)
            logits = self._model(input_ids=ids, attention_mask=seen).logits
            for row, place in enumerate(batch):
                number, choice, pair = flat[place]
                first = len(pair.context) - 1
                own = logits[row, first : first + len(pair.continuation)].float().log_softmax(-1)
                wanted = torch.tensor(pair.continuation, device=own.device)[:, None]
                yield number, choice, float(own.gather(1, wanted).sum())
                left[number] -= 1
                if not left[number]:
                    done(1)


def _tree(pairs: list[_Pair], shared: int) -> _Tree:
    """The continuations of one request behind its context, what they share kept once. Tokens before `shared` are left out."""
    tree = _Tree()
    children: dict[tuple[int, int], int] = {}
    for choice, (context, continuation) in enumerate(pairs):
        node = -1
        sequence = (context + continuation)[shared:]
        first = len(context) - shared
        for depth, token in enumerate(sequence):
            if depth >= first:
                tree.targets.append((node, token, choice))
            if depth == len(sequence) - 1:
                break  # nobody asks what comes after the last one
            child = children.get((node, token))
            if child is None:
                child = children[node, token] = len(tree.tokens)
                tree.tokens.append(token)
                tree.depths.append(depth + shared)
                tree.parents.append(node)
            node = child
    return tree


def _batches(sizes: list[int]) -> Iterator[list[int]]:
    """Places of the items of each batch, longest first, so that what lies together is of like size."""
    batch: list[int] = []
    for place in sorted(range(len(sizes)), key=lambda place: -sizes[place]):
        if batch and (len(batch) + 1) * sizes[batch[0]] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def _read(decoder: LlamaDecoder, trees: list[_Tree]) -> Iterator[list[float]]:
    """For each tree, the log-probability of each of its targets."""
    starts = [0, *accumulate(len(tree.tokens) for tree in trees)]
    tokens = torch.tensor([token for tree in trees for token in tree.tokens], device=decoder.device)
    positions = torch.tensor([depth for tree in trees for depth in tree.depths], device=decoder.device)
    hidden = decoder.read(tokens, positions, _Attention(decoder, trees))
    asked = [(start + node, token) for start, tree in zip(starts, trees, strict=False) for node, token, _ in tree.targets]
    rows = sorted({node for node, _ in asked})
    row_of = {node: row for row, node in enumerate(rows)}
    wanted = torch.tensor([(row_of[node], token) for node, token in asked], device=decoder.device)
    values = torch.empty(len(asked), device=decoder.device)
    hidden = hidden[torch.tensor(rows, device=decoder.device)]
    for first in range(0, len(rows), _HEAD_ROWS):
        # logits - logsumexp is nearer to the truth by 1e-5 a token; but lm-eval rounds this way, and we are held against it.
        logs = decoder.logits(hidden[first : first + _HEAD_ROWS]).float().log_softmax(-1)
        inside = (wanted[:, 0] >= first) & (wanted[:, 0] < first + _HEAD_ROWS)
        values[inside] = logs[wanted[inside, 0] - first, wanted[inside, 1]]
    found = values.tolist()
    ends = [0, *accumulate(len(tree.targets) for tree in trees)]
    for place in range(len(trees)):
        yield found[ends[place] : ends[place + 1]]


class _Attention:
    """Each token sees the prefix, its ancestors and itself. Only here do trees lie side by side, padded; see `llama.Attend`."""

    def __init__(self, decoder: LlamaDecoder, trees: list[_Tree]) -> None:
        sizes = [len(tree.tokens) for tree in trees]
        self.count, self.longest, past = len(trees), max(sizes), decoder.past
        own = torch.arange(self.longest)
        real = own < torch.tensor(sizes)[:, None]
        self.place = real.flatten().nonzero()[:, 0].to(decoder.device)  # [t] where a token lies in [s, l]
        source = torch.zeros(self.count * self.longest, dtype=torch.long)
        source[self.place.cpu()] = torch.arange(sum(sizes))
        self.source = source.to(decoder.device)  # [s l] which token lies there; padding repeats the first
        mask = torch.full((self.count, self.longest, past + self.longest), float("-inf"))
        mask[:, :, :past] = 0.0
        mask[:, own, past + own] = 0.0
        for row, tree in zip(mask, trees, strict=True):
            _see_ancestors(row[:, past:], tree.parents)
        # Query heads that share a key head stand one after another as more queries: keys need no copy.
        self.mask = mask.to(decoder.device, decoder.dtype).repeat(1, decoder.repeat, 1)[:, None]  # [s, 1, r l, p + l]

    def __call__(self, prefix: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        groups, size = key.shape[1:]
        keys, values = (x[self.source].view(self.count, self.longest, groups, size).transpose(1, 2) for x in (key, value))
        if prefix.shape[2]:
            keys, values = (
                torch.cat((old.expand(self.count, -1, -1, -1), new), dim=2)
                for old, new in zip(prefix, (keys, values), strict=True)
            )
        query = query[self.source].view(self.count, self.longest, groups, -1, size).permute(0, 2, 3, 1, 4)
        out = F.scaled_dot_product_attention(query.reshape(self.count, groups, -1, size), keys, values, attn_mask=self.mask)
        out = out.view(self.count, groups, -1, self.longest, size).permute(0, 3, 1, 2, 4)
        return out.reshape(self.count * self.longest, -1)[self.place]


def _see_ancestors(mask: Tensor, parents: list[int]) -> None:
    """Writes 0 where a token [l] may look; parents come before their children."""
    # The context is a chain, most of every tree: written at once.
    chain = next((node for node, parent in enumerate(parents) if parent != node - 1), len(parents))
    mask[:chain, :chain].masked_fill_(torch.ones(chain, chain, dtype=torch.bool).tril_(), 0.0)
    for node in range(chain, len(parents)):
        if parents[node] >= 0:
            mask[node, :node] = mask[parents[node], :node]

"""A thin decoder for Llama-type models: what `transformers` computes, with large matrix products and nothing in between.

- The tokens that all prompts begin with (a system prompt) are computed once and kept once: every sequence attends to the same
  keys, in one large product instead of one a sequence.
- Sequences live in slots 0 .. n-1 of one preallocated cache, so each step works on plain leading slices. A finished one gives
  its slot to the last one; new ones are added behind.
- For many sequences, matrices that read the same input are joined, and stored the way round that a few rows multiply fastest.
- The head sees only the last token of each sequence.

Letters in shapes: n sequences, t tokens, g key/value heads, r query heads a key/value head, e head size, d hidden size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smolcourse.inference.merged import Unsupported, exactly, weight_and_bias

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Attend = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
"""The prefix's keys and values [2, g, p, e], rotated queries [t, g r, e], rotated keys and values [t, g, e] -> [t, g r e]."""

_STATIC_ROPE = {"default", "linear", "llama3", "yarn"}  # angles depend on the position alone
_LARGEST_COPY = 1 << 30  # bytes of weights
_GROWTH = 64  # tokens that the cache grows by
_BLOCK = 32  # sequences that attend together


@dataclass(frozen=True)
class _Product:
    """x @ matrix + bias, for one matrix [in, out] or for several side by side."""

    parts: list[tuple[Tensor, Tensor | None]]

    def __call__(self, x: Tensor) -> Tensor:
        out = [torch.mm(x, matrix) if bias is None else torch.addmm(bias, x, matrix) for matrix, bias in self.parts]
        return out[0] if len(out) == 1 else torch.cat(out, dim=-1)

    def add_to(self, residual: Tensor, x: Tensor) -> Tensor:
        """residual + x @ matrix + bias, in one pass."""
        ((matrix, bias),) = self.parts
        out = torch.addmm(residual, x, matrix)
        return out if bias is None else out.add_(bias)


@dataclass(frozen=True)
class _Layer:
    norm_1: Tensor
    attention_in: _Product  # queries, keys, values side by side
    attention_out: _Product
    norm_2: Tensor
    mlp_in: _Product  # gate and up side by side
    mlp_out: _Product


class LlamaDecoder:
    """Weights of one model, keys and values of a shared prefix, and n sequences that go on from it.

    Args:
        model: a `LlamaForCausalLM` or `Qwen2ForCausalLM`, also with LoRA, DoRA or IA3 around its linear layers (merged into a
            copy of those), or with a learned prompt or prefix. It must not change while the decoder is in use.
        joined: copy the weights into the form that many sequences multiply fastest. Large models are never copied.

    Raises:
        Unsupported: another architecture, or a part this decoder does not compute; use `model.generate`.
    """

    @torch.inference_mode()
    def __init__(self, model: PreTrainedModel, *, joined: bool = False) -> None:
        base: Any = _unwrap(model)
        config = base.config
        self.device, self.dtype = base.device, base.dtype
        self.eps = config.rms_norm_eps
        self.groups: int = config.num_key_value_heads
        self.repeat: int = config.num_attention_heads // self.groups
        self.size: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        self.positions: int = config.max_position_embeddings
        product = partial(_product, joined=joined and base.get_memory_footprint() <= _LARGEST_COPY)
        self._active = base.model.layers[0].mlp.act_fn
        self._words: Tensor = exactly(base.model.embed_tokens, nn.Embedding).weight
        self._embed: Tensor = self._words  # and behind them what was learned
        self._norm: Tensor = base.model.norm.weight
        self._head = product(base.lm_head)
        self._layers = [
            _Layer(
                layer.input_layernorm.weight,
                product(layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj),
                product(layer.self_attn.o_proj),
                layer.post_attention_layernorm.weight,
                product(layer.mlp.gate_proj, layer.mlp.up_proj),
                product(layer.mlp.down_proj),
            )
            for layer in base.model.layers
        ]
        self._rotary = base.model.rotary_emb
        self._cos = self._sin = torch.empty(0, self.size, device=self.device, dtype=self.dtype)
        # A layer's prefix: keys and values [2, g, tokens, e]. Its cache: [2, slots, g, capacity, e].
        empty = torch.empty(2, self.groups, 0, self.size, device=self.device, dtype=self.dtype)
        self._prefix = [empty] * len(self._layers)
        self._cache = [empty.new_empty(2, 0, self.groups, 0, self.size)] * len(self._layers)
        self.lengths = torch.zeros(0, dtype=torch.long)  # [n] tokens of each sequence in the cache, without the prefix
        self._virtual = 0  # places before the prefix that no text stands for: a learned prompt, never forgotten
        self._read_learned_prompt(model)

    def learn(self, embeddings: Tensor) -> int:
        """Adds words that can be read and never be said: embeddings [n, d]. Returns the id of the first."""
        first = len(self._embed)
        self._embed = torch.cat((self._embed, embeddings.to(self._embed)))
        return first

    def forget(self) -> None:
        """Removes what was learned, and all that was read."""
        self._embed = self._words
        self.truncate_prefix(0)
        self.clear()

    @property
    def past(self) -> int:
        """Places before a sequence's own tokens: the shared prefix, and a learned prompt before it."""
        return self._prefix[0].shape[2]

    @property
    def prefix_length(self) -> int:
        """Tokens of the shared prefix."""
        return self.past - self._virtual

    @property
    def bytes_per_token(self) -> int:
        """Memory that one token of one sequence takes in the cache."""
        return len(self._layers) * 2 * self.groups * self.size * self._embed.element_size()

    # ------------------------------------------------------------ the shared prefix

    @torch.inference_mode()
    def extend_prefix(self, tokens: list[int]) -> Tensor:
        """Appends tokens to the shared prefix. Returns the logits [1, vocabulary] after the last one."""
        ids = torch.tensor([tokens], device=self.device)
        hidden, fresh = self._prefill(ids)
        self._prefix = [torch.cat((old, new[:, 0]), dim=2) for old, new in zip(self._prefix, fresh, strict=True)]
        return self.logits(hidden[:, -1])

    @torch.inference_mode()
    def truncate_prefix(self, length: int) -> None:
        """Forgets the prefix from `length` on."""
        self._prefix = [layer[:, :, : self._virtual + length] for layer in self._prefix]

    @torch.inference_mode()
    def absorb(self) -> None:
        """Makes the only sequence, if there is one, part of the prefix: the next turn of a chat goes on from there."""
        if len(self.lengths):
            own = int(self.lengths[0])
            self._prefix = [torch.cat((old, new[:, 0, :, :own]), 2) for old, new in zip(self._prefix, self._cache, strict=True)]
            self.clear()

    # ------------------------------------------------------------ sequences

    @torch.inference_mode()
    def add(self, sequences: list[list[int]]) -> Tensor:
        """Adds sequences of at least one token behind the others. Returns the logits [new, vocabulary] after each."""
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        longest = int(lengths.max())
        ids = torch.zeros(len(sequences), longest, dtype=torch.long)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.tensor(sequence)
        hidden, fresh = self._prefill(ids.to(self.device))
        first = len(self.lengths)
        self.reserve(first + len(sequences), longest + 1)
        for cache, new in zip(self._cache, fresh, strict=True):
            cache[:, first : first + len(sequences), :, :longest] = new
        self.lengths = torch.cat((self.lengths, lengths))
        return self.logits(hidden[torch.arange(len(sequences)), lengths - 1])

    @torch.inference_mode()
    def step(self, tokens: Tensor) -> Tensor:
        """Appends one token to every sequence. Takes ids [n], returns logits [n, vocabulary]."""
        count = len(self.lengths)
        self.reserve(count, int(self.lengths.max()) + 1)
        slots, ends = torch.arange(count, device=self.device), self.lengths.to(self.device)
        blocks = [self._block(first, min(first + _BLOCK, count)) for first in range(0, count, _BLOCK)]
        cos, sin = self._angles(ends + self.past)
        hidden = F.embedding(tokens.to(self.device), self._embed)
        for layer, prefix, cache in zip(self._layers, self._prefix, self._cache, strict=True):
            query, key, value = self._attention_in(layer, hidden, cos, sin)
            cache[0, slots, :, ends] = key
            cache[1, slots, :, ends] = value
            parts = [self._attend_step(query[own], prefix, cache[:, own, :, : mask.shape[-1]], mask) for own, mask in blocks]
            hidden = self._after_attention(layer, hidden, torch.cat(parts) if len(parts) > 1 else parts[0])
        self.lengths += 1
        return self.logits(hidden)

    @torch.inference_mode()
    def read(self, tokens: Tensor, positions: Tensor, attend: Attend) -> Tensor:
        """Hidden states [t, d] of tokens [t] behind the prefix, none of them kept; `attend` decides what each of them sees.

        positions: [t], those of the text; a learned prompt before it moves them on.
        """
        cos, sin = self._angles(positions + self._virtual)
        hidden = F.embedding(tokens, self._embed)
        for layer, prefix in zip(self._layers, self._prefix, strict=True):
            query, key, value = self._attention_in(layer, hidden, cos, sin)
            hidden = self._after_attention(layer, hidden, attend(prefix, query, key, value))
        return hidden

    def clear(self) -> None:
        """Removes all sequences; the prefix stays."""
        self.lengths = self.lengths[:0]

    @torch.inference_mode()
    def drop(self, slot: int) -> None:
        """Removes a finished sequence: the last one takes its slot."""
        last = len(self.lengths) - 1
        if slot != last:
            length = int(self.lengths[last])
            for cache in self._cache:
                cache[:, slot, :, :length] = cache[:, last, :, :length]
            self.lengths[slot] = self.lengths[last]
        self.lengths = self.lengths[:last]

    # ------------------------------------------------------------ pieces

    def _read_learned_prompt(self, model: Any) -> None:
        """What PEFT puts before every text: words of no vocabulary, or keys and values of each layer."""
        config: Any = getattr(model, "active_peft_config", None)
        if not getattr(config, "is_prompt_learning", False) or model._adapters_disabled:
            return
        prompt = model.get_prompt(batch_size=1)
        if config.peft_type == "PREFIX_TUNING":
            self._prefix = [torch.stack((layer.keys[0], layer.values[0])).to(self._embed) for layer in prompt.layers]
        else:
            first = self.learn(prompt[0])
            self.extend_prefix(list(range(first, len(self._embed))))
            self._embed = self._words
        self._virtual = self.past

    def _block(self, first: int, last: int) -> tuple[slice, Tensor]:
        """Slots that attend together, and their mask [slots, 1, 1, t]: 0 on a sequence's own tokens, -inf behind them. Blocks
        are small so that one long sequence does not make all others read as many keys as it has."""
        ends = self.lengths[first:last].to(self.device)
        behind = torch.arange(int(ends.max()) + 1, device=self.device) > ends[:, None]
        mask = torch.zeros(behind.shape, device=self.device, dtype=self.dtype).masked_fill_(behind, float("-inf"))
        return slice(first, last), mask[:, None, None]

    def _prefill(self, ids: Tensor) -> tuple[Tensor, list[Tensor]]:
        """ids [n, t], right-padded, behind the prefix -> hidden states [n, t, d], keys and values [2, n, g, t, e] a layer."""
        count, length = ids.shape
        past = self.past
        cos, sin = self._angles(torch.arange(past, past + length, device=self.device).repeat(count))
        # Query heads that share a key head stand one after another as more queries: keys need no copy.
        mask = torch.full((length, length), float("-inf"), device=self.device, dtype=self.dtype).triu_(1)
        mask = F.pad(mask, (past, 0)).repeat(self.repeat, 1)
        hidden = F.embedding(ids.reshape(-1), self._embed)
        kept = []
        for layer, prefix in zip(self._layers, self._prefix, strict=True):
            query, key, value = self._attention_in(layer, hidden, cos, sin)
            new = torch.stack((key, value)).view(2, count, length, self.groups, self.size).transpose(2, 3)
            kept.append(new)
            if past:
                shared = prefix[:, None].expand(-1, count, -1, -1, -1)
                new = torch.cat((shared, new), dim=3)
            query = query.view(count, length, self.groups, self.repeat, self.size).permute(0, 2, 3, 1, 4)
            query = query.reshape(count, self.groups, self.repeat * length, self.size)
            attended = F.scaled_dot_product_attention(query, new[0], new[1], attn_mask=mask)
            attended = attended.view(count, self.groups, self.repeat, length, self.size).permute(0, 3, 1, 2, 4)
            hidden = self._after_attention(layer, hidden, attended.reshape(count * length, -1))
        return hidden.view(count, length, -1), kept

    def _attention_in(self, layer: _Layer, hidden: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[tokens, d] -> rotated queries [tokens, g r, e], rotated keys [tokens, g, e], values [tokens, g, e]."""
        joined = layer.attention_in(F.rms_norm(hidden, hidden.shape[-1:], layer.norm_1, self.eps))
        joined = joined.view(len(hidden), -1, self.size)
        heads = self.groups * self.repeat
        rotated = joined[:, : heads + self.groups]
        half = self.size // 2
        turned = torch.cat((-rotated[..., half:], rotated[..., :half]), dim=-1)
        rotated = (rotated * cos).addcmul_(turned, sin)
        return rotated[:, :heads], rotated[:, heads:], joined[:, heads + self.groups :]

    def _attend_step(self, query: Tensor, prefix: Tensor, cache: Tensor, mask: Tensor) -> Tensor:
        """One query a sequence: [n, g r, e] against the prefix [2, g, p, e] and the cache [2, n, g, t, e] -> [n, g r e]."""
        count, past = len(query), prefix.shape[2]
        query = (query * self.size**-0.5).view(count, self.groups, self.repeat, self.size)
        own = torch.matmul(query, cache[0].transpose(2, 3)).add_(mask)
        if not past:
            return torch.matmul(own.softmax(-1), cache[1]).view(count, -1)
        # All sequences ask the same keys: one product a key head, with n x r rows.
        asked = query.transpose(0, 1).reshape(self.groups, count * self.repeat, self.size)
        shared = torch.bmm(asked, prefix[0].transpose(1, 2)).view(self.groups, count, self.repeat, past).transpose(0, 1)
        weights = torch.cat((shared, own), dim=-1).softmax(-1)
        from_prefix = torch.bmm(weights[..., :past].transpose(0, 1).reshape(self.groups, -1, past), prefix[1])
        from_prefix = from_prefix.view(self.groups, count, self.repeat, self.size).transpose(0, 1)
        return torch.matmul(weights[..., past:], cache[1]).add_(from_prefix).view(count, -1)

    def _after_attention(self, layer: _Layer, hidden: Tensor, attended: Tensor) -> Tensor:
        hidden = layer.attention_out.add_to(hidden, attended)
        gate, up = layer.mlp_in(F.rms_norm(hidden, hidden.shape[-1:], layer.norm_2, self.eps)).chunk(2, dim=-1)
        return layer.mlp_out.add_to(hidden, self._active(gate).mul_(up))

    def logits(self, hidden: Tensor) -> Tensor:
        """Hidden states [n, d] -> logits [n, vocabulary]."""
        return self._head(F.rms_norm(hidden, hidden.shape[-1:], self._norm, self.eps))

    def _angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin [tokens, 1, e] of the rotary embedding, from a table that grows."""
        needed = int(positions.max()) + 1
        if needed > len(self._cos):
            table = torch.arange(needed + 512, device=self.device)[None]
            cos, sin = self._rotary(self._embed, table)
            self._cos, self._sin = cos[0], sin[0]
        return self._cos[positions, None], self._sin[positions, None]

    @torch.inference_mode()
    def reserve(self, slots: int, length: int) -> None:
        """Makes the cache hold so many sequences of that length; asked for early, it is not copied as they come."""
        have_slots, have = self._cache[0].shape[1], self._cache[0].shape[3]
        if slots <= have_slots and length <= have:
            return
        slots, capacity = max(slots, have_slots), max(have, -(-length // _GROWTH) * _GROWTH)
        count, longest = len(self.lengths), int(self.lengths.max()) if len(self.lengths) else 0
        for index, cache in enumerate(self._cache):
            # Zeros, not leftovers of memory: a masked place has weight 0, but 0 x NaN is not 0.
            grown = cache.new_zeros(2, slots, self.groups, capacity, self.size)
            grown[:, :count, :, :longest] = cache[:, :count, :, :longest]
            self._cache[index] = grown


def _unwrap(model: Any) -> Any:
    """The causal LM itself, without PEFT around it. Raises `Unsupported` for what `LlamaDecoder` cannot compute."""
    if hasattr(model, "peft_config"):
        model = model.get_base_model()
    config = model.config
    rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
    windowed = any("sliding" in kind for kind in getattr(config, "layer_types", None) or [])
    if type(model).__name__ not in ("LlamaForCausalLM", "Qwen2ForCausalLM") or rope not in _STATIC_ROPE or windowed:
        raise Unsupported(type(model).__name__)
    return model


def _product(*modules: Any, joined: bool) -> _Product:
    """The product with linear layers that read the same input; `joined` copies them into one matrix [in, out]."""
    parts = [weight_and_bias(module) for module in modules]
    if not joined:
        return _Product([(weight.t(), bias) for weight, bias in parts])
    matrix = torch.cat([weight for weight, _ in parts]).t().contiguous()
    if all(bias is None for _, bias in parts):
        return _Product([(matrix, None)])
    return _Product([(matrix, torch.cat([weight.new_zeros(len(weight)) if bias is None else bias for weight, bias in parts]))])

"""Hand-written Llama layers for packed rows: several times the plain path on a CPU, with no compiler.

A packed row is one flat list of T tokens holding several examples. Linear layers see the T tokens without padding; only
attention knows about examples (`attention.Layout`). One autograd function per decoder layer computes the forward pass, keeps what
the backward pass needs, and writes the gradients with large matrix products only. LoRA is computed inside the same
function; frozen weights get no gradient and cost no product.

Notation: T tokens, D hidden size, F intermediate size, H query heads, G key/value heads, E head size, R LoRA rank.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from smolcourse.training import lower
from smolcourse.training.attention import Heads, Layout, attend_row, attend_row_backward
from smolcourse.training.joined import Joined, base_of, linears, row_norms
from smolcourse.training.rowwise import add, norm, norm_backward, rotate, same_threads, swiglu, swiglu_backward


@dataclass(frozen=True)
class _Shape:
    heads: Heads
    eps: float
    joined: tuple[Joined, ...]
    dtype: torch.dtype  # of all that lies between two products; the residual stream is in x's


PROMPTS = ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")
_PARTS = (slice(0, 3), slice(3, 4), slice(4, 6), slice(6, 7))  # of the seven linear layers: `joined.GROUPS`


class _Layer(torch.autograd.Function):
    """One pre-norm decoder layer: x + attention(norm(x)), then h + mlp(norm(h))."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        cos: Tensor,
        sin: Tensor,
        past_k: Tensor | None,
        past_v: Tensor | None,
        layout: Layout,
        shape: _Shape,
        *weights: Any,
    ) -> Tensor:
        norm_1, norm_2, *rest = weights
        matrices, a, b, gains = rest[:7], rest[7:14], rest[14:21], rest[21:]
        heads = shape.heads
        pairs: list[Tensor | None] = []
        inners: list[Tensor | None] = []
        outputs: list[Tensor | None] = []  # before their gain

        def linear(number: int, value: Tensor) -> Tensor:
            joined, part = shape.joined[number], _PARTS[number]
            pair = joined.low_rank(a[part], b[part], shape.dtype)
            y, inner = joined.forward(value, matrices[part], pair)
            pairs.extend(pair or (None, None))
            inners.append(inner)
            gain = joined.gain(gains[part])
            outputs.append(None if gain is None else y)
            return y if gain is None else (y * gain).to(y.dtype)

        normed, inverse_1 = norm(x, norm_1, shape.eps, shape.dtype)
        qkv = linear(0, normed)
        q = rotate(qkv, cos, sin, x.new_empty(len(x), heads.queries * heads.size))
        k = rotate(qkv, cos, sin, x.new_empty(len(x), heads.keys * heads.size), of=heads.queries * heads.size)
        v = qkv[:, -heads.keys * heads.size :].contiguous()
        if past_k is not None and past_v is not None:
            k, v = torch.cat([past_k.flatten(1), k]), torch.cat([past_v.flatten(1).to(v.dtype), v])
        attended, kept = attend_row(q, k, v, layout, heads, shape.dtype)
        h = add(x, linear(1, attended))
        normed, inverse_2 = norm(h, norm_2, shape.eps, shape.dtype)
        both = linear(2, normed)
        y = linear(3, swiglu(both))
        ctx.save_for_backward(x, inverse_1, attended, h, inverse_2, both, cos, sin, *weights, *pairs, *inners, *outputs, *kept)
        ctx.shape, ctx.layout, ctx.past = shape, layout, 0 if past_k is None else len(past_k)
        return add(h, y)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        saved = ctx.saved_tensors
        x, inverse_1, attended, h, inverse_2, both, cos, sin = saved[:8]
        weights, pairs, inners, outputs, kept = saved[8:38], saved[38:46], saved[46:50], saved[50:54], saved[54:]
        layout: Layout = ctx.layout
        norm_1, norm_2, *rest = weights
        matrices, a, gains = rest[:7], rest[7:14], rest[21:]
        shape: _Shape = ctx.shape
        heads = shape.heads
        need = ctx.needs_input_grad[7:]
        grad_ys: list[Tensor] = [grads[0]] * 4
        grad_inners: list[Tensor | None] = [None] * 4
        grad_matrices: list[Tensor | None] = [None] * 7
        grad_a: list[Tensor | None] = [None] * 7
        grad_b: list[Tensor | None] = [None] * 7
        grad_gains: list[Tensor | None] = [None] * 7

        def to_input(number: int, grad: Tensor) -> Tensor:
            pair = pairs[2 * number : 2 * number + 2]
            joined, part, y = shape.joined[number], _PARTS[number], outputs[number]
            gain = joined.gain(gains[part])
            if gain is not None and y is not None:
                found = torch.split(torch.sum(grad * y, dim=0, dtype=gain.dtype), joined.sizes)
                grad_gains[part] = [None if own is None else each for own, each in zip(gains[part], found, strict=True)]
                grad = (grad * gain).to(grad.dtype)
            grad_ys[number] = grad
            grad_x, grad_inners[number] = joined.to_input(grad, matrices[part], None if pair[0] is None else pair)
            return grad_x

        def to_weights(number: int, value: Tensor) -> None:
            joined, part, grad = shape.joined[number], _PARTS[number], grad_ys[number]
            grad_matrices[part] = joined.to_weights(grad, value, need[2:9][part])
            grad_a[part], grad_b[part] = joined.to_pairs(grad, value, inners[number], grad_inners[number], a[part])

        (grad_out,) = grads
        grad_out = grad_out.contiguous()
        # MLP
        low = grad_out.to(shape.dtype)
        grad_both, active = swiglu_backward(to_input(3, low), both)
        to_weights(3, active)
        grad_normed = to_input(2, grad_both)
        to_weights(2, norm(h, norm_2, shape.eps, shape.dtype)[0])
        grad_norm_2 = (grad_normed * h).mul_(inverse_2).sum(dim=0) if need[1] else None
        grad_h, low = norm_backward(grad_normed, h, norm_2, inverse_2, grad_out)
        # Attention
        grad_attended = to_input(1, low)
        to_weights(1, attended)
        past: int = ctx.past
        grad_q, grad_k, grad_v = attend_row_backward(grad_attended, kept, layout, heads, past + len(x))
        grad_past = [grad[:past].view(past, heads.keys, heads.size) if past else None for grad in (grad_k, grad_v)]
        grad_qkv = low.new_empty(len(x), (heads.queries + 2 * heads.keys) * heads.size)
        rotate(grad_q, cos, -sin, grad_qkv, heads=heads.queries)
        rotate(grad_k[past:], cos, -sin, grad_qkv, heads=heads.keys, at=heads.queries * heads.size)
        grad_qkv[:, -heads.keys * heads.size :] = grad_v[past:]
        grad_normed = to_input(0, grad_qkv)
        to_weights(0, norm(x, norm_1, shape.eps, shape.dtype)[0])
        grad_norm_1 = (grad_normed * x).mul_(inverse_1).sum(dim=0) if need[0] else None
        grad_x, _ = norm_backward(grad_normed, x, norm_1, inverse_1, grad_h)
        learned = (*grad_matrices, *grad_a, *grad_b, *grad_gains)
        return grad_x, None, None, *grad_past, None, None, grad_norm_1, grad_norm_2, *learned


class _HeadLoss(torch.autograd.Function):
    """Cross entropy of the hidden states that predict a target, with the head; never holds all logits at once."""

    CHUNK = 128  # rows of logits at a time: 25 MB in fp32 at a vocabulary of 49k

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, low: Tensor | None, labels: Tensor, scale: Tensor) -> Tensor:
        head = lower.Head(weight, low, min(len(hidden), _HeadLoss.CHUNK))
        grad_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        total = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, hidden.shape[0], _HeadLoss.CHUNK):
            part = slice(start, start + _HeadLoss.CHUNK)
            total -= head.read(hidden[part], labels[part], scale).sum()
            if grad_hidden is not None:
                grad_hidden[part] = head.to_hidden()
                if grad_weight is not None:
                    head.add_to_weight(grad_weight)
        ctx.save_for_backward(grad_hidden, grad_weight)
        return total * scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        grad_hidden, grad_weight = ctx.saved_tensors
        (grad,) = grads
        if grad != 1:
            grad_hidden = grad_hidden * grad
            grad_weight = None if grad_weight is None else grad_weight * grad
        return grad_hidden, grad_weight, None, None, None


def supports(model: nn.Module) -> bool:
    """Whether every layer of the causal LM is one that `_Layer` computes: Llama, SiLU, no biases; plain LoRA, DoRA, IA3 or none.

    Learned prompts may stand before it.
    """
    config = getattr(model, "config", None)
    if getattr(config, "model_type", None) != "llama" or getattr(config, "hidden_act", None) != "silu":
        return False
    if getattr(config, "attention_bias", False) or getattr(config, "mlp_bias", False):
        return False
    learned: Any = getattr(model, "active_peft_config", None)
    if getattr(learned, "is_prompt_learning", False) and (learned.peft_type not in PROMPTS or model._adapters_disabled):
        return False
    layers = _causal_lm(model).model.layers
    return all(_is_plain(linear) for layer in layers for group in linears(layer) for linear in group)


def packed_loss(model: nn.Module, batch: dict[str, Tensor], scale: Tensor) -> Tensor:
    """Summed cross entropy of a packed row's targets times `scale`, a scalar tensor; equal to the plain path's to 1e-5.

    Args:
        model: a `LlamaForCausalLM`, or a PEFT model around one, for which `supports` holds.
        batch: a packed row as `training.packing.collate` makes it; with `embedded` [T, D] where not all tokens are words.
        scale: 1 / (targets in the optimisation step), for a mean over tokens.
    """
    causal = _causal_lm(model)
    chosen = body(model, batch)[batch["target_index"]]
    low = lower.copy(causal, [causal.lm_head], [causal.lm_head.weight])
    loss: Tensor = _HeadLoss.apply(chosen, causal.lm_head.weight, low, batch["labels"], scale)  # type: ignore[no-untyped-call]
    return loss


def body(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Hidden states [T, D] of a packed row's tokens, where logits are read from."""
    same_threads()
    causal = _causal_lm(model)
    config = causal.config
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    heads = Heads(config.num_attention_heads, config.num_key_value_heads, size)
    x = batch["embedded"] if "embedded" in batch else causal.model.embed_tokens(batch["input_ids"])
    positions, layout, tokens = batch["position_ids"], Layout.of(batch), len(x)
    past: list[tuple[Tensor | None, Tensor | None]] = [(None, None)] * len(causal.model.layers)
    learned: Any = getattr(model, "active_peft_config", None)
    if getattr(learned, "is_prompt_learning", False):
        extra, prompt = learned.num_virtual_tokens, model.get_prompt(batch_size=1)
        positions = positions + extra
        layout = layout.behind(extra, asking=learned.peft_type != "PREFIX_TUNING")
        if learned.peft_type == "PREFIX_TUNING":  # keys and values of its own in every layer
            past = [(layer.keys[0].transpose(0, 1), layer.values[0].transpose(0, 1)) for layer in prompt.layers]
        else:
            x = torch.cat([prompt[0].to(x.dtype), x])
            positions = torch.cat([torch.arange(extra, device=positions.device), positions])
    dtype = getattr(causal, "lower", None)
    filling = -len(x) % lower.ROWS if dtype else 0
    x, positions = functional.pad(x, (0, 0, 0, filling)), functional.pad(positions, (0, filling))
    cos, sin = causal.model.rotary_emb(x, position_ids=positions.unsqueeze(0))
    cos, sin = (table[0, :, : size // 2].contiguous() for table in (cos, sin))
    for layer, (past_k, past_v) in zip(causal.model.layers, past, strict=True):
        read = [_read(causal, group) for group in linears(layer)]
        joined = tuple(each for each, _ in read)
        shape = _Shape(heads, layer.input_layernorm.variance_epsilon, joined, dtype or x.dtype)
        weights = [layer.input_layernorm.weight, layer.post_attention_layernorm.weight]
        weights += [tensors[kind] for kind in range(4) for _, found in read for tensors in found]
        x = _Layer.apply(x, cos, sin, past_k, past_v, layout, shape, *weights)  # type: ignore[no-untyped-call]
    hidden: Tensor = causal.model.norm(x)
    return hidden[len(x) - filling - tokens : len(x) - filling]


def _causal_lm(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _is_plain(linear: Any) -> bool:
    if type(linear) is nn.Linear:
        return linear.bias is None
    if type(getattr(linear, "base_layer", None)) is not nn.Linear or linear.base_layer.bias is not None:
        return False
    active = linear.active_adapters
    if linear.merged or linear.disable_adapters or len(active) != 1:
        return False
    if hasattr(linear, "ia3_l"):
        return active[0] in linear.ia3_l
    if not hasattr(linear, "lora_A") or not _is_dora(linear.lora_variant.get(active[0])):
        return False
    if linear.lora_B[active[0]].bias is not None:
        return False
    dropout = linear.lora_dropout[active[0]]
    return not (isinstance(dropout, nn.Dropout) and dropout.p > 0)


def _is_dora(variant: Any) -> bool:
    """Or plain LoRA, which is no variant."""
    from peft.tuners.lora.variants import DoraLinearVariant

    return variant is None or type(variant) is DoraLinearVariant


def _read(causal: Any, group: list[Any]) -> tuple[Joined, list[tuple[Tensor | None, ...]]]:
    """A group of linear layers, and of each its weight and what PEFT has put around it: a LoRA pair, DoRA's gain.

    IA3 (Liu et al. 2022, section 3.3) scales what goes out of a layer or into it: the weight's rows or columns.
    """
    tensors: list[tuple[Tensor | None, ...]] = []
    weights, scales = [], []
    for linear in group:
        weight, name, scale = base_of(linear).weight, _active(linear), 0.0
        if hasattr(linear, "ia3_l"):
            weight = weight * linear.ia3_l[name]
        a, b, gain = None, None, None
        if hasattr(linear, "lora_A"):
            a, b, scale = linear.lora_A[name].weight, linear.lora_B[name].weight, linear.scaling[name]
            if name in linear.lora_variant:
                gain = linear.lora_magnitude_vector[name].weight / row_norms(weight, a, b, scale)
        tensors.append((weight, a, b, gain))
        weights.append(weight)
        scales.append(scale)
    whole: list[Any] = [getattr(base_of(linear), "int8", None) for linear in group]
    fast: Any = whole if all(whole) else lower.copy(causal, group, weights)
    return Joined([len(weight) for weight in weights], scales, fast), tensors


def _active(linear: Any) -> str:
    """The name of the adapter around a layer."""
    return "" if type(linear) is nn.Linear else linear.active_adapters[0]

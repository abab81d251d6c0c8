"""Hand-written Llama layers for packed rows: several times the plain path on a CPU, with no compiler.

A packed row is one flat list of T tokens holding several examples. Linear layers see the T tokens without padding; only
attention knows about examples (`attention.Layout`). One autograd function per decoder layer computes the forward pass, keeps what
the backward pass needs, and writes the gradients with large matrix products only. LoRA is computed inside the same
function; frozen weights get no gradient and cost no product.

Notation: T tokens, D hidden size, F intermediate size, H query heads, G key/value heads, E head size, R LoRA rank.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from smolcourse.training import lower
from smolcourse.training.attention import Layout, attend_row, attend_row_backward, rotate
from smolcourse.training.int8 import Int8, product, product_backward, quantise
from smolcourse.training.rowwise import norm, norm_backward, same_threads, swiglu, swiglu_backward


class LowRank(NamedTuple):
    """One LoRA pair: y += scale * (x A^T) B^T, with A [R, in] and B [out, R] (Hu et al. 2021, eq. 3)."""

    a: Tensor
    b: Tensor
    scale: float


@dataclass(frozen=True)
class _Shape:
    heads: int
    groups: int
    head_size: int
    eps: float
    scales: tuple[float, ...]  # one per projection; 0 where there is no LoRA
    fast: tuple[Int8 | Tensor | None, ...]  # one per projection: the weight once more, rounded for fast products


PROMPTS = ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class _Input:
    """What goes into linear layers; rounded once for all that read it: to int8, their columns being the same, or to bf16."""

    def __init__(self, value: Tensor) -> None:
        self.value = value
        self.rounded: tuple[Tensor, Tensor] | None = None
        self.factor = value  # as LoRA multiplies it

    def times(self, weight: Tensor, fast: Int8 | Tensor | None) -> Tensor:
        """x W^T; in the dtype of a lower weight, with as many rows as its factor has."""
        if fast is None:
            return self.value @ weight.t()
        if isinstance(fast, Tensor):
            if self.factor.dtype != fast.dtype:
                self.factor = lower.rounded(self.value, fast.dtype)
            return self.factor @ fast.t()
        if self.rounded is None:
            self.rounded = quantise(self.value, fast.columns)
        return product(self.rounded, fast)


class _Linear:
    """y = x W^T (+ LoRA), with its backward. `inner` = x A^T is kept for the gradient of B."""

    @staticmethod
    def forward(
        x: _Input, weight: Tensor, fast: Int8 | Tensor | None, a: Tensor | None, b: Tensor | None, scale: float
    ) -> tuple[Tensor, Tensor | None]:
        y, inner = x.times(weight, fast), None
        if a is not None and b is not None:
            inner = x.factor @ a.to(y.dtype).t()
            y.addmm_(inner, b.to(y.dtype).t(), alpha=scale)
        return y[: len(x.value)].to(x.value.dtype), inner

    @staticmethod
    def backward(
        grad: Tensor,
        x: Tensor,
        weight: Tensor,
        fast: Int8 | Tensor | None,
        a: Tensor | None,
        b: Tensor | None,
        inner: Tensor | None,
        scale: float,
        need_weight: bool,
        grad_x: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
        """Returns dx (added to `grad_x` where given), dW, dA, dB; autograd brings the last three to the dtype of what learns."""
        if isinstance(fast, Tensor):
            low_grad, low_x = lower.rounded(grad, fast.dtype), lower.rounded(x, fast.dtype)
            low_a, low_b = (None if factor is None else factor.to(fast.dtype) for factor in (a, b))
            found = _Linear.backward(low_grad, low_x, fast, None, low_a, low_b, inner, scale, need_weight, None)
            low = found[0][: len(x)]
            return low.to(grad.dtype) if grad_x is None else grad_x.add_(low), *found[1:]
        grad_weight = grad.t() @ x if need_weight else None
        if fast is not None:
            grad_x = product_backward(grad, fast, grad_x)
        else:
            grad_x = grad @ weight if grad_x is None else grad_x.addmm_(grad, weight)
        if a is None or b is None or inner is None:
            return grad_x, grad_weight, None, None
        grad_inner = (grad @ b).mul_(scale)
        grad_b = (inner.t() @ grad).mul_(scale).t().contiguous()  # the thin factor first: half the time of grad^T inner
        grad_a = grad_inner.t() @ x
        return grad_x.addmm_(grad_inner, a), grad_weight, grad_a, grad_b


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
        *weights: Tensor | None,
    ) -> Tensor:
        norm_1, norm_2, *rest = weights
        assert norm_1 is not None and norm_2 is not None
        matrices, pairs_a, pairs_b = rest[:7], rest[7:14], rest[14:]
        heads, groups, size = shape.heads, shape.groups, shape.head_size

        def linear(index: int, value: _Input) -> tuple[Tensor, Tensor | None]:
            matrix = matrices[index]
            assert matrix is not None
            return _Linear.forward(value, matrix, shape.fast[index], pairs_a[index], pairs_b[index], shape.scales[index])

        normed_1, inverse_1 = norm(x, norm_1, shape.eps)
        normed = _Input(normed_1)
        q, inner_q = linear(0, normed)
        k, inner_k = linear(1, normed)
        v, inner_v = linear(2, normed)
        q = rotate(q.view(-1, heads, size), cos, sin)
        k = rotate(k.view(-1, groups, size), cos, sin)
        v = v.view(-1, groups, size)
        if past_k is not None and past_v is not None:
            k, v = torch.cat([past_k, k]), torch.cat([past_v, v])
        attended, kept = attend_row(q, k, v, layout)
        y, inner_o = linear(3, _Input(attended))
        h = y.add_(x)
        normed_2, inverse_2 = norm(h, norm_2, shape.eps)
        normed = _Input(normed_2)
        gate, inner_gate = linear(4, normed)
        up, inner_up = linear(5, normed)
        y, inner_down = linear(6, _Input(swiglu(gate, up)))
        ctx.save_for_backward(
            *(x, inverse_1, attended, h, inverse_2, gate, up, cos, sin, *weights),
            *(inner_q, inner_k, inner_v, inner_o, inner_gate, inner_up, inner_down),
            *kept,
        )
        ctx.shape, ctx.layout, ctx.past = shape, layout, 0 if past_k is None else len(past_k)
        return y.add_(h)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        saved = ctx.saved_tensors
        x, inverse_1, attended, h, inverse_2, gate, up, cos, sin = saved[:9]
        weights, inners, kept = saved[9:32], saved[32:39], saved[39:]
        layout: Layout = ctx.layout
        norm_1, norm_2, *rest = weights
        matrices, pairs_a, pairs_b = rest[:7], rest[7:14], rest[14:]
        shape: _Shape = ctx.shape
        heads, groups, size = shape.heads, shape.groups, shape.head_size
        need = ctx.needs_input_grad[7:]
        grad_matrices: list[Tensor | None] = [None] * 7
        grad_a: list[Tensor | None] = [None] * 7
        grad_b: list[Tensor | None] = [None] * 7

        def linear(index: int, grad: Tensor, value: Tensor, into: Tensor | None = None) -> Tensor:
            grad_x, grad_matrices[index], grad_a[index], grad_b[index] = _Linear.backward(
                grad,
                value,
                matrices[index],
                shape.fast[index],
                pairs_a[index],
                pairs_b[index],
                inners[index],
                shape.scales[index],
                need[2 + index],
                into,
            )
            return grad_x

        (grad_out,) = grads
        # MLP
        grad_active = linear(6, grad_out, swiglu(gate, up))
        grad_gate, grad_up = swiglu_backward(grad_active, gate, up)
        normed_2, _ = norm(h, norm_2, shape.eps)
        grad_normed = linear(4, grad_gate, normed_2)
        grad_normed = linear(5, grad_up, normed_2, grad_normed)
        grad_norm_2 = (grad_normed * h).mul_(inverse_2).sum(dim=0) if need[1] else None
        grad_h = norm_backward(grad_normed, h, norm_2, inverse_2, grad_out)
        # Attention
        grad_attended = linear(3, grad_h, attended).view(-1, heads, size)
        past: int = ctx.past
        keys = (past + len(x), groups)
        grad_q, grad_k, grad_v = attend_row_backward(grad_attended, kept, layout, keys)
        grad_past = (grad_k[:past], grad_v[:past]) if past else (None, None)
        grad_k, grad_v = grad_k[past:], grad_v[past:]
        grad_q, grad_k = (rotate(grad, cos, -sin).flatten(1) for grad in (grad_q, grad_k))
        grad_v = grad_v.flatten(1)
        normed, _ = norm(x, norm_1, shape.eps)
        grad_normed = linear(0, grad_q, normed)
        grad_normed = linear(1, grad_k, normed, grad_normed)
        grad_normed = linear(2, grad_v, normed, grad_normed)
        grad_norm_1 = (grad_normed * x).mul_(inverse_1).sum(dim=0) if need[0] else None
        grad_x = norm_backward(grad_normed, x, norm_1, inverse_1, grad_h)
        return grad_x, None, None, *grad_past, None, None, grad_norm_1, grad_norm_2, *grad_matrices, *grad_a, *grad_b


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
            logits = head.logits(hidden[part])
            target = labels[part].unsqueeze(1)
            logits.sub_(logits.amax(dim=1, keepdim=True))
            chosen = logits.gather(1, target)
            norm = logits.exp_().sum(dim=1, keepdim=True)
            total += (norm.log() - chosen).sum()
            if grad_hidden is None:
                continue
            # softmax minus one-hot, scaled: the gradient of the summed cross entropy
            logits.mul_(scale / norm).scatter_add_(1, target, (-scale).expand_as(norm))
            grad_hidden[part] = head.to_hidden(logits)
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
    """Whether every layer of the causal LM is one that `_Layer` computes: Llama, SiLU, no biases; plain LoRA, IA3 or neither.

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
    return all(_is_plain(getattr(_parent(layer, name), name)) for layer in layers for name in PROJECTIONS)


def packed_loss(model: nn.Module, batch: dict[str, Tensor], scale: Tensor) -> Tensor:
    """Summed cross entropy of a packed row's targets times `scale`, a scalar tensor; equal to the plain path's to 1e-5.

    Args:
        model: a `LlamaForCausalLM`, or a PEFT model around one, for which `supports` holds.
        batch: a packed row as `training.packing.collate` makes it; with `embedded` [T, D] where not all tokens are words.
        scale: 1 / (targets in the optimisation step), for a mean over tokens.
    """
    causal = _causal_lm(model)
    chosen = body(model, batch)[batch["target_index"]]
    low = lower.copy(causal, causal.lm_head)
    loss: Tensor = _HeadLoss.apply(chosen, causal.lm_head.weight, low, batch["labels"], scale)  # type: ignore[no-untyped-call]
    return loss


def body(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Hidden states [T, D] of a packed row's tokens, where logits are read from."""
    same_threads()
    causal = _causal_lm(model)
    config = causal.config
    heads, groups = config.num_attention_heads, config.num_key_value_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
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
    cos, sin = causal.model.rotary_emb(x, position_ids=positions.unsqueeze(0))
    cos, sin = (table[0, :, : size // 2].unsqueeze(1).contiguous() for table in (cos, sin))
    for layer, (past_k, past_v) in zip(causal.model.layers, past, strict=True):
        linears = [_read(causal, getattr(_parent(layer, name), name)) for name in PROJECTIONS]
        scales = tuple(low.scale if low else 0.0 for _, _, low in linears)
        fast = tuple(fast for _, fast, _ in linears)
        shape = _Shape(heads, groups, size, layer.input_layernorm.variance_epsilon, scales, fast)
        weights = [layer.input_layernorm.weight, layer.post_attention_layernorm.weight]
        weights += [weight for weight, _, _ in linears]
        weights += [low.a if low else None for _, _, low in linears]
        weights += [low.b if low else None for _, _, low in linears]
        x = _Layer.apply(x, cos, sin, past_k, past_v, layout, shape, *weights)  # type: ignore[no-untyped-call]
    hidden: Tensor = causal.model.norm(x)
    return hidden[len(x) - tokens :]


def _causal_lm(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _parent(layer: Any, name: str) -> Any:
    return layer.self_attn if name in PROJECTIONS[:4] else layer.mlp


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
    if not hasattr(linear, "lora_A") or getattr(linear, "lora_variant", {}):
        return False
    dropout = linear.lora_dropout[active[0]]
    return not (isinstance(dropout, nn.Dropout) and dropout.p > 0)


def _read(causal: Any, linear: Any) -> tuple[Tensor, Int8 | Tensor | None, LowRank | None]:
    """A linear layer's weight, what `_Shape.fast` holds of it, and its LoRA pair where PEFT has put one around it.

    IA3 (Liu et al. 2022, section 3.3) scales what goes out of a layer or into it: the weight's rows or columns.
    """
    base = linear if type(linear) is nn.Linear else linear.base_layer
    if hasattr(linear, "ia3_l"):
        weight = base.weight * linear.ia3_l[linear.active_adapters[0]]
        return weight, lower.low(causal, weight), None
    fast = getattr(base, "int8", None) or lower.copy(causal, base)
    if base is linear:
        return base.weight, fast, None
    name = linear.active_adapters[0]
    return base.weight, fast, LowRank(linear.lora_A[name].weight, linear.lora_B[name].weight, linear.scaling[name])

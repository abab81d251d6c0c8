"""A packed row through the model's own forward pass: for any causal LM with attention, and any adapter of PEFT."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from smolcourse.training import lower
from smolcourse.training.packing import token_mask


def plain_logits(model: Any, batch: dict[str, Tensor]) -> Tensor:
    """Logits [M, V] where a packed row's targets are predicted.

    Learned prompts (PEFT's prompt tuning, p-tuning and prefix tuning) stand before every example of the row, as they would before
    it alone: each token sees them, and positions count from behind them.
    """
    batch = _filled(batch)
    config = getattr(model, "active_peft_config", None)
    learned = bool(getattr(config, "is_prompt_learning", False)) and not getattr(model, "_adapters_disabled", False)
    if not learned:
        alone = batch["blocks"][:, 0].sum() == 1  # then causal is all that is asked
        mask = None if alone else _additive(token_mask(batch), model.dtype)
        words = {"inputs_embeds": batch["embedded"][None]} if "embedded" in batch else {"input_ids": batch["input_ids"][None]}
        output = model(
            **words,
            position_ids=batch["position_ids"][None],
            attention_mask=mask,
            logits_to_keep=batch["target_index"],
            use_cache=False,
        )
        logits: Tensor = output.logits[0]
        return logits
    assert config is not None
    base, prompt, extra = model.get_base_model(), model.get_prompt(batch_size=1), config.num_virtual_tokens
    own = token_mask(batch)
    sees = torch.cat([own.new_ones(len(own), extra), own], dim=1)
    positions = batch["position_ids"] + extra
    if config.peft_type == "PREFIX_TUNING":  # keys and values of its own in every layer
        output = base(
            input_ids=batch["input_ids"][None],
            position_ids=positions[None],
            attention_mask=_additive(sees, base.dtype),
            past_key_values=prompt,
            logits_to_keep=batch["target_index"],
            use_cache=True,
        )
        logits = output.logits[0]
        return logits
    among = torch.cat([own.new_ones(extra, extra).tril(), own.new_zeros(extra, len(own))], dim=1)
    embedded = base.get_input_embeddings()(batch["input_ids"])[None]
    output = base(
        inputs_embeds=torch.cat([prompt.to(embedded.dtype), embedded], dim=1),
        position_ids=torch.cat([torch.arange(extra), positions])[None],
        attention_mask=_additive(torch.cat([among, sees]), base.dtype),
        logits_to_keep=batch["target_index"] + extra,
        use_cache=False,
    )
    logits = output.logits[0]
    return logits


def _filled(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """The row with tokens that none of its own sees behind it, as many as make few shapes (`lower.filling`)."""
    more = lower.filling(len(batch["input_ids"]))
    filled = {name: F.pad(batch[name], (0, more)) for name in ("input_ids", "position_ids")}
    if "embedded" in batch:
        filled["embedded"] = F.pad(batch["embedded"], (0, 0, 0, more))
    return {**batch, **filled} if more else batch


def _additive(allowed: Tensor, dtype: torch.dtype) -> Tensor:
    """[T, K] -> [1, 1, T, K]: what transformers adds to the scores."""
    mask = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
    return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[None, None]

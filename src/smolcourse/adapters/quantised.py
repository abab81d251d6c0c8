"""QLoRA (Dettmers et al. 2023): the frozen weights in 4 bits, by bitsandbytes, where that works."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from smolcourse.config import Recipe
from smolcourse.errors import SmolError

if TYPE_CHECKING:
    import torch


def need_bitsandbytes(recipe: Recipe) -> None:
    """For a recipe with `load_in_4bit`: quantises a few numbers, to know before anything is loaded.

    Raises:
        SmolError: bitsandbytes is not installed, or does not work here; OLoRA, which changes the weights themselves.
    """
    if recipe.init_lora_weights == "olora":
        raise SmolError(
            "OLoRA sửa chính trọng số gốc, nên không đi cùng load_in_4bit",
            "OLoRA changes the base weights themselves, so it does not go with load_in_4bit",
            where="load_in_4bit",
            fix="load_in_4bit=false",
        )
    if find_spec("bitsandbytes") is None:
        raise SmolError(
            "load_in_4bit cần bitsandbytes, mà máy này chưa cài",
            "load_in_4bit needs bitsandbytes, which is not installed",
            where="load_in_4bit",
            fix="pip install bitsandbytes; load_in_4bit=false",
        )
    import torch

    from smolcourse import hardware

    try:
        from bitsandbytes.functional import dequantize_4bit, quantize_4bit

        dequantize_4bit(*quantize_4bit(torch.ones(64, 64, device=hardware.machine().device), quant_type="nf4"))
    except Exception as error:  # a missing library, an unknown processor, a driver: each version of it raises something else
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise SmolError(
            f"bitsandbytes không chạy được trên máy này ({reason})",
            f"bitsandbytes does not work on this machine ({reason})",
            where="load_in_4bit",
            fix="load_in_4bit=false",
        ) from error


def four_bits(dtype: torch.dtype) -> Any:
    """How `from_pretrained` quantises: NormalFloat4, its scales quantised too, products in `dtype`."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )

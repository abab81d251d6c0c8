"""An adapter's folder: what it says of itself without being loaded, and what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smolcourse.assets.resolver import need_safetensors
from smolcourse.errors import SmolError

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"

_LEARNED = ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")
_NEEDS = {"LORA": ("r", "lora_alpha"), **dict.fromkeys(_LEARNED, ("num_virtual_tokens",))}
_RANGES = {"r": (1, 1 << 16), "lora_alpha": (1e-9, 1e9), "lora_dropout": (0.0, 0.99), "num_virtual_tokens": (1, 1 << 16)}


@dataclass(frozen=True)
class Facts:
    """What an adapter's folder says of it, read without loading it."""

    kind: str
    """LoRA, rsLoRA, DoRA, IA3, prompt tuning, ..."""
    rank: int | None
    """Of LoRA; virtual tokens of a learned prompt; None for IA3."""
    parameters: int
    """Numbers in the file."""
    size: int
    """Bytes of the file."""
    base: str
    """The model it belongs to, as the adapter names it."""


def describe(folder: Path) -> Facts:
    """Kind, rank, parameters and size of a saved adapter.

    Raises:
        SmolError: no adapter there, or a damaged one.
    """
    config = read_config(folder)
    file = folder / WEIGHTS
    with weights_of(folder, "np") as weights:  # shapes alone: no torch needed
        parameters = sum(math.prod(weights.get_slice(key).get_shape()) for key in weights.keys())  # noqa: SIM118
    name = config["peft_type"]
    kind = {"LORA": "LoRA", "P_TUNING": "p-tuning"}.get(name, name if name == "IA3" else name.replace("_", " ").lower())
    if name == "LORA" and (config.get("use_dora") or config.get("use_rslora")):
        kind = "DoRA" if config.get("use_dora") else "rsLoRA"
    rank = config.get("r" if name == "LORA" else "num_virtual_tokens")
    return Facts(kind, rank, parameters, file.stat().st_size, str(config.get("base_model_name_or_path") or ""))


def read_config(folder: Path) -> dict[str, Any]:
    """An adapter's `adapter_config.json`, checked as far as it goes without the model.

    Raises:
        SmolError: there is none, it is no JSON object, or a value in it is impossible; `where` names the key.
    """
    where = folder / CONFIG
    if not where.is_file():
        raise SmolError(f"thư mục này không có adapter ({CONFIG})", f"the folder has no adapter ({CONFIG})", where=str(folder))
    try:
        config = json.loads(where.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SmolError(
            "không đọc được tệp này (JSON hỏng)", "this file cannot be read (broken JSON)", where=str(where)
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("peft_type"), str):
        raise SmolError(
            "tệp này không mô tả một adapter của PEFT (peft_type)",
            "this file does not describe an adapter of PEFT (peft_type)",
            where=str(where),
        )
    for key, (low, high) in _RANGES.items():
        needed = _NEEDS.get(config["peft_type"], ())
        value: Any = config.get(key)
        number = type(value) is int or (type(value) is float and isinstance(low, float))
        if (key in needed or key in config) and not (number and low <= value <= high):
            whole = isinstance(low, int)
            raise SmolError(
                f"{key} phải là số{' nguyên' * whole} trong khoảng [{low:g}, {high:g}], không phải {value!r}",
                f"{key} must be a {'whole ' * whole}number within [{low:g}, {high:g}], not {value!r}",
                where=f"{where} {key}",
            )
    return config


@contextmanager
def weights_of(folder: Path, framework: str = "pt") -> Iterator[Any]:
    """The opened weights of an adapter; what is damaged or a pickle is an error."""
    from safetensors import SafetensorError, safe_open

    need_safetensors(folder, WEIGHTS)
    try:
        with safe_open(folder / WEIGHTS, framework) as weights:
            yield weights
    except (SafetensorError, OSError) as error:
        raise SmolError("tệp adapter bị hỏng", "the adapter's file is damaged", where=str(folder / WEIGHTS)) from error

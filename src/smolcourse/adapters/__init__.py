"""Adapters over PEFT: LoRA and its kin, IA3, learned prompts. Importing this loads neither torch nor PEFT."""

from smolcourse.adapters.adding import adapter_config, add_adapter, save_adapter
from smolcourse.adapters.comparing import BASE, Difference, compare
from smolcourse.adapters.files import Facts, describe, read_config
from smolcourse.adapters.quantised import four_bits, need_bitsandbytes
from smolcourse.adapters.wearing import TOLERANCE, load_adapter, merge, merge_in_memory, stack, switch, unmerge

__all__ = [
    "BASE",
    "TOLERANCE",
    "Difference",
    "Facts",
    "adapter_config",
    "add_adapter",
    "compare",
    "describe",
    "four_bits",
    "load_adapter",
    "merge",
    "merge_in_memory",
    "need_bitsandbytes",
    "read_config",
    "save_adapter",
    "stack",
    "switch",
    "unmerge",
]

"""Recipes: one flat dataclass <- YAML <- key=value. Keys are the names TRL and transformers use."""

import dataclasses
import difflib
import math
import os
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from smolcourse.errors import SmolError
from smolcourse.settings import check_type, coerce, type_name


@dataclass(frozen=True)
class Recipe:
    """Everything a run needs. The resolved recipe is saved with the run, and starting it again gives the same run."""

    # What is trained
    method: Literal["sft", "dpo", "orpo", "kto", "grpo", "rloo", "reward"] = "sft"
    engine: Literal["smol", "trl"] = "smol"  # the last four methods are TRL's alone
    model_name_or_path: str = "smollm2-135m-instruct"
    chat_template_path: str | None = None

    # On what
    dataset_name: str = "milk-tea"
    dataset_config: dict[str, Any] = field(default_factory=dict)
    dataset_train_split: str = "train"
    max_length: int = 512
    truncation: Literal["drop", "error", "drop_turns"] = "drop"

    # Adapter; none when use_peft is false
    use_peft: bool = False
    peft_type: Literal["LORA", "IA3", "PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING"] = "LORA"
    lora_r: int = 16
    lora_alpha: float = 32.0
    lora_dropout: float = 0.0
    lora_target_modules: str | list[str] = "all-linear"
    use_dora: bool = False
    use_rslora: bool = False
    init_lora_weights: bool | Literal["gaussian", "orthogonal", "olora", "gradient"] = True
    loraplus_lr_ratio: float | None = None  # LoRA+: B learns so many times faster than A
    load_in_4bit: bool = False  # QLoRA: the frozen weights in 4 bits, where bitsandbytes works
    num_virtual_tokens: int = 20  # of prompt tuning, p-tuning, prefix tuning

    # Preferences: dpo and orpo
    loss_type: Literal["sigmoid", "hinge", "ipo", "robust", "sigmoid_norm", "simpo"] = "sigmoid"  # of dpo
    beta: float = 0.1  # dpo: how dear it is to leave the reference model; orpo: weight of the odds ratio
    label_smoothing: float = 0.0  # share of pairs taken to be the wrong way round
    rpo_alpha: float = 0.0  # dpo: weight of the chosen answer's cross entropy (RPO; TRL: loss_type [.., sft])
    reference_free: bool = False  # dpo without a reference model
    simpo_gamma: float = 0.5  # margin by which simpo wants the chosen answer to win
    completion_only_loss: bool = True  # orpo's cross entropy: of the chosen answer alone, or (TRL) of its prompt too

    # Models that see
    freeze_vision: bool = True  # the image encoder looks at each picture once, and what it says is kept
    freeze_projector: bool = False
    freeze_language: bool = False
    projector_learning_rate: float | None = None  # its own; else learning_rate
    align_dataset_name: str | None = None  # a first stage, where the projector alone learns: captions
    align_dataset_config: dict[str, Any] = field(default_factory=dict)
    align_epochs: float = 1.0

    # Learning from scores, on TRL: grpo and rloo
    num_generations: int = 4  # answers to a prompt, compared with one another
    max_completion_length: int = 128

    # Optimisation
    learning_rate: float = 2e-4
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "linear"
    warmup_steps: int = 10
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.99
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    num_train_epochs: float = 1.0
    max_steps: int = -1
    per_device_train_batch_size: int = 1  # packed rows when packing, else examples
    gradient_accumulation_steps: int = 1
    seed: int = 42

    # Engine
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    packing: bool = True
    packed_length: int = 1024  # tokens in one packed row
    prefix_sharing: bool = True  # the prompt that all examples of a packed row begin with is computed once
    fused: bool = True  # hand-written Llama layers
    int8: bool = True  # products with frozen weights in int8, in training, where this machine is much faster at it
    fsdp: bool = False  # under torchrun: each process holds a part of every weight; plain layers, no checkpoints

    # While it runs
    budget: str | None = None  # "8m": the schedule ends within this time
    logging_steps: int = 1
    save_steps: int = 50
    save_total_limit: int = 2
    sample_prompts: list[str] = field(default_factory=list)
    sample_steps: int = 50
    country: str = "VN"  # electricity: g CO2 and price of a kWh

    # Before and after: scored on held-out splits of a task
    task: str | None = None
    task_splits: list[str] = field(default_factory=list)
    task_size: int = 200

    use_mine: dict[str, Any] = field(default_factory=dict)  # the learner's own functions: exercise -> file
    output_dir: str = "runs"

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            object.__setattr__(self, spec.name, coerce(getattr(self, spec.name), _HINTS[spec.name]))
            check_type(spec.name, getattr(self, spec.name), _HINTS[spec.name])
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if not (low <= value <= high) or math.isnan(value):
                raise SmolError(
                    f"{name} phải nằm trong khoảng [{low:g}, {high:g}], không phải {value}",
                    f"{name} must be within [{low:g}, {high:g}], not {value}",
                    where=name,
                    fix=f"{name}={getattr(Recipe, name)}",
                )
        if self.budget is not None:
            parse_minutes(self.budget)
        if self.warmup_steps and 0 < self.max_steps <= self.warmup_steps:
            raise SmolError(
                f"warmup_steps={self.warmup_steps} phải nhỏ hơn max_steps={self.max_steps}",
                f"warmup_steps={self.warmup_steps} must be below max_steps={self.max_steps}",
                where="warmup_steps",
                fix=f"warmup_steps={max(0, self.max_steps // 10)}",
            )
        self._check_method()
        if self.prefix_sharing and not self.packing:
            object.__setattr__(self, "prefix_sharing", False)
        if self.packing and self.packed_length < self.max_length:
            object.__setattr__(self, "packed_length", self.max_length)

    def _check_adapter(self) -> None:
        of_lora = {
            "use_dora": self.use_dora,
            "use_rslora": self.use_rslora,
            "init_lora_weights": self.init_lora_weights not in (True, "gradient"),  # recipes have that one, as they have lora_r
            "loraplus_lr_ratio": self.loraplus_lr_ratio is not None,
            "load_in_4bit": self.load_in_4bit,
        }
        for name, used in of_lora.items():
            if used and not (self.use_peft and self.peft_type == "LORA"):
                raise SmolError(
                    f"{name} chỉ dùng với use_peft=true và peft_type=LORA",
                    f"{name} goes with use_peft=true and peft_type=LORA only",
                    where=name,
                    fix="use_peft=true peft_type=LORA",
                )
        if self.init_lora_weights == "gradient" and (self.load_in_4bit or self.fsdp):
            name = "load_in_4bit" if self.load_in_4bit else "fsdp"
            raise SmolError(
                f"init_lora_weights=gradient cần gradient của từng ma trận trọng số nguyên vẹn, nên không đi cùng {name}",
                f"init_lora_weights=gradient needs the gradient of every weight, whole, so it does not go with {name}",
                where="init_lora_weights",
                fix="init_lora_weights=true",
            )
        if self.projector_learning_rate is not None and not 1e-12 <= self.projector_learning_rate <= 10:
            raise SmolError(
                f"projector_learning_rate từ 1e-12 đến 10, không phải {self.projector_learning_rate}",
                f"projector_learning_rate is 1e-12 to 10, not {self.projector_learning_rate}",
                where="projector_learning_rate",
                fix="projector_learning_rate=2e-3",
            )
        if self.loraplus_lr_ratio is not None and not 1 <= self.loraplus_lr_ratio <= 1e4:
            raise SmolError(
                f"loraplus_lr_ratio từ 1 đến 10000, không phải {self.loraplus_lr_ratio}",
                f"loraplus_lr_ratio is 1 to 10000, not {self.loraplus_lr_ratio}",
                where="loraplus_lr_ratio",
                fix="loraplus_lr_ratio=16",
            )

    def _check_method(self) -> None:
        if self.label_smoothing and self.loss_type in ("hinge", "ipo", "simpo"):
            raise SmolError(
                f"loss_type={self.loss_type} không dùng label_smoothing",
                f"loss_type={self.loss_type} takes no label_smoothing",
                where="label_smoothing",
                fix="label_smoothing=0",
            )
        self._check_adapter()
        if self.loss_type != "sigmoid" and self.method != "dpo":
            raise SmolError(
                f"loss_type={self.loss_type} chỉ dùng với method=dpo",
                f"loss_type={self.loss_type} goes with method=dpo only",
                where="loss_type",
                fix="method=dpo",
            )


_HINTS = typing.get_type_hints(Recipe)
_OF_THE_DATA = {
    *("dataset_config", "dataset_train_split", "align_dataset_name", "align_dataset_config"),
    *("task", "task_splits", "task_size", "sample_prompts"),
}
_RANGES: list[tuple[str, float, float]] = [
    ("learning_rate", 1e-12, 10.0),
    ("weight_decay", 0.0, 10.0),
    ("adam_beta1", 0.0, 0.99999),
    ("adam_beta2", 0.0, 0.99999),
    ("adam_epsilon", 1e-16, 1.0),
    ("max_grad_norm", 1e-9, 1e9),
    ("num_train_epochs", 1e-6, 1e6),
    ("max_steps", -1, 1e9),
    ("warmup_steps", 0, 1e9),
    ("max_length", 8, 1 << 20),
    ("packed_length", 8, 1 << 20),
    ("per_device_train_batch_size", 1, 1e6),
    ("gradient_accumulation_steps", 1, 1e6),
    ("align_epochs", 1e-6, 1e6),
    ("beta", 1e-6, 1e3),
    ("label_smoothing", 0.0, 0.499),
    ("rpo_alpha", 0.0, 1e3),
    ("simpo_gamma", 0.0, 1e3),
    ("lora_r", 1, 4096),
    ("num_virtual_tokens", 1, 4096),
    ("num_generations", 2, 1024),
    ("max_completion_length", 1, 1 << 20),
    ("lora_alpha", 1e-6, 1e6),
    ("lora_dropout", 0.0, 0.95),
    ("logging_steps", 1, 1e9),
    ("save_steps", 1, 1e9),
    ("save_total_limit", 1, 1e6),
    ("sample_steps", 1, 1e9),
    ("task_size", 1, 1e6),
    ("seed", 0, 2**32 - 1),
]


def recipes_folder() -> Path:
    """The folder of built-in recipes: `recipes/` of the checkout, or the copy inside an installed wheel."""
    inside = Path(__file__).parent / "recipes"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "recipes"


def builtin_recipes() -> list[str]:
    """Names of the built-in recipes, such as `smollm2-135m/sft/full`."""
    root = recipes_folder()
    names = (str(path.relative_to(root).with_suffix("")).replace(os.sep, "/") for path in root.rglob("*.yaml"))
    return sorted(name for name in names if not name.startswith("synth/"))  # those are pipelines, which train nothing


def find_recipe(name: str) -> Path:
    """A recipe file, by path or by built-in name."""
    path = Path(name)
    if path.is_file():
        return path
    builtin = recipes_folder() / f"{name.removesuffix('.yaml')}.yaml"
    if builtin.is_file():
        return builtin
    near = difflib.get_close_matches(name, builtin_recipes(), n=1, cutoff=0.3)
    raise SmolError(
        f"không có recipe {name!r}; có sẵn: {', '.join(builtin_recipes())}",
        f"no recipe {name!r}; built in: {', '.join(builtin_recipes())}",
        fix=f"smol train {near[0]}" if near else None,
    )


def load_recipe(name: str, overrides: list[str] | None = None) -> Recipe:
    """Reads a recipe and applies `key=value` words; a value is YAML, and `dataset_config.size=500` reaches into a dict.

    Raises:
        SmolError: no such file, broken YAML, unknown key, wrong type or a value out of range.
    """
    path = find_recipe(name)
    values = read_yaml(path)
    named = {word.partition("=")[0].partition(".")[0] for word in overrides or []}
    if "dataset_name" in named:
        for key in _OF_THE_DATA - named:  # other data: what the recipe says of its own does not hold
            values.pop(key, None)
    for word in overrides or []:
        key, equals, text = word.partition("=")
        if not equals or not key:
            raise SmolError(
                f"cần key=value, nhận được {word!r}",
                f"expected key=value, got {word!r}",
                fix=f"smol train {name} learning_rate=1e-4",
            )
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            value = text
        outer, dot, inner = key.partition(".")
        if dot:
            nested = values.get(outer) or {}
            if not isinstance(nested, dict):
                raise SmolError(f"{outer} không có khoá con", f"{outer} has no keys of its own", where=key)
            values[outer] = {**nested, inner: value}
        else:
            values[key] = value
    return recipe_from(values, where=str(path))


def recipe_from(values: dict[str, Any], *, where: str) -> Recipe:
    """Builds a recipe from plain values; an unknown key names the nearest known one."""
    for key in values:
        if key not in _HINTS:
            near = difflib.get_close_matches(str(key), list(_HINTS), n=1)
            raise SmolError(
                f"khoá {key!r} không có trong recipe" + (f"; có phải {near[0]!r}?" if near else ""),
                f"unknown recipe key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                where=where,
                fix="smol train --keys",
            )
    try:
        return Recipe(**values)
    except SmolError as error:
        error.where = f"{where}: {error.where}" if error.where else where
        raise


def read_yaml(path: Path) -> dict[str, Any]:
    """Reads a YAML mapping."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SmolError("tệp không phải UTF-8", "the file is not UTF-8", where=str(path)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or ""
        raise SmolError(f"YAML sai cú pháp: {problem}", f"broken YAML: {problem}", where=place) from error
    except OSError as error:
        raise SmolError(f"không đọc được: {error.strerror}", f"cannot read: {error.strerror}", where=str(path)) from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SmolError("recipe phải là các dòng `khoá: giá trị`", "a recipe is lines of `key: value`", where=str(path))
    return values


def save_recipe(recipe: Recipe, path: Path) -> None:
    """Writes every key of the resolved recipe, in the order of the dataclass."""
    text = yaml.safe_dump(dataclasses.asdict(recipe), sort_keys=False, allow_unicode=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def describe_keys() -> str:
    """Every key of a recipe with its type and default, one a line."""
    lines = []
    for spec in dataclasses.fields(Recipe):
        default = getattr(Recipe(), spec.name)
        lines.append(f"{spec.name}: {type_name(_HINTS[spec.name])} = {default!r}")
    return "\n".join(lines)


def parse_minutes(text: str) -> float:
    """`"8m"`, `"480s"`, `"1h30m"`, `"8"` (minutes) -> minutes."""
    units = {"h": 60.0, "m": 1.0, "s": 1 / 60}
    total, number = 0.0, ""
    for letter in text.strip().lower().replace(" ", ""):
        if letter in units and number:
            total, number = total + float(number) * units[letter], ""
        elif letter.isdigit() or (letter == "." and "." not in number):
            number += letter
        else:
            total, number = -1.0, ""
            break
    total += float(number) if number.strip(".") else 0.0
    if total <= 0:
        raise SmolError(f"không hiểu thời lượng {text!r}", f"cannot read the duration {text!r}", where="budget", fix="budget=8m")
    return total

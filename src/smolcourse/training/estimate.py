"""What a run will cost, before it starts: minutes, peak memory, disk, trainable parameters.

Floating point operations, a multiply-add counted as two (Kaplan et al. 2020, section 2.1, split by who needs a gradient):

    body    full: 6 N per token         2 N forward, 2 N for the inputs' gradients, 2 N for the weights'
            LoRA: 4 N + 6 N_lora        frozen weights need no gradient of their own
    head    6 or 4 x hidden x vocabulary, per *target* token only: logits of prompt tokens are never computed
    attention   12 x layers x width x context per token, context = mean number of tokens looked at
    reference   DPO's reads each pair once, forward only: 2 N, 2 x hidden x vocabulary, 4 x layers x width x context

    seconds = operations / (calibrated GFLOP/s x EFFICIENCY) + steps x optimiser bytes / bandwidth + START_SECONDS

    memory  = RUNTIME + weights + gradients + two Adam moments + activations of the tokens in flight + logits

The constants below were fitted to real runs of SmolLM2-135M; `report.md` sets each prediction beside what was measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolcourse import hardware
from smolcourse.errors import SmolError
from smolcourse.hardware import GIB, Calibration, Machine
from smolcourse.training.energy import estimated_wh

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

FAST_GAIN = 1.4  # a whole LoRA step with products in int8 or bf16, where calibration chose it, against one in fp32
EFFICIENCY = 0.6  # share of the calibrated matrix speed that a whole training step reaches
START_SECONDS = 10.0  # imports, loading weights, tokenising a small data set, first touch of memory
RUNTIME_BYTES = 550 << 20  # Python, torch, transformers and datasets, loaded
OPTIMISER_BYTES = 36  # a parameter and a step: read p, g, m, v, norm of g; write p, m, v, zero
ACTIVATION_HIDDEN = 9.0  # floats kept for the backward pass, a token and a layer: x hidden size ...
ACTIVATION_INTERMEDIATE = 3.5  # ... and x intermediate size
LOGIT_COPIES = 3.0  # logits, their log-softmax, their gradient


@dataclass(frozen=True)
class Shape:
    """Sizes of a causal LM that decide what it costs."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    attention_width: int  # heads x head size
    parameters: int  # all, a tied head counted once
    linears: tuple[tuple[str, int, int], ...]  # (name, inputs, outputs) of every linear layer but the head

    @property
    def body(self) -> int:
        """Weights of the linear layers: what each token is multiplied with."""
        return sum(inputs * outputs for _, inputs, outputs in self.linears)


@dataclass(frozen=True)
class Work:
    """What a run computes, counted over all its steps, after packing and sharing of prefixes."""

    tokens: int  # tokens through the body
    target_tokens: int  # tokens that carry loss
    steps: int  # optimiser steps
    tokens_in_flight: int  # in one forward pass: packed row length x rows
    context: float  # tokens that one token looks at, on average


@dataclass(frozen=True)
class Prediction:
    """Before the run. Bytes, seconds, Wh."""

    seconds: float
    peak_memory: int
    disk: int
    parameters: int
    trainable_parameters: int
    tokens: int
    steps: int
    tokens_per_second: float
    operations: float
    energy_wh: float

    @property
    def minutes(self) -> float:
        """Predicted minutes."""
        return self.seconds / 60


def shape_of(model: PreTrainedConfig | Path | str) -> Shape:
    """Reads the sizes of a model from its config or its folder; no weight is loaded (torch's meta device).

    Raises:
        SmolError: the folder holds no readable causal LM.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config: Any = AutoConfig.from_pretrained(model) if isinstance(model, (str, Path)) else model
        with torch.device("meta"):
            skeleton: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    except (OSError, ValueError, KeyError) as error:
        raise SmolError(
            "không đọc được cấu hình của mô hình (cần một causal LM)",
            "the model's config cannot be read (a causal LM is needed)",
            where=str(model) if isinstance(model, (str, Path)) else None,
        ) from error
    text = config.get_text_config()
    head = skeleton.get_output_embeddings()
    linears = []
    for name, module in skeleton.named_modules():
        if module is not head and isinstance(module, torch.nn.Linear):
            linears.append((name, module.in_features, module.out_features))
        elif module is not head and type(module).__name__ == "Conv1D":  # GPT-2's linear layer, stored transposed
            inputs, outputs = module.weight.shape
            linears.append((name, int(inputs), int(outputs)))
    heads = text.num_attention_heads
    return Shape(
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        intermediate=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        vocabulary=text.vocab_size,
        attention_width=heads * (getattr(text, "head_dim", None) or text.hidden_size // heads),
        parameters=sum(weight.numel() for weight in skeleton.parameters()),
        linears=tuple(linears),
    )


def lora_parameters(shape: Shape, r: int, targets: str | list[str] = "all-linear") -> int:
    """Parameters of LoRA: r x (inputs + outputs) for every layer it stands beside. Targets match the name's end, as in PEFT."""
    return sum(
        r * (inputs + outputs)
        for name, inputs, outputs in shape.linears
        if targets == "all-linear"
        or any(name == target or name.endswith(f".{target}") for target in ([targets] if isinstance(targets, str) else targets))
    )


def predict(
    shape: Shape,
    work: Work,
    calibration: Calibration,
    *,
    lora_r: int | None = None,
    lora_target_modules: str | list[str] = "all-linear",
    dtype: str | None = None,
    int8: bool = False,
    aimed: bool = False,
    referenced: float = 0.0,
    save_total_limit: int = 2,
) -> Prediction:
    """Predicts a run by the formulas at the head of this file.

    Args:
        lora_r: rank of LoRA; None trains all weights.
        dtype: of products, the calibrated one if None; weights are fp32.
        int8: frozen weights are multiplied in int8.
        aimed: LoRA begins along the gradient of the frozen weights, which is summed up before the first step.
        referenced: share of `work.tokens` that a reference model reads: 1 / epochs, 0 where there is none.
    """
    dtype = dtype or calibration.dtype
    adapter = lora_parameters(shape, lora_r, lora_target_modules) if lora_r else 0
    trainable = adapter or shape.parameters
    passes: float = 4 if lora_r else 6
    passes += 2 * referenced
    operations = (
        float(work.tokens) * (passes * shape.body + 6 * adapter)
        + float(work.target_tokens) * passes * shape.hidden * shape.vocabulary
        + float(work.tokens) * (12 + 4 * referenced) * shape.layers * shape.attention_width * work.context
    )
    lower = dtype != "float32"
    speed = calibration.gflops["float32"] * 1e9 * EFFICIENCY * (FAST_GAIN if int8 or lower else 1.0)
    optimiser = work.steps * trainable * OPTIMISER_BYTES / (calibration.bandwidth * 1e9)
    computing = operations / speed + optimiser
    seconds = computing + START_SECONDS

    weights = shape.parameters * 4
    if lower or int8:  # those that are rounded stand there twice
        weights += shape.body if int8 else 2 * (shape.body + shape.hidden * shape.vocabulary)
    if aimed:  # freed, but kept from the system
        weights += shape.body * 4
    learning = trainable * (4 + 8)  # gradient and two moments, fp32
    per_token = shape.layers * (ACTIVATION_HIDDEN * shape.hidden + ACTIVATION_INTERMEDIATE * shape.intermediate) * 4
    targets_in_flight = work.tokens_in_flight * min(1.0, work.target_tokens / max(1, work.tokens))
    activations = work.tokens_in_flight * per_token + LOGIT_COPIES * targets_in_flight * shape.vocabulary * 4
    saved = trainable * 12  # weights and moments of a checkpoint
    return Prediction(
        seconds=seconds,
        peak_memory=int(RUNTIME_BYTES + weights + learning + activations),
        disk=saved * (save_total_limit + 1)
        + (shape.parameters * 4 if not lora_r else adapter * 4),  # one more while it is being written
        parameters=shape.parameters + adapter,
        trainable_parameters=trainable,
        tokens=work.tokens,
        steps=work.steps,
        tokens_per_second=work.tokens / computing if computing else 0.0,
        operations=operations,
        energy_wh=estimated_wh(seconds, calibration.threads),
    )


def check_fits(prediction: Prediction, machine: Machine, *, use_peft: bool = False, folder: Path | None = None) -> None:
    """Says before anything is loaded that a run cannot fit, and what to lower.

    Args:
        folder: where the run is written, to check its disk; not checked if None.

    Raises:
        SmolError: more memory or disk is needed than is free.
    """
    on_gpu = machine.accelerator_memory is not None
    room = machine.accelerator_memory if machine.accelerator_memory is not None else machine.memory_available
    if prediction.peak_memory > room:
        need, have = prediction.peak_memory / GIB, room / GIB
        place_vi, place_en = ("bộ nhớ GPU", "GPU memory") if on_gpu else ("RAM", "memory")
        # Closing programs helps only where they, and not the machine, are what is too small.
        closing = not on_gpu and prediction.peak_memory <= machine.memory_total
        raise SmolError(
            f"run này cần khoảng {need:.1f} GB {place_vi}, chỉ còn {have:.1f} GB"
            + ("; hãy đóng bớt chương trình khác, hoặc giảm" if closing else ""),
            f"this run needs about {need:.1f} GB of {place_en}, {have:.1f} GB are free"
            + ("; close other programs, or lower" if closing else ""),
            fix="packed_length=512 per_device_train_batch_size=1" if use_peft else "use_peft=true",
        )
    if folder is not None:
        hardware.require_disk(folder, prediction.disk)

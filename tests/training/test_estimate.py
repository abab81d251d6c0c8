"""What a run costs follows from the model's sizes; what cannot fit is refused with what to lower."""

import dataclasses
import time
from pathlib import Path

import pytest

from smolcourse import hardware
from smolcourse.errors import SmolError
from smolcourse.hardware import GIB, Calibration, Machine
from smolcourse.training.estimate import Shape, Work, check_fits, lora_parameters, predict, shape_of


@pytest.fixture(scope="module")
def shape() -> Shape:
    from transformers import LlamaConfig

    # SmolLM2-135M
    config = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
    )
    return shape_of(config)


CALIBRATION = Calibration("cpu", 2, "float32", {"float32": 250.0, "bfloat16": 500.0}, 10.0, False, time.time(), "key")
WORK = Work(tokens=100_000, target_tokens=30_000, steps=200, tokens_in_flight=500, context=100.0)


def test_sizes_are_those_of_smollm2(shape: Shape) -> None:
    assert shape.parameters == 134_515_008
    assert shape.body == 106_168_320 and len(shape.linears) == 30 * 7
    assert (shape.layers, shape.hidden, shape.intermediate, shape.vocabulary, shape.attention_width) == (
        30,
        576,
        1536,
        49152,
        576,
    )


def test_sizes_of_a_model_built_otherwise() -> None:
    from transformers import AutoModelForCausalLM, GPT2Config

    config = GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=100, n_positions=64)
    shape = shape_of(config)
    assert shape.parameters == sum(weight.numel() for weight in AutoModelForCausalLM.from_config(config).parameters())
    assert shape.body == 2 * (32 * 96 + 32 * 32 + 2 * 32 * 128)


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(SmolError, match=tmp_path.name):
        shape_of(tmp_path)


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj"], "down_proj"])
def test_lora_parameters_equal_those_of_peft(targets: str | list[str]) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=100, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2
    )
    wanted = targets if targets == "all-linear" or isinstance(targets, list) else [targets]
    model = get_peft_model(LlamaForCausalLM(config), LoraConfig(r=4, target_modules=wanted, task_type="CAUSAL_LM"))
    assert lora_parameters(shape_of(config), 4, targets) == model.get_nb_trainable_parameters()[0]


def test_operations_follow_the_formula(shape: Shape) -> None:
    full = predict(shape, WORK, CALIBRATION)
    attention = 100_000 * 12 * 30 * 576 * 100
    assert full.operations == pytest.approx(6 * (100_000 * shape.body + 30_000 * 576 * 49152) + attention)
    lora = predict(shape, WORK, CALIBRATION, lora_r=8)
    adapter = lora_parameters(shape, 8)
    assert lora.operations == pytest.approx(4 * (100_000 * shape.body + 30_000 * 576 * 49152) + 6 * 100_000 * adapter + attention)
    assert lora.trainable_parameters == adapter and full.trainable_parameters == shape.parameters


def test_a_faster_machine_takes_less_time_and_lora_less_memory(shape: Shape) -> None:
    full, lora = predict(shape, WORK, CALIBRATION), predict(shape, WORK, CALIBRATION, lora_r=8)
    faster = predict(shape, WORK, dataclasses.replace(CALIBRATION, gflops={"float32": 500.0}))
    assert faster.seconds < full.seconds and faster.tokens_per_second > full.tokens_per_second
    assert lora.seconds < full.seconds and lora.peak_memory < full.peak_memory - GIB and lora.disk < full.disk / 5
    assert full.energy_wh > lora.energy_wh > 0
    assert full.minutes == pytest.approx(full.seconds / 60)


def test_memory_grows_with_the_tokens_in_flight_alone(shape: Shape) -> None:
    small = predict(shape, WORK, CALIBRATION)
    wider = predict(shape, dataclasses.replace(WORK, tokens_in_flight=1000), CALIBRATION)
    longer = predict(shape, dataclasses.replace(WORK, tokens=200_000, target_tokens=60_000, steps=400), CALIBRATION)
    assert wider.peak_memory > small.peak_memory == longer.peak_memory
    assert longer.seconds > 1.8 * small.seconds


def test_a_reference_costs_a_forward_pass_more(shape: Shape) -> None:
    plain, referenced, twice = (predict(shape, WORK, CALIBRATION, referenced=share) for share in (0.0, 1.0, 0.5))
    assert referenced.operations == pytest.approx(plain.operations * 4 / 3)
    assert twice.operations == pytest.approx(plain.operations * 7 / 6)  # two epochs, one of them read by the reference


def test_what_stands_in_memory_once_more_is_counted(shape: Shape) -> None:
    plain, aimed = (predict(shape, WORK, CALIBRATION, lora_r=8, dtype="float32", aimed=aimed) for aimed in (False, True))
    rounded = predict(shape, WORK, CALIBRATION, lora_r=8, dtype="bfloat16")
    assert aimed.peak_memory == plain.peak_memory + 4 * shape.body
    assert rounded.peak_memory == plain.peak_memory + 2 * (shape.body + 576 * 49152)


def test_nothing_to_train_costs_only_the_start(shape: Shape) -> None:
    nothing = predict(shape, Work(0, 0, 0, 0, 0.0), CALIBRATION)
    assert nothing.operations == 0 and nothing.tokens_per_second == 0


def machine(**changes: object) -> Machine:
    values: dict[str, object] = {
        "memory_total": 16 * GIB,
        "memory_available": 12 * GIB,
        "disk_free": 100 * GIB,
        "device": "cpu",
        "accelerator": None,
        "accelerator_memory": None,
    }
    return dataclasses.replace(hardware.machine(with_accelerator=False), **{**values, **changes})


def test_what_fits_is_let_through(shape: Shape, tmp_path: Path) -> None:
    check_fits(predict(shape, WORK, CALIBRATION), machine(), folder=tmp_path)


def test_what_cannot_fit_says_what_to_lower(shape: Shape) -> None:
    full, lora = predict(shape, WORK, CALIBRATION), predict(shape, WORK, CALIBRATION, lora_r=8)
    with pytest.raises(SmolError, match="use_peft=true"):
        check_fits(full, machine(memory_total=2 * GIB, memory_available=GIB))
    with pytest.raises(SmolError, match="packed_length="):
        check_fits(lora, machine(memory_total=GIB, memory_available=GIB // 2), use_peft=True)


def test_closing_programs_is_advised_only_where_it_helps(shape: Shape) -> None:
    full = predict(shape, WORK, CALIBRATION)
    with pytest.raises(SmolError) as busy:
        check_fits(full, machine(memory_available=GIB))
    assert "close other programs" in busy.value.en
    with pytest.raises(SmolError) as small:
        check_fits(full, machine(memory_total=2 * GIB, memory_available=GIB))
    assert "close" not in small.value.en


def test_the_memory_of_a_gpu_counts_where_there_is_one(shape: Shape) -> None:
    full = predict(shape, WORK, CALIBRATION)
    check_fits(full, machine(memory_available=1, device="cuda", accelerator="a GPU", accelerator_memory=24 * GIB))
    with pytest.raises(SmolError, match="GPU"):
        check_fits(full, machine(device="cuda", accelerator="a GPU", accelerator_memory=GIB))


def test_a_disk_too_small_is_said(shape: Shape, tmp_path: Path) -> None:
    huge = dataclasses.replace(predict(shape, WORK, CALIBRATION), disk=1 << 60)
    with pytest.raises(SmolError, match="smol runs rm"):
        check_fits(huge, machine(), folder=tmp_path)

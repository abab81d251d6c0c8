"""Products in bf16: near the fp32 ones whatever the method; what learns and what is saved stays fp32."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from smolcourse.config import Recipe
from smolcourse.training import fused, lower
from smolcourse.training.packing import collate
from smolcourse.training.plain import plain_logits
from smolcourse.training.runs import Run
from smolcourse.training.train import load, prepare, train
from tests.training.test_fused import examples, gradients, model_of


@pytest.mark.parametrize("kind", ["full", "lora", "lora on some", "dora"])
def test_loss_and_gradients_are_near_those_of_fp32(tiny_model: Path, kind: str) -> None:
    batch = collate(examples(6))
    scale = torch.tensor(1 / len(batch["labels"]))
    exact, rounded = model_of(tiny_model, kind), model_of(tiny_model, kind)
    before = {name: weight.clone() for name, weight in rounded.state_dict().items()}
    lower.attach(fused._causal_lm(rounded), torch.bfloat16)
    losses = [fused.packed_loss(model, batch, scale) for model in (exact, rounded)]
    for loss in losses:
        loss.backward()
    assert losses[0] != losses[1]
    torch.testing.assert_close(losses[1], losses[0], rtol=0.01, atol=0)
    got, wanted = gradients(rounded), gradients(exact)
    assert got.keys() == wanted.keys() and all(gradient.dtype == torch.float32 for gradient in got.values())
    ours, theirs = (torch.cat([found[name].flatten() for name in wanted]) for found in (got, wanted))
    assert torch.cosine_similarity(ours, theirs, dim=0) > 0.999
    assert rounded.state_dict().keys() == before.keys()
    assert all(torch.equal(rounded.state_dict()[name], weight) for name, weight in before.items())


def test_a_weight_that_learns_is_rounded_anew_for_each_step(tiny_model: Path) -> None:
    model = model_of(tiny_model, "full")
    lower.attach(model, torch.bfloat16)
    linear = model.model.layers[0].mlp.up_proj
    with torch.no_grad():
        linear.weight.fill_(3.0)
    copy = lower.copy(model, [linear], [linear.weight])
    assert copy is not None and copy.dtype == torch.bfloat16 and (copy == 3.0).all()


def test_the_settings_of_torch_are_put_back(tiny_model: Path) -> None:
    backends: Any = torch.backends
    model = model_of(tiny_model, "full")
    before = backends.mkldnn.matmul.fp32_precision
    with lower.products(model, torch.float32):
        assert backends.mkldnn.matmul.fp32_precision == before
    with pytest.raises(KeyError), lower.products(model, torch.bfloat16):
        assert backends.mkldnn.matmul.fp32_precision == "bf16"
        raise KeyError
    assert backends.mkldnn.matmul.fp32_precision == before
    lower.attach(model, torch.bfloat16)  # its own layers round now
    with lower.products(model, torch.bfloat16):
        assert backends.mkldnn.matmul.fp32_precision == before


def test_layers_that_read_the_same_have_one_copy(tiny_model: Path) -> None:
    model = model_of(tiny_model, "lora")
    causal = fused._causal_lm(model)
    lower.attach(causal, torch.bfloat16)
    attention = causal.model.layers[0].self_attn
    bases = [getattr(attention, name).base_layer for name in ("q_proj", "k_proj", "v_proj")]
    assert torch.equal(bases[0].lower, torch.cat([base.weight for base in bases]).bfloat16())
    assert not hasattr(bases[1], "lower") and not hasattr(bases[2], "lower")


@pytest.mark.parametrize("kind", ["full", "embedded", "alone"])
def test_the_plain_layers_get_rows_of_few_lengths(tiny_model: Path, kind: str) -> None:
    model = model_of(tiny_model, "full")
    batch = collate(examples(1 if kind == "alone" else 6))
    if kind == "embedded":
        batch["embedded"] = model.get_input_embeddings()(batch["input_ids"]).detach()
    lengths: list[int] = []
    model.model.layers[0].register_forward_hook(lambda layer, inputs, output: lengths.append(inputs[0].shape[1]))
    with torch.no_grad():
        exact = plain_logits(model, batch)
        with lower.products(model, torch.bfloat16):
            rounded = plain_logits(model, batch)
    assert lengths == [len(batch["input_ids"]), len(batch["input_ids"]) + -len(batch["input_ids"]) % lower.ROWS]
    torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)


WAYS: dict[str, dict[str, Any]] = {
    "lora": {"use_peft": True, "init_lora_weights": "gradient"},
    "full": {},
    "full, plain layers": {"fused": False},
    "learned prompt": {"use_peft": True, "peft_type": "PROMPT_TUNING"},
    "dpo": {"method": "dpo", "use_peft": True},
    "dpo, full": {"method": "dpo"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_whole_run_in_bf16_goes_as_in_fp32(way: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in ("reference", "start"):
        monkeypatch.setattr(f"smolcourse.training.{room}.home", lambda: tmp_path / "home")
    data: dict[str, Any] = {"dataset_config": {"size": 24, "seed": 3}}
    if WAYS[way].get("method") == "dpo":
        file = tmp_path / "pairs.jsonl"
        pairs = [{"prompt": f"ly {i}", "chosen": f"đúng {i}", "rejected": "sai"} for i in range(24)]
        file.write_text("".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs), encoding="utf-8")
        data = {"dataset_name": str(file)}

    def run(dtype: str) -> tuple[Run, list[float]]:
        settings = {"learning_rate": 1e-3, "warmup_steps": 1, "packed_length": 512, "int8": False, "dtype": dtype}
        recipe = Recipe(model_name_or_path=str(tiny_model), output_dir=str(tmp_path / dtype), **data, **settings, **WAYS[way])
        prepared = prepare(recipe)
        folder = Run.create(prepared.recipe, "test", folder=recipe.output_dir)
        train(prepared, folder, load(prepared))
        return folder, [line["loss"] for line in folder.metrics()]

    rounded, losses = run("bfloat16")
    assert losses == pytest.approx(run("float32")[1], rel=0.02, abs=0.005)
    weights = next(path for path in rounded.path.rglob("*.safetensors") if "checkpoints" not in path.parts)
    with safe_open(weights, "pt") as opened:
        assert {str(opened.get_tensor(name).dtype) for name in opened.keys()} == {"torch.float32"}  # noqa: SIM118

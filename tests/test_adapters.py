"""Every kind of adapter says on packed rows what it says on rows alone, loads in plain PEFT, and merges without a trace."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from smolcourse.adapters import (
    BASE,
    add_adapter,
    compare,
    describe,
    load_adapter,
    merge,
    merge_in_memory,
    save_adapter,
    stack,
    switch,
    unmerge,
)
from smolcourse.config import Recipe
from smolcourse.errors import SmolError
from smolcourse.training.fused import supports
from smolcourse.training.logps import packed_logps
from smolcourse.training.packing import collate
from smolcourse.training.plain import plain_logits

KINDS: dict[str, dict[str, Any]] = {
    "lora": {"lora_r": 4},
    "rslora": {"lora_r": 4, "use_rslora": True},
    "dora": {"lora_r": 4, "use_dora": True},
    "olora": {"lora_r": 4, "init_lora_weights": "olora"},
    "ia3": {"peft_type": "IA3"},
    "prompt tuning": {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 5},
    "p-tuning": {"peft_type": "P_TUNING", "num_virtual_tokens": 5},
    "prefix tuning": {"peft_type": "PREFIX_TUNING", "num_virtual_tokens": 5},
}
MERGEABLE = ["lora", "rslora", "dora", "olora", "ia3"]
IDS = torch.tensor([[5, 6, 7, 8]])
ROWS = [{"input_ids": [5, 6, 7, 100 + i, 9, 10 + i, 11], "loss_mask": [0, 0, 0, 0, 0, 1, 1]} for i in range(3)]


def with_adapter(folder: Path, kind: str, seed: int = 1) -> Any:
    """A model with an adapter that changes something."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    model = add_adapter(model, Recipe(use_peft=True, **KINDS[kind])).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "lora_A" not in name:
            parameter.data.add_(torch.randn(parameter.shape, generator=generator), alpha=0.05)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_packed_rows_say_what_rows_alone_say(tiny_model: Path, kind: str) -> None:
    model = with_adapter(tiny_model, kind)
    batch = collate(ROWS)
    packed = plain_logits(model, batch)
    said = packed.log_softmax(dim=-1).gather(1, batch["labels"][:, None]).squeeze(1)
    assert supports(model)
    torch.testing.assert_close(packed_logps(model, batch), said, rtol=1e-4, atol=1e-4)
    alone = torch.cat([plain_logits(model, collate([row])) for row in ROWS])
    torch.testing.assert_close(packed, alone, rtol=1e-4, atol=1e-4)
    whole = [model(input_ids=torch.tensor([row["input_ids"]])).logits[0, -3:-1] for row in ROWS]
    torch.testing.assert_close(packed, torch.cat(whole), rtol=1e-4, atol=1e-4)


def plain(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_adapter_loads_again_also_in_plain_peft(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    from peft import PeftModel

    model = with_adapter(tiny_model, kind)
    save_adapter(model, tmp_path)
    for load in (load_adapter, PeftModel.from_pretrained):
        again = load(plain(tiny_model), tmp_path).eval()
        torch.testing.assert_close(again(IDS).logits, model(IDS).logits, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(again(IDS).logits[:, -4:], plain(tiny_model)(IDS).logits, atol=1e-2)


@pytest.mark.parametrize("kind", ["lora", "rslora", "dora", "olora", "ia3"])
def test_a_fresh_adapter_changes_nothing(tiny_model: Path, kind: str) -> None:
    model = add_adapter(plain(tiny_model), Recipe(use_peft=True, **KINDS[kind])).eval()
    torch.testing.assert_close(model(IDS).logits, plain(tiny_model)(IDS).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("more", [{}, {"use_rslora": True}, {"use_dora": True}])
def test_olora_is_saved_as_lora_of_twice_the_rank_on_the_untouched_base(tiny_model: Path, tmp_path: Path, more: Any) -> None:
    model = add_adapter(plain(tiny_model), Recipe(use_peft=True, lora_r=3, init_lora_weights="olora", **more)).eval()
    base = model.get_base_model().model.layers[0].mlp.up_proj.base_layer.weight
    assert not torch.allclose(base, plain(tiny_model).model.layers[0].mlp.up_proj.weight), "it begins with a part of the base"
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name))), alpha=0.03)
    save_adapter(model, tmp_path)
    facts = describe(tmp_path)
    assert facts.rank == 6 and facts.kind == {"": "LoRA", "use_rslora": "rsLoRA", "use_dora": "DoRA"}["".join(more)]
    again = load_adapter(plain(tiny_model), tmp_path)
    torch.testing.assert_close(again(IDS).logits, model(IDS).logits, rtol=1e-4, atol=1e-4)
    with again.disable_adapter():
        assert torch.equal(again(IDS).logits, plain(tiny_model)(IDS).logits)


@pytest.mark.parametrize("kind", MERGEABLE)
def test_a_merged_model_says_the_same_and_the_adapter_stays(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    model = with_adapter(tiny_model, kind)
    adapter, target = tmp_path / "adapter", tmp_path / "merged"
    save_adapter(model, adapter)
    before = {file.name: file.read_bytes() for file in adapter.iterdir()}
    assert merge(tiny_model, adapter, target) < 1e-4
    assert {file.name: file.read_bytes() for file in adapter.iterdir()} == before
    ids = torch.tensor([[5, 6, 7, 8]])
    merged = AutoModelForCausalLM.from_pretrained(target, dtype=torch.float32)
    torch.testing.assert_close(merged(ids).logits, model(ids).logits, rtol=1e-3, atol=1e-3)
    assert (target / "tokenizer.json").is_file()
    for place in (target, adapter):
        with pytest.raises(SmolError, match=r"ghi đè"):
            merge(tiny_model, adapter, place)


def test_learned_prompts_do_not_merge(tiny_model: Path, tmp_path: Path) -> None:
    with_adapter(tiny_model, "prompt tuning").save_pretrained(tmp_path / "adapter")
    with pytest.raises(SmolError, match="PROMPT_TUNING"):
        merge(tiny_model, tmp_path / "adapter", tmp_path / "merged")
    assert [path.name for path in tmp_path.iterdir()] == ["adapter"]


@pytest.mark.parametrize("kind", MERGEABLE)
def test_unmerging_gives_the_base_back(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    save_adapter(with_adapter(tiny_model, kind), tmp_path)
    model = load_adapter(plain(tiny_model), tmp_path)
    said = model(IDS).logits
    assert merge_in_memory(model) < 1e-4
    torch.testing.assert_close(model.get_base_model()(IDS).logits, said, rtol=1e-4, atol=1e-4)
    unmerge(model)
    for name, weight in plain(tiny_model).named_parameters():
        parent, _, leaf = name.rpartition(".")
        found = model.get_base_model().get_submodule(parent)
        torch.testing.assert_close(getattr(getattr(found, "base_layer", found), leaf), weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(model(IDS).logits, said, rtol=1e-4, atol=1e-4)


def two(tiny_model: Path, folder: Path, kind: str = "lora") -> Any:
    """A model with two adapters of one kind on it."""
    for seed in (1, 2):
        save_adapter(with_adapter(tiny_model, kind, seed), folder / str(seed))
    model = load_adapter(plain(tiny_model), folder / "1", name="one")
    return load_adapter(model, folder / "2", name="two")


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_are_switched(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    model = two(tiny_model, tmp_path, kind)
    for name, seed in (("one", 1), ("two", 2), ("one", 1)):
        switch(model, name)
        alone = load_adapter(plain(tiny_model), tmp_path / str(seed))
        torch.testing.assert_close(model(IDS).logits, alone(IDS).logits, rtol=1e-5, atol=1e-5)
        assert not any(parameter.requires_grad for parameter in model.parameters())
    with pytest.raises(SmolError, match="three"):
        switch(model, "three")
    torch.testing.assert_close(model(IDS).logits, alone(IDS).logits, rtol=1e-5, atol=1e-5)


def test_stacked_changes_add_up(tiny_model: Path, tmp_path: Path) -> None:
    model = two(tiny_model, tmp_path)
    layer = model.get_base_model().model.layers[1].mlp.down_proj
    x = torch.randn(5, layer.in_features, generator=torch.Generator().manual_seed(0))
    base, changes = layer.base_layer(x), []
    for name in ("one", "two"):
        switch(model, name)
        changes.append(layer(x) - base)
    stack(model, ["one", "two"])
    torch.testing.assert_close(layer(x), base + changes[0] + changes[1], rtol=1e-4, atol=1e-5)
    said = model(IDS).logits
    merge_in_memory(model)
    torch.testing.assert_close(model(IDS).logits, said, rtol=1e-4, atol=1e-4)


def test_learned_prompts_do_not_stack(tiny_model: Path, tmp_path: Path) -> None:
    model = two(tiny_model, tmp_path, "prompt tuning")
    with pytest.raises(SmolError, match="PROMPT_TUNING"):
        stack(model, ["one", "two"])


@pytest.mark.parametrize("kind", ["lora", "dora", "ia3", "prefix tuning", "prompt tuning"])
def test_adapters_are_compared_with_the_base_and_with_one_another(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    model = two(tiny_model, tmp_path, kind)
    switch(model, "two")
    said = model(IDS).logits
    found = {(one.first, one.second): one for one in compare(model, torch.arange(5, 25))}
    assert list(found) == [(BASE, "one"), (BASE, "two"), ("one", "two")]
    assert all(one.kl > 0 and 0 <= one.agreement <= 1 for one in found.values())
    assert torch.equal(model(IDS).logits, said), "the active adapter is the one from before"
    if kind != "lora":
        assert all(one.distance is None for one in found.values())
        return
    first, second, both = (found[pair].distance for pair in found)
    assert first and second and both
    assert both == pytest.approx((first**2 + second**2) ** 0.5, rel=0.2), "random changes are nearly at right angles"
    layers = [module for module in model.modules() if hasattr(module, "lora_A")]
    change = sum(float(layer.get_delta_weight("one").norm()) ** 2 for layer in layers)
    weight = sum(float(layer.base_layer.weight.norm()) ** 2 for layer in layers)
    assert first == pytest.approx((change / weight) ** 0.5, rel=1e-4)


def test_an_adapter_does_not_differ_from_itself(tiny_model: Path, tmp_path: Path) -> None:
    save_adapter(with_adapter(tiny_model, "lora"), tmp_path)
    model = load_adapter(load_adapter(plain(tiny_model), tmp_path, name="one"), tmp_path, name="two")
    same = compare(model, torch.arange(5, 25))[-1]
    assert same.kl < 1e-6 and same.agreement == 1 and same.distance == 0


@pytest.mark.parametrize("kind", KINDS)
def test_facts_are_read_without_loading(tiny_model: Path, tmp_path: Path, kind: str) -> None:
    model = with_adapter(tiny_model, kind)
    save_adapter(model, tmp_path)
    facts = describe(tmp_path)
    assert facts.kind.lower() == {"olora": "lora"}.get(kind, kind)
    assert facts.rank == {"ia3": None, "olora": 8}.get(kind, 5 if "tuning" in kind else 4)
    assert facts.base == str(tiny_model) and facts.size > 4 * facts.parameters
    if kind not in ("p-tuning", "olora"):  # a network that is thrown away; a start that is saved too
        assert facts.parameters == sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)

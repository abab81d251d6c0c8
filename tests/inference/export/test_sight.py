"""A model that sees, exported as a checkpoint, held against what was trained, and merged; as GGUF it is refused in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from PIL import Image

from smolcourse.errors import SmolError
from smolcourse.inference.export import parity
from smolcourse.inference.export.export import export_model
from smolcourse.inference.export.quantise import quantise
from smolcourse.inference.generate import generate
from smolcourse.inference.loading import load_model
from smolcourse.training.run_adapters import merge_run
from smolcourse.vision.auto import AutoModelForImageTextToText, AutoProcessor


@pytest.fixture
def adapter(tiny_vlm: Path, tmp_path: Path) -> Path:
    """As training leaves it: a LoRA in the language model, and a projector that has learned."""
    base: Any = AutoModelForImageTextToText.from_pretrained(tiny_vlm)
    base.name_or_path = str(tiny_vlm)
    model: Any = get_peft_model(
        base, LoraConfig(r=2, target_modules=r"language_model.*(q|v|o)_proj", modules_to_save=["projector"])
    )
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name or ("modules_to_save" in name and "weight" in name):
                weight.copy_(torch.randn(weight.shape, generator=draw))
    model.save_pretrained(tmp_path / "worn")
    return tmp_path / "worn"


def test_a_checkpoint_that_sees_what_was_trained(adapter: Path, tiny_vlm: Path, tmp_path: Path) -> None:
    made = export_model(str(adapter), tmp_path / "out", formats=["safetensors"])
    names = {path.relative_to(made.folder).as_posix() for path in made.folder.rglob("*") if path.is_file()}
    assert {"README.md", "Dockerfile", "safetensors/processor_config.json", "safetensors/chat_template.jinja"} <= names
    assert not {"vllm.sh", "Modelfile"} & names and "smol serve my-model=./safetensors" in (made.folder / "README.md").read_text()
    (found,) = made.parity
    assert not found.problems and found.divergence < 1e-6
    assert merge_run(str(adapter), tmp_path / "merged")[1] < 1e-4
    assert AutoProcessor.from_pretrained(tmp_path / "merged").image_size == 56
    picture = tmp_path / "red.png"
    Image.new("RGB", (64, 48), "red").save(picture)
    parts = [{"type": "image", "image": picture}, {"type": "text", "text": "Hình gì?"}]
    prompt = [{"role": "user", "content": parts}]
    answers = [
        generate(*load_model(str(one)), [prompt], max_new_tokens=6)
        for one in (adapter, made.files["safetensors"], tmp_path / "merged", tiny_vlm)
    ]
    assert answers[0] == answers[1] == answers[2] != answers[3]


def test_a_projector_that_was_lost_is_noticed(tiny_vlm: Path) -> None:
    loaded: tuple[Any, Any] = load_model(str(tiny_vlm))
    model, tokenizer = loaded
    expected = parity.expect(model, tokenizer)
    assert len(expected.seen) == 2 and not parity.hold_model(expected, model, tokenizer).problems
    with torch.no_grad():
        model.projector.leave.weight.mul_(-40)
    assert parity.hold_model(expected, model, tokenizer).problems


@pytest.mark.bad_input
def test_there_is_no_gguf_of_it(tiny_vlm: Path, tmp_path: Path, here: Callable[..., tuple[int, str, str]]) -> None:
    for command in (("export", tiny_vlm, "--output", tmp_path / "out"), ("quantize", tiny_vlm)):
        code, out, told = here(*command)
        assert (code, out) == (2, "") and "--to safetensors" in told and "GGUF" in told and "Traceback" not in told
    assert not (tmp_path / "out").exists()
    with pytest.raises(SmolError, match="safetensors"):
        quantise(str(tiny_vlm))

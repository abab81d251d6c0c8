"""The encoder looks at each picture once; another picture, size or encoder is never taken for it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from smolcourse.errors import SmolError
from smolcourse.vision.auto import AutoModelForImageTextToText, AutoProcessor
from smolcourse.vision.encoder import see
from smolcourse.vision.features import Features


@pytest.fixture
def loaded(tiny_vlm: Path) -> tuple[Any, Any]:
    return AutoModelForImageTextToText.from_pretrained(tiny_vlm).eval(), AutoProcessor.from_pretrained(tiny_vlm)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tiles the encoder looked at, each time."""
    counts: list[int] = []

    def counted(encoder: Any, pixels: torch.Tensor) -> torch.Tensor:
        counts.append(len(pixels))
        return see(encoder, pixels)

    monkeypatch.setattr("smolcourse.vision.features.see", counted)
    return counts


def test_a_picture_is_looked_at_once(loaded: tuple[Any, Any], looks: list[int], tmp_path: Path) -> None:
    model, processor = loaded
    pictures: list[Any] = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue", "red")]
    file = tmp_path / "blue.png"
    pictures[1].save(file)
    features = Features(model.vision_tower, processor, tmp_path / "features")
    found = features.add(pictures)
    assert looks == [2] and found[0] == found[2] != found[1]
    again = Features(model.vision_tower, processor, tmp_path / "features")
    assert again.add([file, *pictures]) == [found[1], *found]
    assert looks == [2]
    kept = again.get([found[1][0], found[0][0]])
    with torch.no_grad():
        fresh = see(
            model.vision_tower, torch.from_numpy(processor.pixel_values([processor.tiles(one) for one in (file, pictures[0])]))
        )
    assert kept.shape == (2, 16, 32) and kept.dtype == torch.float32
    assert torch.allclose(kept, fresh, atol=1e-3, rtol=1e-3) and not torch.allclose(kept[0], kept[1], atol=1e-2)


def test_other_weights_or_another_size_are_another_encoder(loaded: tuple[Any, Any], looks: list[int], tmp_path: Path) -> None:
    model, processor = loaded
    picture = Image.new("RGB", (60, 60), "red")
    Features(model.vision_tower, processor, tmp_path).add([picture])
    processor.image_mean = (0.0, 0.0, 0.0)
    Features(model.vision_tower, processor, tmp_path).add([picture])
    with torch.no_grad():
        model.vision_tower.layernorm.bias += 1
    Features(model.vision_tower, processor, tmp_path).add([picture])
    assert looks == [1, 1, 1] and len(list(tmp_path.iterdir())) == 3


def test_tiles_of_several_pictures_keep_their_order(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    model, processor = loaded
    processor.max_tiles = 4
    small, large = Image.new("RGB", (60, 60), "red"), Image.new("RGB", (160, 160), "blue")
    features = Features(model.vision_tower, processor, tmp_path)
    (one, few), (other, many) = features.add([small, large])
    assert (few, many) == (1, 5)
    assert torch.equal(features.get([other, one]), torch.cat([features.get([other]), features.get([one])]))


def test_a_bad_picture_leaves_nothing_half_written(loaded: tuple[Any, Any], tmp_path: Path) -> None:
    model, processor = loaded
    text = tmp_path / "text.png"
    text.write_text("xin chào", encoding="utf-8")
    features = Features(model.vision_tower, processor, tmp_path / "features")
    with pytest.raises(SmolError, match=r"text\.png"):
        features.add([Image.new("RGB", (60, 60), "red"), text])
    assert list(features.folder.glob("*")) == []

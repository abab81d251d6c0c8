"""Maps over a picture: patches keep their places, and hiding what is needed costs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from smolcourse.vision import maps


@pytest.fixture(scope="module")
def model_and_tokenizer(tiny_vlm: Path) -> tuple[Any, Any]:
    from smolcourse.data.templates import load_tokenizer
    from smolcourse.vision.auto import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(tiny_vlm).eval(), load_tokenizer(tiny_vlm)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    image = Image.new("RGB", (56, 56), "white")
    image.paste((200, 0, 0), (28, 0, 56, 28))
    image.save(tmp_path / "corner.png")
    return tmp_path / "corner.png"


def test_both_maps_are_drawn_and_nothing_about_the_model_changes(
    model_and_tokenizer: tuple[Any, Any], picture: Path, tmp_path: Path
) -> None:
    model, tokenizer = model_and_tokenizer
    before = model.language_model.config._attn_implementation
    found = maps.look(model, tokenizer, picture, "Màu gì?", "đỏ", blocks=2)
    assert model.language_model.config._attn_implementation == before
    assert found.attention.shape == (4, 4) and float(found.attention.sum()) == pytest.approx(1, abs=1e-5)
    assert 0 < found.on_picture < 1
    assert found.ablation.shape == (2, 2) and found.ablation.any() and found.score < 0
    files = maps.write(found, picture, tmp_path / "maps")
    assert [file.name for file in files] == ["attention.png", "ablation.png"]
    assert all(Image.open(file).size == (448, 448) for file in files)
    assert not list((tmp_path / "maps").glob("*.partial"))


def test_attention_goes_back_to_the_patches_that_a_token_was_made_of(model_and_tokenizer: tuple[Any, Any]) -> None:
    """A language model that listens to one token alone: its square of patches lights up, and nothing else."""
    model, _ = model_and_tokenizer
    image, start = model.config.image_token_id, 6
    ids = torch.tensor([[1, image, image, image, image, 2, 3]])

    class Deaf:
        config = model.config
        device = torch.device("cpu")
        language_model = model.language_model

        def __call__(self, **batch: Any) -> Any:
            weights = torch.zeros(1, 2, 7, 7)
            weights[:, :, start - 1, 2] = 0.6  # the second token of the picture: top right
            weights[:, :, start - 1, 0] = 0.4
            return type("Output", (), {"attentions": (weights, weights)})()

    grid, share = maps.attention_map(Deaf(), {"input_ids": ids}, start)
    assert share == pytest.approx(0.6)
    wanted = np.zeros((4, 4))
    wanted[:2, 2:] = 0.25
    assert np.allclose(grid, wanted)


def test_hiding_what_a_score_needs_shows(picture: Path) -> None:
    """A score that is the redness of the picture falls where the red corner is hidden."""
    image = Image.open(picture).convert("RGB")

    def redness(shown: list[Image.Image]) -> torch.Tensor:
        pixels = [np.asarray(one).astype(float) for one in shown]
        return torch.tensor([float(((one[..., 0] - one[..., 1]) > 100).mean()) for one in pixels])

    whole = float(redness([image])[0])
    grid = whole - maps.ablation_map(image, redness, blocks=2, fill=(120, 120, 120))
    assert np.allclose(grid, np.array([[0.0, 0.25], [0.0, 0.0]]))
    drawn = np.asarray(maps.draw(image, np.array([[0.0, 0.25], [-0.25, 0.0]]))).astype(int)
    untouched, red, blue = drawn[100, 100], drawn[100, 300], drawn[300, 100]
    assert (untouched == 255).all() and red[0] > red[2] and blue[2] > blue[0] + 50


def test_the_score_is_the_answers_log_probability(model_and_tokenizer: tuple[Any, Any]) -> None:
    model, _ = model_and_tokenizer
    image = model.config.image_token_id
    ids, pixels = torch.tensor([[5, image, image, image, image, 6, 7, 8]]), torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        logps = model(input_ids=ids, pixel_values=pixels).logits[0].log_softmax(-1)
        wanted = logps[5, 7] + logps[6, 8]
        assert float(maps.answer_scores(model, ids, pixels, 6)[0]) == pytest.approx(float(wanted), rel=1e-5)


def test_the_command_writes_two_pictures(here: Any, tiny_vlm: Path, picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, _ = here(
        "--lang", "en", "look", picture, "Colour?", "--answer", "red", "--model", tiny_vlm, "--out", out, "--blocks", "2"
    )
    assert code == 0 and "Answer: red" in said and str(out / "ablation.png") in said
    assert {file.name for file in out.iterdir()} == {"attention.png", "ablation.png"}


def test_a_model_of_text_has_no_maps(here: Any, tiny_model: Path, picture: Path) -> None:
    code, _, errors = here("--lang", "en", "look", picture, "Colour?", "--model", tiny_model)
    assert code == 2 and "reads text only" in errors

"""Pixel shuffle joins neighbours and loses nothing; image tokens begin as long as words."""

import pytest
import torch

from smolcourse.vision.projector import Projector, pixel_shuffle, pixel_unshuffle


def test_a_token_holds_four_neighbours_row_by_row() -> None:
    patches = torch.arange(16.0).view(1, 16, 1)  # 4 x 4, numbered as they are read
    assert pixel_shuffle(patches, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_the_inverse_gives_every_patch_back(factor: int) -> None:
    patches = torch.randn(2, 36, 5)
    tokens = pixel_shuffle(patches, factor)
    assert tokens.shape == (2, 36 // factor**2, 5 * factor**2)
    assert torch.equal(pixel_unshuffle(tokens, factor), patches)


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(ValueError, match="no square"):
        pixel_shuffle(torch.zeros(1, 12, 4), 2)
    with pytest.raises(ValueError, match="cannot be joined"):
        pixel_shuffle(torch.zeros(1, 25, 4), 2)


def test_image_tokens_begin_as_long_as_words() -> None:
    torch.manual_seed(0)
    projector = Projector(64, 96, 2, embedding_std=0.1)
    projector.begin()
    assert float(projector(3 * torch.randn(4, 64, 64)).detach().std()) == pytest.approx(0.1, rel=0.15)


def test_whitened_patches_differ_as_much_in_every_direction() -> None:
    torch.manual_seed(0)
    projector = Projector(8, 8, 2)
    assert not projector.is_white
    turned = torch.linalg.qr(torch.randn(8, 8)).Q
    patches = torch.randn(4000, 8) * torch.logspace(-0.5, 0.5, 8) @ turned + 5
    projector.whiten(patches)
    assert projector.is_white
    white = (patches - projector.centre) @ projector.whitening
    assert torch.allclose(torch.cov(white.T), torch.eye(8), atol=0.2)
    assert torch.allclose(white.mean(0), torch.zeros(8), atol=1e-2)

"""A tiny model whose answers depend on every weight: random, but far from uniform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _short_prose() -> Iterator[None]:
    """One sentence is read for perplexity: the tests are about what is found, not how well."""
    from smolcourse.inference.export import parity

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "PROSE", ("The shop at the corner opens at seven.",))
        yield


@pytest.fixture(scope="session")
def sharp_model(tiny_model: Path, tokenizer: object, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with larger weights: attention looks somewhere, and some next tokens are much likelier than others."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                scale = 0.25 if "embed" in name else 0.2
                weight.copy_(torch.randn(weight.shape, generator=draw) * scale)
    folder = tmp_path_factory.mktemp("sharp_model")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

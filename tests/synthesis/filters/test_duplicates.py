"""The steps over all rows: which are dropped, and which row each of them repeats."""

from __future__ import annotations

import numpy as np
import pytest

from smolcourse.synthesis.filters import duplicates, embedding
from smolcourse.synthesis.rows import Draft, Row, drafts_of

TEXTS = [
    "Cho mình một ly trà đào cam sả cỡ lớn, ít đường, giao trước năm giờ chiều",
    "Thủ đô của nước Pháp là gì?",
    "cho mình một ly trà đào cam sả cỡ lớn; ít đường; giao trước năm giờ chiều!",
    "Cho mình một ly trà đào cam sả cỡ lớn, ít đường, giao trước sáu giờ chiều",
]


def rows(texts: list[str]) -> list[Row]:
    return [Row(f"k{place}", {"instruction": text}, {"old": 1.0}) for place, text in enumerate(texts)]


def same_as(drafts: list[Draft]) -> list[str | None]:
    return [draft.data.get("same_as") for draft in drafts]


def test_exact_and_near() -> None:
    exact = drafts_of(duplicates.exact(rows(TEXTS)))
    assert [draft.dropped for draft in exact] == [None, None, "duplicate", None]
    assert same_as(exact) == [None, None, "k0", None] and exact[2].parents == ("k2",) and exact[2].scores == {"old": 1.0}
    near = drafts_of(duplicates.near(rows(TEXTS)))
    assert [draft.dropped for draft in near] == [None, None, "near duplicate", "near duplicate"]
    assert same_as(near) == [None, None, "k0", "k0"]
    assert [draft.dropped for draft in drafts_of(duplicates.near(rows(TEXTS), threshold=0.95))].count(None) == 3
    assert drafts_of(duplicates.near([])) == drafts_of(duplicates.meaning([])) == []


def by_force(vectors: np.ndarray, threshold: float) -> list[int]:
    kept: list[int] = []
    found = []
    for place, vector in enumerate(vectors):
        likeness = [float(vectors[one] @ vector) for one in kept]
        if likeness and max(likeness) >= threshold:
            found.append(kept[int(np.argmax(likeness))])
        else:
            kept.append(place)
            found.append(place)
    return found


@pytest.mark.parametrize("block", [4, 1024])
def test_nearest_is_brute_forces(block: int) -> None:
    draw = np.random.default_rng(0)
    vectors = draw.standard_normal((120, 6)).astype(np.float32)
    vectors[60:] += vectors[draw.integers(0, 60, 60)] * 3
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = embedding.nearest_before(vectors, threshold=0.9, block=block)
    assert found.tolist() == by_force(vectors, 0.9) and len(set(found)) < 110


@pytest.mark.slow
def test_sentences_that_mean_the_same_lie_close() -> None:
    texts = [
        "How do I bake bread at home?",
        "The stock market fell sharply on Monday.",
        "What is the way to bake bread in my own kitchen?",
        "",
    ]
    model, tokenizer = embedding.load_encoder()
    vectors = embedding.embed(texts, model, tokenizer)
    assert vectors.shape == (4, 384) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.concatenate([embedding.embed([text], model, tokenizer) for text in texts])
    assert np.abs(alone - vectors).max() < 1e-5  # padding changes nothing
    assert vectors[0] @ vectors[2] > 0.75 and vectors[0] @ vectors[1] < 0.3
    made = drafts_of(duplicates.meaning(rows(texts), threshold=0.75))
    assert [draft.dropped for draft in made] == [None, None, "same meaning", None] and same_as(made)[2] == "k0"

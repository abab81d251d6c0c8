"""MinHash against brute force over the texts themselves."""

from __future__ import annotations

from itertools import combinations
from random import Random

import numpy as np
import pytest

from smolcourse.data import milk_tea
from smolcourse.data.text import comparable
from smolcourse.synthesis.filters import minhash

WORDS = "trà sữa đào cam sả vải hồng cà phê đá đen kem phô mai ly cỡ nhỏ vừa lớn giao trước giờ nhé mình cho khách".split()  # noqa: SIM905


def planted(count: int, seed: int = 0) -> list[str]:
    """Texts of which some are others with a word changed, more than once."""
    draw = Random(seed)
    texts: list[str] = []
    for _ in range(count):
        if texts and draw.random() < 0.4:
            words = draw.choice(texts).split()
            words[draw.randrange(len(words))] = draw.choice(WORDS)
            texts.append(" ".join(words))
        else:
            texts.append(" ".join(draw.choice(WORDS) for _ in range(draw.randint(8, 24))))
    return texts


def shingles(text: str) -> set[str]:
    text = comparable(text)
    return {text[at : at + 5] for at in range(max(1, len(text) - 4))}


def by_force(texts: list[str], threshold: float) -> list[int]:
    """The first of each text's cluster, all pairs compared."""
    sets = [shingles(text) for text in texts]
    first = list(range(len(texts)))
    for i, j in combinations(range(len(texts)), 2):
        both = len(sets[i] & sets[j])
        if both >= threshold * (len(sets[i]) + len(sets[j]) - both) and first[i] != first[j]:
            low, high = sorted((first[i], first[j]))
            first = [low if one == high else one for one in first]
    return first


@pytest.mark.parametrize("threshold", [0.6, 0.8])
def test_clusters_are_those_of_brute_force(threshold: float) -> None:
    texts = planted(600) + [row["messages"][-2]["content"] for row in milk_tea.generate(100, seed=5)]
    found, right = minhash.clusters(texts, threshold), np.array(by_force(texts, threshold))
    removed, wanted = ~minhash.kept(found), ~minhash.kept(right)
    assert wanted.sum() > 100
    assert (removed & ~wanted).sum() == 0  # candidates are compared exactly
    assert (removed & wanted).sum() >= 0.99 * wanted.sum()
    assert (found == right).mean() >= 0.99


def test_equal_short_and_empty_texts() -> None:
    texts = ["Dạ.", "dạ", "", "   ", "Cho mình một ly trà đào", "cho mình MỘT ly trà đào!!", "a", "Dạ vâng"]
    assert minhash.clusters(texts).tolist() == [0, 0, 2, 2, 4, 4, 6, 7]
    assert minhash.clusters([]).tolist() == []


def test_far_more_copies_than_are_compared() -> None:
    draw = Random(1)
    others = [" ".join(draw.sample(WORDS, 12)) for _ in range(300)]
    copies = [f"giao giúp mình một ly trà đào cam sả cỡ lớn ít đường nhiều đá trước năm giờ chiều nay số {k}" for k in range(300)]
    mixed = [text for pair in zip(copies, others, strict=True) for text in pair]
    found = minhash.clusters(mixed, 0.7)
    assert set(found[::2].tolist()) == {0}
    assert (found[1::2] == np.arange(1, 600, 2)).sum() >= 295


def test_similarity_is_jaccards() -> None:
    left, right = "trà sữa trân châu", "trà sữa trân châu đen"
    a, b = shingles(left), shingles(right)
    assert minhash.jaccard(left, right) == pytest.approx(len(a & b) / len(a | b))


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.95])
def test_bands_bring_similar_texts_together(threshold: float) -> None:
    bands, rows = minhash.bands_for(threshold)
    assert 1 - (1 - threshold**rows) ** bands >= 0.999


@pytest.mark.parametrize("threshold", [0.0, 1.0, -1.0])
def test_thresholds_that_make_no_sense(threshold: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        minhash.clusters(["a"], threshold)

"""Intervals against closed forms and against what they promise; p-values against tables worked by hand."""

from math import comb

import numpy as np
import pytest

from smolcourse.evaluation.statistics import (
    bootstrap,
    holm,
    interval,
    mcnemar,
    paired_difference,
    permutation,
    smallest_difference,
    wilson,
)


def test_bootstrap_of_a_proportion_is_close_to_the_normal_interval():
    values = [1.0] * 140 + [0.0] * 60
    found = bootstrap(values)
    half = 1.96 * (0.7 * 0.3 / 200) ** 0.5
    assert found.value == 0.7
    assert found.low == pytest.approx(0.7 - half, abs=0.006) and found.high == pytest.approx(0.7 + half, abs=0.006)


def test_both_ways_of_drawing_agree():
    rng = np.random.default_rng(1)
    many = rng.normal(size=300)  # more than 64 kinds of values: drawn item by item
    found = bootstrap(many.tolist())
    half = 1.96 * many.std() / 300**0.5
    assert found.low == pytest.approx(many.mean() - half, abs=0.01) and found.high == pytest.approx(many.mean() + half, abs=0.01)


def test_bootstrap_is_seeded():
    values = [0.0, 1.0, 0.5, 1.0]
    assert bootstrap(values, seed=1) == bootstrap(values, seed=1)
    assert bootstrap(list(np.random.default_rng(0).random(100)), seed=1) != bootstrap(
        list(np.random.default_rng(0).random(100)), seed=2
    )


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    covered = sum(
        found.low <= 0.8 <= found.high
        for found in (bootstrap((rng.random(200) < 0.8).astype(float).tolist(), resamples=1000) for _ in range(200))
    )
    assert 178 <= covered <= 200  # 95 % of 200 is 190, minus the slack of chance


@pytest.mark.parametrize("values", [[], [float("nan")], [1.0, float("inf")]])
def test_bootstrap_refuses(values):
    with pytest.raises(ValueError):
        bootstrap(values)


def test_wilson_against_published_numbers():
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263).low == pytest.approx(0.2553, abs=5e-5) and wilson(81, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(0, 20).low == 0 and wilson(0, 20).high == pytest.approx(0.1611, abs=5e-5)


@pytest.mark.parametrize(("right", "total"), [(0, 0), (3, 2), (-1, 5)])
def test_wilson_refuses(right, total):
    with pytest.raises(ValueError):
        wilson(right, total)


def test_all_right_or_all_wrong_still_has_a_width():
    assert interval([0.0] * 200).high == pytest.approx(wilson(0, 200).high)
    assert interval([1.0] * 200).low == pytest.approx(wilson(200, 200).low) and interval([1.0] * 200).value == 1
    assert interval([0.0, 1.0] * 50) == bootstrap([0.0, 1.0] * 50)


def test_pairs_narrow_the_interval():
    hard = np.random.default_rng(0).random(300)
    first = (hard < 0.6).astype(float).tolist()
    second = (hard < 0.65).astype(float).tolist()
    paired = paired_difference(first, second)
    apart = bootstrap(second).high - bootstrap(first).low - (bootstrap(second).low - bootstrap(first).high)
    assert paired.low > 0, "each item is at least as good: the difference is real"
    assert paired.high - paired.low < apart / 2
    assert paired.value == pytest.approx(np.mean(second) - np.mean(first))


def test_pairs_need_the_same_items():
    with pytest.raises(ValueError):
        paired_difference([1.0], [1.0, 0.0])


@pytest.mark.parametrize(("b", "c"), [(0, 5), (3, 9), (10, 2), (7, 8)])
def test_mcnemar_is_the_two_sided_binomial_test(b, c):
    n = b + c
    expected = sum(comb(n, k) for k in range(n + 1) if comb(n, k) <= comb(n, b)) / 2**n
    assert mcnemar(b, c) == pytest.approx(expected)
    assert mcnemar(b, c) == mcnemar(c, b)


def test_mcnemar_at_the_ends():
    assert mcnemar(0, 0) == 1
    assert mcnemar(4, 4) == 1
    assert mcnemar(600, 600) == 1
    assert 0 < mcnemar(900, 1100) < 1e-4
    assert mcnemar(0, 2000) < 1e-300


def test_items_of_one_passage_count_as_one():
    rng = np.random.default_rng(0)
    values = np.repeat(rng.integers(2, size=40), 10).astype(float).tolist()  # ten questions a passage, right or wrong together
    groups = [f"passage {n // 10}" for n in range(400)]
    alone, together = interval(values), interval(values, groups=groups)
    assert alone.value == pytest.approx(together.value)
    by_hand = bootstrap(values[::10])
    assert together.high - together.low == pytest.approx(by_hand.high - by_hand.low, rel=0.05)
    assert together.high - together.low > 2.5 * (alone.high - alone.low)
    assert interval(values, groups=[""] * 400) == alone


def test_weights():
    found = interval([1.0, 3.0, 3.0, 1.0] * 20, weights=[3.0, 1.0, 1.0, 3.0] * 20)
    assert found.value == pytest.approx(1.5) and found.low < 1.5 < found.high


def test_permutation_agrees_with_mcnemar():
    first = [1.0] * 30 + [0.0] * 12 + [1.0] * 50
    second = [0.0] * 30 + [1.0] * 12 + [1.0] * 50
    assert permutation(first, second) == pytest.approx(mcnemar(30, 12), abs=0.004)
    assert permutation(first, first) == 1.0
    groups = [str(n // 46) for n in range(92)]
    assert permutation(first, second, groups=groups) > 0.4, "two groups can tell nothing"


def test_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == [] and holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_smallest_difference_is_found_four_times_of_five():
    items, discordant = 400, 0.2
    gap = smallest_difference(items, discordant)
    rng = np.random.default_rng(1)
    split = rng.multinomial(items, [(discordant - gap) / 2, (discordant + gap) / 2, 1 - discordant], size=2000)
    power = np.mean([mcnemar(int(lost), int(gained)) < 0.05 for lost, gained, _ in split])
    assert 0.72 < power < 0.88
    with pytest.raises(ValueError):
        smallest_difference(0, 0.5)

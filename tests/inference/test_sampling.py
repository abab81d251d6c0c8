"""The choice of one token, against its definition."""

import pytest
import torch

from smolcourse.inference.sampling import pick, uniforms

PROBABILITIES = torch.tensor([0.1, 0.5, 0.15, 0.25])


def shares(temperature=1.0, top_p=1.0, draws=20_000):
    logits = PROBABILITIES.log().expand(draws, -1)
    chosen = pick(logits, uniforms(0, 0, draws), temperature, top_p)
    return torch.bincount(chosen, minlength=4) / draws


def test_zero_temperature_takes_the_likeliest():
    assert pick(PROBABILITIES.log()[None], torch.tensor([0.99]), 0, 1.0).tolist() == [1]


def test_draws_follow_the_probabilities():
    assert torch.allclose(shares(), PROBABILITIES, atol=0.01)


def test_temperature_divides_the_logits():
    expected = PROBABILITIES.log().div(0.5).softmax(0)
    assert torch.allclose(shares(temperature=0.5), expected, atol=0.01)


@pytest.mark.parametrize(("top_p", "kept"), [(0.5, [1]), (0.6, [1, 3]), (0.75, [1, 3]), (0.8, [1, 3, 2]), (1.0, [1, 3, 2, 0])])
def test_top_p_keeps_the_smallest_set(top_p, kept):
    wanted = torch.zeros(4)
    wanted[kept] = PROBABILITIES[kept] / PROBABILITIES[kept].sum()
    assert torch.allclose(shares(top_p=top_p), wanted, atol=0.015)


@pytest.mark.parametrize("draw", [0.0, 1.0 - 2**-53])
def test_the_ends_of_the_interval_stay_in_the_set(draw):
    chosen = pick(PROBABILITIES.log()[None], torch.tensor([draw], dtype=torch.float64), 1.0, 0.7)
    assert chosen.item() in (1, 3)


def test_uniforms_are_each_sequence_s_own():
    assert torch.equal(uniforms(1, 2, 5), uniforms(1, 2, 9)[:5])
    assert not torch.equal(uniforms(1, 2, 5), uniforms(1, 3, 5))
    assert not torch.equal(uniforms(1, 2, 5), uniforms(2, 2, 5))

"""The schedule is the textbook one, and still ends at zero when its end moves."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from smolcourse.training.loop import RunTrainer
from smolcourse.training.schedule import Schedule


def rates(schedule: Schedule, steps: int, move: dict[int, int] | None = None) -> list[float]:
    found = []
    for step in range(steps):
        found.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        if move and step in move:
            schedule.end_at(move[step])
        schedule.step()
    return found


def schedule(shape: str, warmup: int, total: int) -> Schedule:
    return Schedule(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0), shape, warmup, total)


def test_linear_warms_up_and_falls_to_zero_in_equal_steps() -> None:
    found = rates(schedule("linear", 4, 24), 24)
    assert found[0] < found[1] < found[3] < 1.0
    falls = [a - b for a, b in itertools.pairwise(found[5:])]
    assert max(falls) - min(falls) < 1e-9
    assert found[-1] == pytest.approx(falls[0], rel=0.2)


def test_cosine_is_half_way_down_in_the_middle() -> None:
    found = rates(schedule("cosine", 0, 100), 100)
    assert found[50] == pytest.approx(0.5, abs=0.02)
    assert found[-1] < 0.01


def test_an_end_that_comes_nearer_still_ends_near_zero() -> None:
    found = rates(schedule("linear", 0, 100), 60, {20: 60})
    assert found[-1] < 0.05
    assert all(a >= b for a, b in itertools.pairwise(found))


def test_a_saved_schedule_goes_on_as_if_nothing_had_happened() -> None:
    whole = rates(schedule("cosine", 3, 30), 30)
    first = schedule("cosine", 3, 30)
    before = rates(first, 11)
    second = schedule("cosine", 3, 30)
    second.load_state_dict(first.state_dict())
    assert before + rates(second, 19) == pytest.approx(whole)


def test_a_slow_start_does_not_cost_the_rest_of_the_budget() -> None:
    """The first steps compile and warm up: the end that they foretell moves back once steps are fast."""
    weight = torch.nn.Parameter(torch.zeros(1))
    trainer: Any = SimpleNamespace(
        deadline_seconds=100.0,
        step_seconds=[10.0, 10.0],
        seconds=lambda: 20.0,
        state=SimpleNamespace(global_step=2),
        args=SimpleNamespace(max_steps=70),
        lr_scheduler=Schedule(torch.optim.SGD([weight], lr=1.0), "linear", 0, 70),
    )
    RunTrainer.keep_budget(trainer)
    assert trainer.lr_scheduler.total_steps == 10
    trainer.step_seconds += [1.0] * 30
    trainer.seconds, trainer.state.global_step = lambda: 50.0, 32
    RunTrainer.keep_budget(trainer)
    assert trainer.lr_scheduler.total_steps == 70  # 82 would fit, 70 are wanted
    trainer.seconds, trainer.lr_scheduler.steps_done = lambda: 99.5, 32
    RunTrainer.keep_budget(trainer)
    assert trainer.lr_scheduler.total_steps == 32  # no time for one more

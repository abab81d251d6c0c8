"""The live line is drawn over itself on a terminal, and written now and then anywhere else."""

import io
import os
import re

import pytest

from smolcourse.language import set_language
from smolcourse.training import live
from smolcourse.training.energy import energy_from
from smolcourse.training.live import LiveLine, bar, duration, fit


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    return now


def shown(terminal: Terminal) -> list[str]:
    """The lines as a terminal shows them after all redrawing."""
    return [line.split("\x1b[2K")[-1] for line in terminal.getvalue().split("\n")]


def test_all_fields_in_both_languages(clock: list[float]) -> None:
    stream = io.StringIO()
    line = LiveLine(200, stream=stream)
    line.update(1)
    clock[0] += 49
    line.update(50, loss=1.23456, tokens_per_second=431.7, memory=3 << 30, energy=energy_from(1.25, False))
    set_language("en")
    clock[0] += 75
    line.update(100, loss=0.5, energy=energy_from(2.5, True))
    _, first, second = stream.getvalue().splitlines()
    assert "50/200" in first and "loss 1.235" in first and "432 token/s" in first and "3.0 GB" in first
    assert "còn 2m30s" in first and "1.25 Wh (ước tính)" in first
    assert "left 2m05s" in second and second.endswith("2.50 Wh")


def test_time_left_counts_only_the_steps_since_the_first_one_shown(clock: list[float]) -> None:
    """Neither those of another process, before a resume, nor the one that warmed up and compiled."""
    stream = io.StringIO()
    line = LiveLine(200, stream=stream)
    clock[0] += 500
    line.update(100)
    clock[0] += 100
    line.update(150)
    first, second = stream.getvalue().splitlines()
    assert "còn" not in first and "còn 1m40s" in second


def test_the_end_may_move(clock: list[float]) -> None:
    stream = io.StringIO()
    line = LiveLine(200, stream=stream, every=0)
    line.update(0)
    clock[0] += 10
    line.update(10, total=20)
    assert "10/20" in stream.getvalue() and "còn 10s" in stream.getvalue()


def test_a_pipe_gets_a_line_now_and_then_and_the_last(clock: list[float]) -> None:
    stream = io.StringIO()
    line = LiveLine(1000, stream=stream, every=30)
    for step in range(1, 901):
        clock[0] += 0.1
        line.update(step)
    line.close()
    line.close()
    lines = stream.getvalue().splitlines()
    assert 3 <= len(lines) <= 5 and "900/1000" in lines[-1]
    assert "\r" not in stream.getvalue() and "\x1b" not in stream.getvalue()


def test_a_terminal_shows_one_line(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.shutil, "get_terminal_size", lambda: os.terminal_size((50, 24)))
    terminal = Terminal()
    line = LiveLine(10, stream=terminal)
    for step in range(1, 11):
        clock[0] += 1
        line.update(step, loss=1 / step, tokens_per_second=300, memory=1 << 30, energy=energy_from(1, False))
        assert all(len(text) < 50 for text in shown(terminal))
    line.say("một câu trả lời")
    line.close()
    assert len(shown(terminal)) == 3 and shown(terminal)[0] == "một câu trả lời" and "10/10" in shown(terminal)[1]
    assert shown(terminal)[2] == ""


def test_saying_something_before_the_first_step(clock: list[float]) -> None:
    terminal = Terminal()
    line = LiveLine(10, stream=terminal)
    line.say("bước 0: …\n")
    line.close()
    assert terminal.getvalue() == "bước 0: …\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (425, "7m05s"),
        (7380, "2h03m"),
        (float("inf"), "?"),
        (float("nan"), "?"),
        (-1, "?"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_bar_keeps_its_width() -> None:
    assert {len(bar(index / 200)) for index in range(-10, 300)} == {12}
    assert bar(0) == "░" * 12 and bar(1) == "█" * 12 and bar(7) == "█" * 12
    assert re.fullmatch("█{6}░{6}", bar(0.5))


def test_fields_that_do_not_fit_are_dropped_whole() -> None:
    assert fit("aaaa  bbbb  cccc", 16) == "aaaa  bbbb  cccc"
    assert fit("aaaa  bbbb  cccc", 15) == "aaaa  bbbb"
    assert fit("aaaa  bbbb", 3) == "aaa"

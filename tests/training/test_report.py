"""The report says what was run, what came of it and what it cost, in the language in use; the curve falls as the loss does."""

from pathlib import Path

import pytest

from smolcourse.language import set_language
from smolcourse.training.curves import curve
from smolcourse.training.energy import energy_from
from smolcourse.training.estimate import Prediction
from smolcourse.training.report import before_and_after, ends, loss_points, report_text
from smolcourse.training.runs import Run

PREDICTION = Prediction(420.0, 3 << 30, 1 << 30, 134_515_008, 134_515_008, 100_000, 200, 300.0, 1e14, 1.5)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.create(
        {"method": "sft", "model_name_or_path": "smollm2-135m-instruct", "learning_rate": 2e-4}, "sft", folder=tmp_path
    )
    run.append_sample(0, [{"role": "user", "content": "Một trà | sữa"}], "```\nkhông biết\n```")
    for step in range(1, 101):
        run.append_metrics(step, loss=2.0 if step <= 50 else 0.5)
    run.append_sample(100, [{"role": "user", "content": "Một trà | sữa"}], '{"drink": "trà sữa"}')
    return run


def test_the_whole_report_in_both_languages(run: Run) -> None:
    def text() -> str:
        return report_text(
            run,
            seconds=432.0,
            prediction=PREDICTION,
            peak_memory=int(3.4 * (1 << 30)),
            energy=energy_from(1.8, False, "VN"),
            scores={"new": ((0.0, 0.0, 0.02), (0.87, 0.82, 0.91)), "unseen": (None, (0.6, 0.53, 0.67))},
        )

    vietnamese = text()
    for part in (
        "smollm2-135m-instruct",
        "2.000 → **0.500**",
        "7m00s",
        "7m12s",
        "3.0 GB",
        "3.4 GB",
        "ước tính",
        "1.80 Wh",
        "VND",
    ):
        assert part in vietnamese
    assert "87.0 % [82.0, 91.0]" in vietnamese and "| unseen | – | 60.0 %" in vietnamese
    assert f"smol chat {run.name}" in vietnamese and f"smol compare smollm2-135m-instruct {run.name}" in vietnamese
    assert "````text\n```\nkhông biết" in vietnamese  # an answer cannot close its own fence
    set_language("en")
    english = text()
    assert "## Predicted and measured" in english and "estimated" in english and "ước tính" not in english
    path = run.write_report(english)
    assert path.read_text(encoding="utf-8") == english


def test_a_report_of_a_run_that_logged_nothing(tmp_path: Path) -> None:
    run = Run.create({}, "empty", folder=tmp_path)
    assert run.name in report_text(run, seconds=0.0)


def test_lines_without_a_loss_are_left_out() -> None:
    assert loss_points([{"step": 1, "loss": 2}, {"step": 2, "loss": None}, {"loss": 3}, {"step": 4, "other": 1}]) == ([1], [2.0])


def test_ends_are_means() -> None:
    assert ends([4.0, 2.0] + [9.0] * 36 + [1.0, 3.0]) == (3.0, 2.0)
    assert ends([5.0]) == (5.0, 5.0)


def test_before_and_after_follow_the_prompt() -> None:
    samples = [
        {"step": 0, "prompt": "a", "answer": "1"},
        {"step": 0, "prompt": "b", "answer": "2"},
        {"step": 5, "prompt": "a", "answer": "3"},
    ]
    assert before_and_after(samples) == [("a", 0, "1", 5, "3"), ("b", 0, "2", 0, "2")]


def test_the_curve_falls_as_the_loss_does() -> None:
    steps = list(range(1, 41))
    drawn = curve(steps, [float(41 - step) for step in steps], width=20, height=5, ascii_only=True)
    lines = [line.split("|", 1)[1] for line in drawn.splitlines()[:5]]
    assert [line.find("*") for line in lines] == sorted(line.find("*") for line in lines)
    assert lines[0].startswith("*") and len(lines[4]) == 20 and lines[4].endswith("*")
    assert drawn.splitlines()[0].lstrip().startswith("40.00") or "39" in drawn.splitlines()[0]


@pytest.mark.parametrize("values", [[1.0, 1.0], [1.0] * 1000, [5.0, 1.0, 3.0]])
def test_curves_of_any_number_of_points_have_one_size(values: list[float]) -> None:
    lines = curve(list(range(len(values))), values, width=30, height=4).splitlines()
    assert len(lines) == 6 and max(map(len, lines)) <= 30 + 7
    assert curve([1], [1.0]) == ""

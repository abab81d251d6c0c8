"""Classic wrong answers: each is caught, and called by its name. `EXERCISE__misconception.py` says which name that is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smolcourse.course.checker import check_code
from smolcourse.course.lessons import find_exercise
from smolcourse.course.sandbox import Sandbox

WRONG = sorted((Path(__file__).parent / "wrong_answers").glob("*.py"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.mark.parametrize("file", WRONG, ids=lambda file: file.stem)
def test_a_wrong_answer_is_named(file: Path, sandbox: Sandbox) -> None:
    exercise, _, misconception = file.stem.partition("__")
    result = check_code(find_exercise(exercise), file, sandbox, seed=7)
    assert (result.state, result.name) == ("failing", misconception), (result.text, result.got)
    assert result.text.vi and result.text.en and result.text.vi != result.text.en
    assert result.section, "a failure links the paragraph"


def test_a_coincidence_is_not_called_written_down(sandbox: Sandbox) -> None:
    """Two draws of this seed have the same wrong result by chance."""
    file = Path(__file__).parent / "wrong_answers" / "choose_rank__weights-only.py"
    assert check_code(find_exercise("choose_rank"), file, sandbox, seed=5106).name == "weights-only"


def test_there_are_enough() -> None:
    assert len(WRONG) >= 16

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
    result = check_code(find_exercise(exercise), file, sandbox)
    assert (result.state, result.name) == ("failing", misconception), (result.text, result.got)
    assert result.text.vi and result.text.en and result.text.vi != result.text.en
    assert result.section, "a failure links the paragraph"


def test_there_are_enough() -> None:
    assert len(WRONG) >= 16

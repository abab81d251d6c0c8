"""The lessons hold: what `smol dev check` looks at, and every cell of every lesson on a tiny model."""

import pytest

from smolcourse.course.cells import run_cells
from smolcourse.course.devcheck import problems
from smolcourse.course.lessons import Module, modules
from smolcourse.course.myst import read_lesson


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_has_no_problem(module: Module) -> None:
    assert list(problems([module])) == []


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_every_cell_runs(module: Module) -> None:
    lesson = read_lesson(module, "vi")
    outputs = run_cells(lesson, tiny=True)
    assert outputs.keys() == lesson.cells.keys()
    assert all(text.strip() for text in outputs.values()), "a cell prints what the text around it speaks of"

"""Blocks, cells, hashes: a translation that falls behind is seen, by authors and readers."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from smolcourse.course import glossary, lessons, myst
from smolcourse.course.devcheck import problems, stale
from smolcourse.course.lessons import lessons_folder, modules
from smolcourse.course.notebook import notebook
from smolcourse.course.page import html_page
from smolcourse.errors import SmolError
from smolcourse.language import set_language


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the first module, to be damaged."""
    source = modules()[0].folder
    shutil.copytree(source, tmp_path / source.name)
    shutil.copy(lessons_folder() / "glossary.toml", tmp_path)
    monkeypatch.setenv("SMOLCOURSE_LESSONS", str(tmp_path))
    lessons._modules.cache_clear()
    yield tmp_path / source.name
    lessons._modules.cache_clear()
    glossary.glossary.cache_clear()


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after, 1), encoding="utf-8")


def test_a_changed_original_makes_its_translation_stale(shelf: Path) -> None:
    assert stale() == []
    block = myst.read_lesson(modules()[0], "vi").blocks[1]
    edit(shelf / "lesson.vi.md", block.title, block.title + " (mới)")
    assert stale() == [f"{shelf.name}/lesson.en.md: {block.name}"]
    english = myst.read_lesson(modules()[0], "en")
    set_language("en")
    assert english.stale == {block.name}
    assert "trust the Vietnamese" in html_page(english)
    assert any("smol dev stale" in line for line in cheap_problems())
    myst.stamp(modules()[0])
    assert stale() == []


def test_blank_space_and_cells_do_not_make_it_stale(shelf: Path) -> None:
    edit(shelf / "lesson.vi.md", "\n\n", "  \n\n")
    edit(shelf / "lesson.en.md", "print(text)", "print(text, flush=True)")
    assert stale() == []


def test_blocks_must_have_twins(shelf: Path) -> None:
    edit(shelf / "lesson.en.md", '+++ {"block": "shift"', '+++ {"block": "other"')
    with pytest.raises(SmolError, match="shift"):
        myst.read_lesson(modules()[0], "vi")


@pytest.mark.parametrize(
    ("file", "before", "after", "complaint"),
    [
        ("lesson.toml", "Token j được đoán ở vị trí j - 1.", "mã thông báo", "stands for 'token'"),
        ("lesson.toml", 'section = "shift"', 'section = "nowhere"', "no section nowhere"),
        ("lesson.toml", "minutes = 55", "minutes = 0", "minutes"),
        ("lesson.toml", 'real = ["smolcourse.losses:shift"]', 'real = ["smolcourse.losses:gone"]', "smolcourse.losses:gone"),
        ("lesson.vi.md", "{term}`token`", "{term}`gì đó`", "glossary.toml"),
        ("lesson.vi.md", "(picture:shift)", "(picture:gone)", "picture gone"),
        ("lesson.vi.md", "```{embed} first-mask\n```\n", "", "cells of loss-mask differ"),
        ("quiz.toml", "answer = 1", "answer = 9", "no option 9"),
    ],
)
def test_damage_is_found(shelf: Path, file: str, before: str, after: str, complaint: str) -> None:
    edit(shelf / file, before, after)
    assert any(complaint in line for line in cheap_problems())


def test_a_missing_hint_or_translation_is_found(shelf: Path) -> None:
    edit(shelf / "lesson.toml", '{vi = "Token j', '{vi = "", en = "gone"},\n  {vi = "Token j')
    found = cheap_problems()
    assert any("4 hints" in line for line in found) and any("a language is missing" in line for line in found)


def test_a_solution_without_one_of_its_lines_is_found(shelf: Path) -> None:
    edit(shelf / "solutions" / "shift.py", "    positions = loss_mask[1:].nonzero().squeeze(1)\n", "")
    assert any("1/shift: the solution is failing" in line for line in problems())


def cheap_problems() -> list[str]:
    """Everything but running the exercises, which comes last."""
    from smolcourse.course import devcheck

    lessons._modules.cache_clear()
    module = modules()[0]
    found = [*devcheck._texts(module), *devcheck._lesson(module)]
    return found + [line for exercise in module.exercises for line in devcheck._exercise(exercise)]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_notebook_is_valid_and_keeps_every_cell(language: str) -> None:
    set_language(language)  # type: ignore[arg-type]
    lesson = myst.read_lesson(modules()[0], language)  # type: ignore[arg-type]
    cells = json.loads(notebook(lesson))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert code[1:] == list(lesson.cells.values())
    assert "pip install" in code[0]
    assert len({cell["id"] for cell in cells}) == len(cells)
    assert all("{term}" not in "".join(cell["source"]) and "picture:" not in "".join(cell["source"]) for cell in cells)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_page_stands_alone(language: str) -> None:
    set_language(language)  # type: ignore[arg-type]
    lesson = myst.read_lesson(modules()[0], language)  # type: ignore[arg-type]
    page = html_page(lesson, {"first-mask": "<printed>"})
    assert "&lt;printed&gt;" in page and "<printed>" not in page
    assert all(f'id="{block.name}"' in page for block in lesson.blocks)
    assert "{term}" not in page and "picture:" not in page and "{embed}" not in page
    assert 'src="' not in page and "<link" not in page and page.count("<svg") >= 2

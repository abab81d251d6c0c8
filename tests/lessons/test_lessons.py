"""The lessons hold: what `smol dev check` looks at, and every cell of every lesson on a tiny model."""

import re
import shlex

import pytest

from smolcourse.course.cells import run_cells
from smolcourse.course.devcheck import problems
from smolcourse.course.lessons import Module, modules
from smolcourse.course.myst import read_lesson


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_a_module_has_no_problem(module: Module) -> None:
    assert list(problems([module], seed=7)) == []


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_every_cell_runs(module: Module) -> None:
    lesson = read_lesson(module, "vi")
    outputs = run_cells(lesson, tiny=True)
    assert outputs.keys() == lesson.cells.keys()
    assert all(text.strip() for text in outputs.values()), "a cell prints what the text around it speaks of"


def spoken_commands(text: str) -> list[str]:
    """Every `smol ...` in blocks of shell, in code, and in hints."""
    blocks = re.findall(r"^```bash\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()] + re.findall(r"`(smol [^`\n]*)`", text)
    return [line for line in lines if line.startswith("smol ")]


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.name)
def test_every_command_a_reader_is_told_to_type_exists(module: Module) -> None:
    import typer

    from smolcourse.cli.commands import app

    root = typer.main.get_command(app)
    texts = [file.read_text(encoding="utf-8") for file in (*module.folder.glob("*.md"), *module.folder.glob("exercises/*.py"))]
    hints = [text for exercise in module.exercises for hint in exercise.hints for text in (hint.vi, hint.en)]
    shell = [*(command for text in texts for command in spoken_commands(text))]
    shell += [found for hint in hints for found in re.findall(r"smol [a-z]+ [^,.;]*--[a-z-]+", hint)]
    assert shell
    for line in shell:
        words = shlex.split(line)[1:]
        command = root
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known | {"--lang"}, line

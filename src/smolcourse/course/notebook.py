"""A lesson as a Jupyter notebook (nbformat 4.5), per language, with a first cell for Colab."""

import base64
import json
from typing import Any

from smolcourse.course.glossary import glossary
from smolcourse.course.myst import PICTURE, TERM, Lesson
from smolcourse.course.pictures import draw
from smolcourse.language import tr

_COLAB = """import importlib.util, sys
if importlib.util.find_spec("smolcourse") is None:
    !{sys.executable} -m pip install -q smolcourse"""


def notebook(lesson: Lesson) -> str:
    """The notebook's JSON."""
    cells = [_cell("markdown", f"# {lesson.module.title}\n\n{lesson.module.goal}", "title"), _cell("code", _COLAB, "colab")]
    for block in lesson.blocks:
        for number, part in enumerate(lesson.parts(block)):
            if part.kind == "cell":
                cells.append(_cell("code", part.text, part.label))
            else:
                cells.append(_cell("markdown", _plain(lesson, part.text), f"{block.name}-{number}"))
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
        "title": tr(lesson.module.title.vi, lesson.module.title.en),
    }
    return (
        json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False, indent=1)
        + "\n"
    )


def _cell(kind: str, source: str, name: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name[:64], "metadata": {}, "source": source.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _plain(lesson: Lesson, text: str) -> str:
    """Glossary terms with their meaning as a tooltip, pictures as data."""
    terms = glossary()

    def term(mark: Any) -> str:
        entry = terms.get((mark[2] or mark[1]).strip().lower())
        return f'[{mark[1].strip()}](# "{str(entry.means).replace(chr(34), chr(39))}")' if entry else mark[1].strip()

    def image(mark: Any) -> str:
        data = base64.b64encode(draw(lesson.module, mark[2]).encode()).decode()
        return f"![{mark[1]}](data:image/svg+xml;base64,{data})"

    return PICTURE.sub(image, TERM.sub(term, text))

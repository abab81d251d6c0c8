"""Where a pipeline begins: rows of a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smolcourse.data.reading import read_rows
from smolcourse.synthesis.rows import Draft


def read(*, file: Path, size: int | None = None) -> Iterator[Draft]:
    """The rows of a file, as `data.reading` reads them: seeds, instructions, answers.

    Args:
        size: at most so many.
    """
    for place, (_, row) in enumerate(read_rows(file)):
        if size is not None and place >= size:
            return
        yield Draft(row)

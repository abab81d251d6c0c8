"""One line on stderr while answers are made; nothing where stderr is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from smolcourse.language import tr


@contextmanager
def progress_line() -> Iterator[Callable[[str, int, int], None]]:
    """Gives a function that takes what is being answered, how many answers are done, and how many there will be."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        line = bar.add_task(tr("nạp mô hình", "loading"), total=None)

        def tell(label: str, done: int, total: int) -> None:
            bar.update(line, description=label, completed=done, total=total)

        yield tell

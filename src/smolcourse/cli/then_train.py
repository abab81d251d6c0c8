"""The part of `smol synth` that trains on what was made."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from smolcourse.language import tr

if TYPE_CHECKING:
    from smolcourse.synthesis.pipeline import Pipeline


def train_and_compare(pipeline: Pipeline, folder: Path, again: str) -> None:
    """Trains three times and prints the table. `again`: the command that goes on after a stop."""
    from smolcourse.synthesis.then_train import report, then_train
    from smolcourse.training.loop import Stopped

    try:
        found = then_train(pipeline, folder, say=partial(print, flush=True))
    except (KeyboardInterrupt, Stopped):
        print(f"{tr('Đã dừng. Chạy tiếp', 'Stopped. Go on')}: {again}", file=sys.stderr)
        raise typer.Exit(130) from None
    print(f"\n{report(found)}\n{tr('Báo cáo', 'Report')}: {found.folder / 'report.md'}")

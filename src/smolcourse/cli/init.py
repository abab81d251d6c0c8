"""`smol init`: a workspace for the course."""

from pathlib import Path
from typing import Annotated

import typer

from smolcourse.language import tr


def init(folder: Annotated[Path, typer.Argument(help=tr("thư mục làm bài, ví dụ hoc", "the workspace, such as learn"))]) -> None:
    """Writes a workspace: one file an exercise, a progress file, a git repository."""
    from smolcourse.course import workspace

    written = workspace.create(folder)
    stubs = [file for file in written if file.suffix == ".py"]
    print(tr(f"{folder}: {len(stubs)} bài tập mới", f"{folder}: {len(stubs)} new exercises"))
    print(tr("Tiếp theo:", "Next:"))
    print(f"  cd {folder}\n  smol learn 1\n  smol next")

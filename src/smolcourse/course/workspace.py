"""A learner's folder: one file an exercise, the progress beside them, a git repository around them."""

import os
import shutil
import subprocess
from pathlib import Path

from smolcourse.course.checker import in_language
from smolcourse.course.lessons import Exercise, modules
from smolcourse.course.progress import FILE, note
from smolcourse.errors import SmolError
from smolcourse.language import get_language, tr

MARK = ".smolcourse"


def create(folder: Path) -> list[Path]:
    """Writes what is missing: stubs, progress, git settings. Nothing that is there is touched. Returns what was written.

    Raises:
        SmolError: the folder is a file, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [file for file, text in _files(folder).items() if _write_new(file, text)]
        if not (folder / FILE).exists():
            note(folder, "init", "workspace")
            written.append(folder / FILE)
    except OSError as error:
        raise SmolError(f"không ghi được: {error.strerror}", f"cannot write: {error.strerror}", where=str(folder)) from error
    if shutil.which("git") and not _in_git(folder):
        _git(folder, "init", "-q")
    return written


def find() -> Path:
    """The workspace around the current folder.

    Raises:
        SmolError: there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / MARK).is_file():
            return folder
    raise SmolError(
        "đây không phải thư mục làm bài", "this folder is no workspace", where=str(here), fix="smol init hoc && cd hoc"
    )


def file_of(workspace: Path, exercise: Exercise) -> Path:
    """The learner's file of an exercise."""
    return workspace / exercise.module.name / f"{exercise.name}.py"


def reset(workspace: Path, exercise: Exercise) -> Path:
    """Puts the stub back; what was there is kept beside it under a `.bak` name that no other copy has. Returns that copy."""
    file = file_of(workspace, exercise)
    file.parent.mkdir(exist_ok=True)
    number = 1
    while (kept := file.with_suffix(f".{number}.bak")).exists():
        number += 1
    if file.exists():
        os.replace(file, kept)
    file.write_text(in_language(exercise.stub.read_text(encoding="utf-8"), get_language()), encoding="utf-8")
    note(workspace, "reset", exercise.id)
    return kept


def _files(folder: Path) -> dict[Path, str]:
    language = get_language()
    files = {
        folder / MARK: "smol init\n",
        folder / ".gitignore": "runs/\n__pycache__/\n*.html\n",
        folder / ".gitattributes": f"{FILE} merge=union\n",
        folder / "README.md": _readme(),
    }
    for module in modules():
        for exercise in module.exercises:
            if exercise.functions:
                stub = exercise.stub.read_text(encoding="utf-8")
                files[folder / module.name / exercise.stub.name] = in_language(stub, language)
    return files


def _readme() -> str:
    return tr(
        "# Thư mục làm bài\n\nMỗi bài tập là một tệp. Đọc bài học: `smol learn 1`. Bài tập tiếp theo: `smol next`. "
        "Tự chấm mỗi khi lưu: `smol watch`.\nTiến độ nằm trong `progress.jsonl`: cứ commit nó cùng bài làm.\n",
        "# Workspace\n\nOne file an exercise. Read: `smol learn 1`. What comes next: `smol next`. "
        "Check on every save: `smol watch`.\nYour progress stands in `progress.jsonl`: commit it with your work.\n",
    )


def _write_new(file: Path, text: str) -> bool:
    file.parent.mkdir(exist_ok=True)
    try:
        with file.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    return True


def _in_git(folder: Path) -> bool:
    return _git(folder, "rev-parse", "--is-inside-work-tree") == 0


def _git(folder: Path, *words: str) -> int:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False).returncode

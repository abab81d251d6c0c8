"""A learner's attempts: check, and write down what came of it; what the state of every exercise is; what comes next."""

from collections.abc import Callable
from pathlib import Path

from smolcourse.course.checker import Result, check_code, stubs
from smolcourse.course.lessons import Exercise, find_exercises
from smolcourse.course.progress import Progress, digest, note, read_progress
from smolcourse.course.sandbox import Sandbox
from smolcourse.course.workspace import file_of, find
from smolcourse.errors import SmolError
from smolcourse.language import tr

HINTS = 3


def attempt(workspace: Path, exercise: Exercise, sandbox: Sandbox, say: Callable[[str], None]) -> Result:
    """Checks one exercise and notes the outcome in the progress file."""
    if exercise.run:
        from smolcourse.course.runcheck import check_run

        result = check_run(exercise, workspace / "runs", say)
    else:
        result = check_code(exercise, file_of(workspace, exercise), sandbox)
    if result.state in ("passing", "failing"):
        details = {"wrong": result.name} if result.name else {}
        if exercise.run:
            details["run"] = result.got
        note(workspace, "check", exercise.id, state=result.state, code=digest(file_of(workspace, exercise)), **details)
    return result


def state_of(workspace: Path, exercise: Exercise, progress: Progress) -> str:
    """`not attempted`, `failing`, `passing`, `needs a run`; `unchecked` where the file has changed since its last check."""
    if exercise.run:
        last = progress.last("check", exercise.id)
        return str(last["state"]) if last else "needs a run"
    file = file_of(workspace, exercise)
    try:
        untouched = file.read_text(encoding="utf-8") in stubs(exercise)
    except (OSError, UnicodeDecodeError):
        untouched = True
    return "not attempted" if untouched else progress.state(exercise.id, digest(file)) or "unchecked"


def state_name(state: str) -> str:
    """A state in the language in use."""
    names = {
        "not attempted": tr("chưa làm", "not attempted"),
        "failing": tr("chưa đạt", "failing"),
        "passing": tr("đạt", "passing"),
        "needs a run": tr("cần chạy huấn luyện", "needs a run"),
        "unchecked": tr("đã sửa, chưa chấm lại", "changed, not checked"),
    }
    return names[state]


def next_exercise(workspace: Path) -> Exercise | None:
    """The first exercise that does not pass; None when all do."""
    progress = read_progress(workspace)
    return next((exercise for exercise in find_exercises() if state_of(workspace, exercise, progress) != "passing"), None)


def hint(workspace: Path, exercise: Exercise) -> tuple[int, str]:
    """The next hint (from 1), one step further at each call; the last one again after that."""
    number = min(read_progress(workspace).count("hint", exercise.id) + 1, len(exercise.hints))
    note(workspace, "hint", exercise.id, step=number)
    return number, str(exercise.hints[number - 1])


def solution(workspace: Path, exercise: Exercise) -> str:
    """Our answer, once the learner has tried.

    Raises:
        SmolError: nothing was checked yet, or the exercise is a run.
    """
    if exercise.run:
        raise SmolError(
            "bài này là một lần huấn luyện, không có lời giải để chép",
            "this exercise is a training run; there is no answer to copy",
            where=exercise.id,
            fix=f"smol hint {exercise.name}",
        )
    if read_progress(workspace).last("check", exercise.id) is None:
        raise SmolError(
            "hãy thử một lần trước đã, sai cũng được",
            "try once first; a wrong try counts",
            where=exercise.id,
            fix=f"smol check {exercise.name}",
        )
    note(workspace, "solution", exercise.id)
    return exercise.solution.read_text(encoding="utf-8")


def passing_for(method: str, say: Callable[[str], None]) -> dict[Exercise, Path]:
    """The learner's passing exercises that a method can use, and their files; says which.

    Raises:
        SmolError: no workspace here, or no passing function that this method can use.
    """
    workspace = find()
    progress = read_progress(workspace)
    usable = [exercise for exercise in find_exercises() if method in exercise.methods]
    passing = [exercise for exercise in usable if state_of(workspace, exercise, progress) == "passing"]
    if not passing:
        names = ", ".join(exercise.name for exercise in usable) or "-"
        raise SmolError(
            f"bạn chưa có hàm nào đạt mà việc này dùng được (cần một trong: {names})",
            f"no passing function of yours that this can use (one of: {names})",
            fix=f"smol check {usable[0].name}" if usable else "smol progress",
        )
    listed = ", ".join(exercise.name for exercise in passing)
    say(tr(f"Dùng hàm của bạn: {listed}", f"With your own: {listed}"))
    return {exercise: file_of(workspace, exercise) for exercise in passing}


def words_for_mine(method: str, say: Callable[[str], None]) -> list[str]:
    """`key=value` words for a recipe that trains with the learner's passing functions; says which.

    Raises:
        SmolError: as `passing_for`.
    """
    passing = passing_for(method, say)
    own = [f"use_mine.{exercise.name}={file}" for exercise, file in passing.items()]
    return own + [word for exercise in passing for word in exercise.recipe]

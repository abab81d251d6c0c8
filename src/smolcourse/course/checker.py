"""Checks one exercise: is it written, does it run, is it right; and if not, which misconception it shows."""

import ast
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from smolcourse.course.lessons import Exercise, Text
from smolcourse.course.sandbox import Sandbox

State = Literal["not attempted", "failing", "passing", "needs a run"]


_SAME = 6  # runs, all with one result, that tell a value written down from a coincidence
_NO_TEXT = Text("", "")
_IN_ONE_LANGUAGE = re.compile(r"# ?(vi|en) ")


@dataclass(frozen=True)
class Result:
    """What came of a check. `name` is the misconception's, empty when passing."""

    exercise: Exercise
    state: State
    name: str = ""
    text: Text = _NO_TEXT
    call: str = ""
    got: str = ""
    wanted: str = ""
    section: str = ""
    line: int | None = None
    output: str = ""


def check_code(exercise: Exercise, file: Path, sandbox: Sandbox, *, seed: int | None = None) -> Result:
    """Checks a learner's file with fresh random inputs; twice, so that a lucky draw is no pass.

    Args:
        seed: of the inputs; drawn anew if None.
    """
    early = _before_running(exercise, file)
    if early:
        return early
    first_seed = secrets.randbelow(2**31) if seed is None else seed
    first = sandbox.run(file, exercise.check, first_seed)
    if first["ok"] or first.get("returned"):
        second = sandbox.run(file, exercise.check, first_seed + 1)
        runs = [first, second]
        suspect = not first["ok"] and not first.get("constant")
        # Two draws may have the same result by chance: more of them are asked before anyone is called a cheat.
        while suspect and _always_the_same(runs) and len(runs) < _SAME:
            runs.append(sandbox.run(file, exercise.check, first_seed + len(runs)))
        if suspect and _always_the_same(runs):
            first |= {
                "name": "hard-coded",
                "vi": "kết quả giống hệt nhau với mọi đầu vào: giá trị đã viết sẵn, không phải tính ra",
                "en": "the result is the same for every input: it was written down, not computed",
            }
        verdict = first if not first["ok"] else second
    else:
        verdict = first
    if verdict["ok"] and (shortcut := _used(file) & set(exercise.without)):
        name = min(shortcut)
        vi, en = (
            f"kết quả đúng, nhưng bài yêu cầu không dùng {name}",
            f"the result is right, but the exercise is to do without {name}",
        )
        return Result(exercise, "failing", "shortcut", Text(vi, en), section=exercise.section)
    if verdict["ok"]:
        return Result(exercise, "passing", output=verdict.get("output", ""))
    return Result(
        exercise,
        "failing",
        verdict["name"],
        Text(verdict["vi"], verdict["en"]),
        verdict.get("call", ""),
        verdict.get("got", ""),
        verdict.get("wanted", ""),
        section=verdict.get("read") or exercise.section,
        line=verdict.get("line"),
        output=verdict.get("output", ""),
    )


def _before_running(exercise: Exercise, file: Path) -> Result | None:
    """What can be said without running: no file, nothing written, a syntax error, our own function imported."""
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        missing = Text("không đọc được tệp bài làm", "the file cannot be read")
        return Result(exercise, "failing", "missing-file", missing, got=str(file))
    if source in stubs(exercise):
        return Result(exercise, "not attempted")
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        vi, en = f"sai cú pháp ở dòng {line}", f"a syntax error in line {line}"
        return Result(exercise, "failing", "syntax-error", Text(vi, en), got=str(error), section=exercise.section, line=line)
    copied = sorted(_imported(tree) & {real.replace(":", ".") for real in exercise.real})
    if copied:
        vi, en = f"gọi lại hàm có sẵn {copied[0]} thay vì tự viết", f"calls our own {copied[0]} instead of writing it"
        return Result(exercise, "failing", "copied", Text(vi, en), section=exercise.section)
    return None


def stubs(exercise: Exercise) -> set[str]:
    """The untouched file, in each language."""
    text = exercise.stub.read_text(encoding="utf-8")
    return {in_language(text, "vi"), in_language(text, "en"), text}


def in_language(text: str, language: str) -> str:
    """Keeps the comment lines of one language: those after `# vi ` or `# en `; the others are for everybody."""
    lines = []
    for line in text.splitlines(keepends=True):
        mark = _IN_ONE_LANGUAGE.match(line)
        if mark is None:
            lines.append(line)
        elif mark[1] == language:
            lines.append(line.replace(mark[0], "# ", 1))
    return "".join(lines)


def _imported(tree: ast.AST) -> set[str]:
    """Full dotted names that a file reaches: `from a import b` and `a.b` alike."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(ast.unparse(node))
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            aliases |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            aliases |= {alias.asname: alias.name for alias in node.names if alias.asname}
    return names | {f"{aliases[head]}.{tail}" for head, dot, tail in (name.partition(".") for name in names) if head in aliases}


def _used(file: Path) -> set[str]:
    """Every name and attribute in a file."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute)} | {n.id for n in nodes if isinstance(n, ast.Name)}


def _always_the_same(runs: list[dict[str, Any]]) -> bool:
    """Whether different arguments always gave one result, over all runs."""
    calls = [tuple(call) for run in runs for call in run.get("returned", [])]
    arguments, results = {call[0] for call in calls}, {call[1] for call in calls}
    return len(arguments) > 1 and len(results) == 1

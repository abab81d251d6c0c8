"""What an author's work is held to. Every finding is one line; none means that the course holds together."""

import re
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from smolcourse.course import glossary
from smolcourse.course.attempts import HINTS
from smolcourse.course.checker import check_code
from smolcourse.course.files import load_file
from smolcourse.course.lessons import TIERS, Exercise, Module, Text, lessons_folder, modules
from smolcourse.course.myst import PICTURE, lesson_file, read_lesson
from smolcourse.course.pictures import draw
from smolcourse.course.sandbox import Sandbox
from smolcourse.errors import SmolError
from smolcourse.language import Language

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_BOTH: tuple[Language, Language] = ("vi", "en")


def problems(only: list[Module] | None = None, *, seed: int | None = None) -> Iterator[str]:
    """Everything that is wrong, found from cheap to dear. The exercises' own code runs last.

    Args:
        seed: of the checks' inputs; drawn anew if None.
    """
    chosen = modules() if only is None else only
    names = [exercise.name for module in modules() for exercise in module.exercises]
    yield from (f"{name}: two exercises have this name" for name in sorted({n for n in names if names.count(n) > 1}))
    for module in chosen:
        yield from _texts(module)
        yield from _lesson(module)
        for exercise in module.exercises:
            yield from _exercise(exercise)
    with Sandbox() as sandbox:
        for module in chosen:
            for exercise in module.exercises:
                if exercise.functions and exercise.solution.is_file():
                    yield from _runs(exercise, sandbox, seed)


def stale() -> list[str]:
    """Blocks that render an older text: `1_instruction_tuning/lesson.vi.md: loss-mask`."""
    found = []
    for module in modules():
        for language in _BOTH:
            lesson = read_lesson(module, language)
            found += [f"{module.name}/{lesson_file(module, language).name}: {name}" for name in sorted(lesson.stale)]
    return found


def _texts(module: Module) -> Iterator[str]:
    """Both languages are there; minutes, memory and goals are stated; the quiz's answers exist."""
    yield from _pair(f"{module.name} title", module.title)
    yield from _pair(f"{module.name} goal", module.goal)
    if not 0 < module.minutes <= 240 or not 0 < module.memory_gb <= 8:
        yield f"{module.name}: minutes or memory_gb is not stated"
    for tier in TIERS:
        if not any(exercise.tier == tier for exercise in module.exercises):
            yield f"{module.name}: no exercise in the tier {tier}"
    for number, question in enumerate(module.quiz, start=1):
        for text in (question.ask, question.why, *question.options):
            yield from _pair(f"{module.name}/quiz.toml question {number}", text)
        if not 0 <= question.answer < len(question.options):
            yield f"{module.name}/quiz.toml question {number}: no option {question.answer}"
    if not module.quiz:
        yield f"{module.name}: no quiz"


def _lesson(module: Module) -> Iterator[str]:
    for language in _BOTH:
        file = lesson_file(module, language)
        try:
            lesson = read_lesson(module, language)
        except SmolError as error:
            yield str(error).splitlines()[0]
            return
        blocks = {block.name for block in lesson.blocks}
        for block in lesson.blocks:
            where = f"{module.name}/{file.name}:{block.line}"
            if block.name in lesson.stale:
                yield f"{where}: {block.name} renders an older text (smol dev stale)"
            if not block.text:
                yield f"{where}: {block.name} is empty"
            yield from glossary.problems(block.text, where)
            yield from _pictures(module, block.text, where)
            for target in _LINK.findall(block.text):
                if target.startswith("#") and target[1:] not in blocks:
                    yield f"{where}: no section {target}"
                elif not target.startswith(("#", "https://", "picture:")) and not (module.folder / target).exists():
                    yield f"{where}: no file {target}"
        for block, twin in zip(lesson.blocks, read_lesson(module, "en" if language == "vi" else "vi").blocks, strict=True):
            if bool(block.of) == bool(twin.of):
                yield f"{module.name}/{file.name}:{block.line}: exactly one side of {block.name} must carry `of`"
            if re.findall(r"\{embed\} ([\w-]+)", block.text) != re.findall(r"\{embed\} ([\w-]+)", twin.text):
                yield f"{module.name}/{file.name}:{block.line}: the cells of {block.name} differ between the languages"


def _pictures(module: Module, text: str, where: str) -> Iterator[str]:
    for mark in PICTURE.finditer(text):
        try:
            ElementTree.fromstring(draw(module, mark[2]))
        except (SmolError, ElementTree.ParseError) as error:
            yield f"{where}: picture {mark[2]}: {error}"
        if not mark[1].strip():
            yield f"{where}: picture {mark[2]} has no caption"


def _exercise(exercise: Exercise) -> Iterator[str]:
    """Its files, texts and hints."""
    for label, text in (("title", exercise.title), ("goal", exercise.goal)):
        yield from _pair(f"{exercise.id} {label}", text)
    if len(exercise.hints) != HINTS:
        yield f"{exercise.id}: {len(exercise.hints)} hints, not {HINTS}"
    for number, text in enumerate(exercise.hints, start=1):
        yield from _pair(f"{exercise.id} hint {number}", text)
    if exercise.tier not in TIERS:
        yield f"{exercise.id}: no tier {exercise.tier}"
    blocks = {block.name for block in read_lesson(exercise.module, "vi").blocks}
    if exercise.section not in blocks:
        yield f"{exercise.id}: no section {exercise.section} in the lesson"
    if exercise.check.is_file():
        named = re.findall(r'\bread="([\w-]+)"', exercise.check.read_text(encoding="utf-8"))
        yield from (f"{exercise.id}: its check links no section {name}" for name in sorted(set(named) - blocks))
    for real in exercise.real:
        module, _, name = real.partition(":")
        path = Path(__file__).parents[2] / Path(*module.split(".")).with_suffix(".py")
        if not path.is_file() or not re.search(rf"^def {name}\(", path.read_text(encoding="utf-8"), re.M):
            yield f"{exercise.id}: smolcourse has no {real}"
    for file in (exercise.stub, exercise.check, exercise.solution) if exercise.functions else ():
        if file.is_file():
            yield from glossary.problems(file.read_text(encoding="utf-8"), str(file.relative_to(lessons_folder())))
        else:
            yield f"{exercise.id}: {file.relative_to(lessons_folder())} is missing"
    if exercise.functions and exercise.check.is_file() and bool(exercise.methods) != hasattr(load_file(exercise.check), "drive"):
        yield f"{exercise.id}: `methods` and `drive` go together"


def _runs(exercise: Exercise, sandbox: Sandbox, seed: int | None) -> Iterator[str]:
    """Untouched it is no attempt, touched it fails, the solution passes."""
    shipped = check_code(exercise, exercise.stub, sandbox)
    if shipped.state != "not attempted":
        yield f"{exercise.id}: as shipped it is {shipped.state}"
    if not fails_as_shipped(exercise, sandbox, seed):
        yield f"{exercise.id}: the empty exercise does not fail"
    solved = check_code(exercise, exercise.solution, sandbox, seed=seed)
    if solved.state != "passing":
        yield f"{exercise.id}: the solution is {solved.state}: {solved.name} {solved.text} {solved.got}"


def fails_as_shipped(exercise: Exercise, sandbox: Sandbox, seed: int | None = None) -> bool:
    """Whether the stub, touched so that it counts as an attempt, fails its check."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / exercise.stub.name
        file.write_text(exercise.stub.read_text(encoding="utf-8") + "\n# touched\n", encoding="utf-8")
        return check_code(exercise, file, sandbox, seed=seed).state == "failing"


def figures(wrong_answers: Path) -> dict[str, float]:
    """What `benchmarks/accept.py course` prints. Run exercises have no file and are counted apart.

    Args:
        wrong_answers: a folder of `EXERCISE__misconception.py`.
    """
    exercises = [exercise for module in modules() for exercise in module.exercises]
    coded = {exercise.name: exercise for exercise in exercises if exercise.functions}
    files = sorted(wrong_answers.glob("*.py"))
    with Sandbox() as sandbox:
        named = [
            check_code(coded[file.stem.partition("__")[0]], file, sandbox).name == file.stem.partition("__")[2] for file in files
        ]
        return {
            "modules": len(modules()),
            "exercises": len(coded),
            "run_exercises": len(exercises) - len(coded),
            "exercises_failing_as_shipped": sum(fails_as_shipped(exercise, sandbox) for exercise in coded.values()),
            "solutions_passing": sum(check_code(e, e.solution, sandbox).state == "passing" for e in coded.values()),
            "wrong_answers_tried": len(files),
            "wrong_answers_named": sum(named),
        }


def _pair(where: str, text: Text) -> Iterator[str]:
    """Both languages, different from each other, without a forbidden word."""
    if not text.vi or not text.en:
        yield f"{where}: a language is missing"
    elif text.vi == text.en and " " in text.vi:
        yield f"{where}: both languages have the same text"
    yield from glossary.problems(text.vi, where)

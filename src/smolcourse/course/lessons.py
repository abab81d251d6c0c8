"""The shelf of lessons: what `lessons/` holds, read from each module's `lesson.toml`."""

import os
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from smolcourse.errors import SmolError
from smolcourse.language import tr

Tier = Literal["easy", "medium", "hard"]
TIERS: dict[str, str] = {"easy": "🐢", "medium": "🐕", "hard": "🦁"}


@dataclass(frozen=True)
class Text:
    """One text in both languages; `str()` gives the one in use."""

    vi: str
    en: str

    def __str__(self) -> str:
        return tr(self.vi, self.en)


@dataclass(frozen=True)
class Goal:
    """What a run exercise asks for: a score on freshly made data of a task's split, within minutes of training."""

    recipe: str
    """A recipe's name, with the `key=value` words that it needs."""
    task: str
    score: float
    minutes: float
    size: int = 100
    tolerance: float = 0.0
    """How far below `score` is still passed: what another machine or another seed may cost."""
    preference: float = 0.0
    """Share of fresh pairs about style whose chosen answer must have gained more than the rejected one; 0 asks for none."""
    sight: float = 0.0
    """How far the score must lie above that of the same questions without their pictures; 0 asks for nothing."""
    served: str = ""
    """Where a server answers, up to `/v1`. Its score counts then, and is held against that of the run in memory."""
    drop: float = 0.0
    """How far the server's score may lie below that of the run, on the same items."""


@dataclass(frozen=True)
class Exercise:
    """One task with a checkable result. `functions` are what the learner writes; empty for a run."""

    module: "Module" = field(repr=False, compare=False)
    name: str
    tier: Tier
    minutes: int
    title: Text
    goal: Text
    section: str
    hints: tuple[Text, ...]
    functions: tuple[str, ...] = ()
    real: tuple[str, ...] = ()
    """`module:name` of the functions of ours that the learner rewrites; importing them instead is no answer."""
    without: tuple[str, ...] = ()
    """Names that the answer may not use: what does the whole exercise in one call."""
    methods: tuple[str, ...] = ()
    """What `--use-mine` gives the learner's function to: training methods, `see` for a model that sees, `synth`."""
    recipe: tuple[str, ...] = ()
    """`key=value` words that a run with the learner's function needs."""
    run: Goal | None = None

    @property
    def id(self) -> str:
        """`1/encode`."""
        return f"{self.module.number}/{self.name}"

    @property
    def stub(self) -> Path:
        """What the learner starts from."""
        return self.module.folder / "exercises" / f"{self.name}.py"

    @property
    def check(self) -> Path:
        """The author's check."""
        return self.module.folder / "checks" / f"{self.name}.py"

    @property
    def solution(self) -> Path:
        """Our answer."""
        return self.module.folder / "solutions" / f"{self.name}.py"


@dataclass(frozen=True)
class Question:
    """A quiz question: predict, then reveal."""

    ask: Text
    options: tuple[Text, ...]
    answer: int
    """Index into `options`."""
    why: Text


@dataclass(frozen=True)
class Module:
    """One folder of `lessons/`."""

    folder: Path
    title: Text
    goal: Text
    minutes: int
    memory_gb: float
    exercises: list[Exercise] = field(default_factory=list)
    quiz: list[Question] = field(default_factory=list)

    @property
    def number(self) -> int:
        """1 to 7, from the folder's name."""
        return int(self.folder.name.partition("_")[0])

    @property
    def name(self) -> str:
        """The folder's name, also in a learner's workspace."""
        return self.folder.name


def lessons_folder() -> Path:
    """`lessons/` of the checkout, or the copy inside an installed wheel. `SMOLCOURSE_LESSONS` names another, for authors."""
    if named := os.environ.get("SMOLCOURSE_LESSONS"):
        return Path(named)
    inside = Path(__file__).parents[1] / "lessons"
    return inside if inside.is_dir() else Path(__file__).parents[3] / "lessons"


def modules() -> list[Module]:
    """All modules that have a `lesson.toml`, in order."""
    return _modules(lessons_folder())


@lru_cache(maxsize=4)
def _modules(folder: Path) -> list[Module]:
    found = [_module(path.parent) for path in folder.glob("[0-9]_*/lesson.toml")]
    return sorted(found, key=lambda module: module.number)


def find_module(reference: str) -> Module:
    """A module by number or folder name."""
    for module in modules():
        if reference in (str(module.number), module.name):
            return module
    known = ", ".join(f"{module.number} ({module.title})" for module in modules())
    raise SmolError(f"không có bài {reference!r}; có: {known}", f"no module {reference!r}; there are: {known}", fix="smol learn")


def find_exercises(reference: str = "") -> list[Exercise]:
    """The exercises that `encode`, `1/encode`, `1` or nothing (all) stand for.

    Raises:
        SmolError: there is none of that name.
    """
    everything = [exercise for module in modules() for exercise in module.exercises]
    if not reference:
        return everything
    name = reference.rpartition("/")[2].removesuffix(".py")
    hits = [exercise for exercise in everything if reference == exercise.id or name == exercise.name]
    if hits:
        return hits
    if any(reference in (str(module.number), module.name) for module in modules()):
        return find_module(reference).exercises
    known = ", ".join(exercise.name for exercise in everything)
    raise SmolError(
        f"không có bài tập {reference!r}; có: {known}", f"no exercise {reference!r}; there are: {known}", fix="smol progress"
    )


def find_exercise(reference: str) -> Exercise:
    """The one exercise of a name."""
    hits = find_exercises(reference)
    if len(hits) == 1 and reference:
        return hits[0]
    names = ", ".join(exercise.name for exercise in hits)
    raise SmolError(f"cần tên một bài tập: {names}", f"name one exercise: {names}", fix="smol next")


def _module(folder: Path) -> Module:
    path = folder / "lesson.toml"
    values = _read_toml(path)
    try:
        module = Module(folder, _text(values["title"]), _text(values["goal"]), values["minutes"], values["memory_gb"])
        module.exercises.extend(_exercise(module, entry) for entry in values.get("exercise", []))
        quiz = folder / "quiz.toml"
        module.quiz.extend(_question(entry) for entry in (_read_toml(quiz).get("question", []) if quiz.is_file() else []))
    except (KeyError, TypeError, ValueError) as error:
        raise SmolError(f"thiếu hoặc sai: {error}", f"missing or wrong: {error}", where=str(path)) from error
    return module


def _exercise(module: Module, entry: dict[str, Any]) -> Exercise:
    return Exercise(
        module=module,
        name=entry["name"],
        tier=entry["tier"],
        minutes=entry["minutes"],
        title=_text(entry["title"]),
        goal=_text(entry["goal"]),
        section=entry["section"],
        hints=tuple(_text(hint) for hint in entry["hints"]),
        functions=tuple(entry.get("functions", ())),
        real=tuple(entry.get("real", ())),
        without=tuple(entry.get("without", ())),
        methods=tuple(entry.get("methods", ())),
        recipe=tuple(entry.get("recipe", ())),
        run=Goal(**entry["run"]) if "run" in entry else None,
    )


def _question(entry: dict[str, Any]) -> Question:
    options = tuple(_text(option) for option in entry["options"])
    return Question(_text(entry["ask"]), options, entry["answer"], _text(entry["why"]))


def _text(value: dict[str, str]) -> Text:
    return Text(value["vi"].strip(), value["en"].strip())


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SmolError(f"không đọc được: {error}", f"cannot read: {error}", where=str(path)) from error

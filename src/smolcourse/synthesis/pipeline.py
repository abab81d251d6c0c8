"""A pipeline: steps in order, the models they ask, a seed and a budget; from YAML or from Python."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from smolcourse.config import read_yaml, recipes_folder
from smolcourse.errors import SmolError
from smolcourse.inference.endpoint import KEY
from smolcourse.settings import check_type, coerce
from smolcourse.synthesis.functions import StepFunction, code_version, content_of, find_function, unknown
from smolcourse.synthesis.limits import Budget
from smolcourse.synthesis.rows import Making, Row, digest

Takes = Literal["row", "rows", "nothing"]


@dataclass(frozen=True)
class SourceSettings:
    """Attributes:
    model: a name as `smol chat` takes it, or a server's address, `http://localhost:8080/v1#model`.
    pool: names of other sources that share the questions; then `model` stays empty.
    parallel: questions on their way at once; for a local model, answered in one batch.
    requests_per_minute, tokens_per_minute: the server's limits.
    price: USD for a million tokens of prompts, and of answers.
    timeout: seconds for one whole answer.
    retries: tries after the first.
    key: the environment variable that holds the server's key; each server of a pool has its own.
    """

    model: str = ""
    pool: list[str] = field(default_factory=list)
    parallel: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    price: list[float] = field(default_factory=lambda: [0.0, 0.0])
    timeout: float = 120.0
    retries: int = 3
    key: str = KEY


@dataclass(frozen=True)
class Training:
    """What `--then-train` trains, three times: on rows as they come, on filtered ones, and on those that people wrote.

    Attributes:
        recipe: of training; a name or a file.
        filters: steps that only leave rows out. Without them, rows are as they come.
        human: where rows that people wrote are: `dataset_name`, `dataset_config`, `dataset_train_split` as in recipes.
        settings: keys of the recipe that are other here; `task` and `task_splits` say what is asked.
    """

    recipe: str
    filters: list[str]
    human: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One function with its settings.

    Attributes:
        after: names of the steps whose rows it gets; empty: the step before.
        source: name of the source that it asks; empty: the first.
    """

    function: StepFunction
    settings: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    after: Sequence[str] = ()
    source: str = ""

    @property
    def asks(self) -> bool:
        """Whether the function asks a model: its return annotation says so."""
        return _hints(self.function).get("return") == Making

    @property
    def takes(self) -> Takes:
        """What its first parameter is."""
        first = next(iter(inspect.signature(self.function).parameters), "")
        return "row" if first == "row" else "rows" if first == "rows" else "nothing"

    @property
    def draws(self) -> bool:
        """Whether it wants random draws."""
        return "draw" in inspect.signature(self.function).parameters

    def fingerprint(self, seed: int, identity: str) -> str:
        """Differs when the step's code, its settings, a file that they name, its model or its draws do."""
        settings = {name: content_of(value) if isinstance(value, Path) else value for name, value in self.settings.items()}
        drawn = seed if self.draws or self.asks else None
        return digest(code_version(self.function), settings, drawn, identity if self.asks else None)

    def units(self, version: str, parents: Iterable[Row]) -> list[str]:
        """The keys of all calls of the function, in order: one a row, or one in all."""
        keys = [row.key for row in parents]
        return [digest(version, key) for key in keys] if self.takes == "row" else [digest(version, *keys)]


@dataclass(frozen=True)
class Pipeline:
    """Steps in order; each comes after those it takes rows from."""

    name: str
    steps: Sequence[Step]
    sources: Mapping[str, SourceSettings] = field(default_factory=dict)
    seed: int = 0
    budget: Budget = field(default_factory=Budget)
    train: Training | None = None

    def __post_init__(self) -> None:
        steps: list[Step] = []
        for place, step in enumerate(self.steps):
            named = dataclasses.replace(step, name=step.name or _free_name(step.function.__name__, steps))
            if named.takes != "nothing" and not named.after:
                named = dataclasses.replace(named, after=(steps[-1].name,) if steps else ())
            steps.append(_checked(named, steps, self.sources, place))
        object.__setattr__(self, "steps", tuple(steps))
        if not steps:
            raise SmolError("pipeline chưa có bước nào", "the pipeline has no steps", where="steps", fix="steps: [{use: ...}]")
        for name, source in self.sources.items():
            _check_source(name, source, self.sources)
        for name in self.train.filters if self.train else ():
            if name not in (names := [step.name for step in steps]):
                raise unknown(f"bước {name!r}", f"step {name!r}", name, names, "train.filters")

    def source_of(self, step: Step) -> str:
        """The name of the source that a step asks."""
        return step.source or next(iter(self.sources), "")


def _free_name(name: str, steps: Sequence[Step]) -> str:
    """`deepen`, and where that is taken `deepen_2`."""
    taken = {step.name for step in steps}
    return next(one for place in range(1, len(steps) + 2) if (one := name if place == 1 else f"{name}_{place}") not in taken)


def _checked(step: Step, before: Sequence[Step], sources: Mapping[str, SourceSettings], place: int) -> Step:
    where = f"steps[{place}] {step.name}"
    known = [one.name for one in before]
    if step.name in known or not step.name.replace("-", "").replace("_", "").isalnum():
        raise SmolError(
            f"tên bước {step.name!r} đã dùng, hoặc không chỉ gồm chữ, số, - và _",
            f"the step's name {step.name!r} is taken, or has other characters than letters, digits, - and _",
            where=where,
            fix=f"name: {_free_name('step', before)}",
        )
    if step.takes == "nothing" and step.after:
        raise SmolError("bước này không nhận hàng nào", "this step takes no rows", where=f"{where}.after")
    if step.takes != "nothing" and not step.after:
        raise SmolError(
            "bước đầu tiên phải tự tạo ra hàng", "the first step must make rows by itself", where=where, fix="use: starts.read"
        )
    for name in step.after:
        if name not in known:
            raise unknown(f"bước trước {name!r}", f"step {name!r} before this one", name, known, f"{where}.after")
    if step.asks and not sources:
        raise SmolError(
            "bước này hỏi một mô hình, mà pipeline chưa có nguồn nào",
            "this step asks a model, and the pipeline has no source",
            where=where,
            fix="sources: {writer: {model: smollm2-135m-instruct}}",
        )
    if step.source and step.source not in sources:
        raise unknown(f"nguồn {step.source!r}", f"source {step.source!r}", step.source, sources, f"{where}.source")
    return dataclasses.replace(step, settings=_settings(step, where))


def _settings(step: Step, where: str) -> dict[str, Any]:
    """All settings with their defaults, each of the type that the function says."""
    hints = _hints(step.function)
    options = {one.name: one for one in inspect.signature(step.function).parameters.values() if one.kind is one.KEYWORD_ONLY}
    for name in step.settings:
        if name not in options:
            raise unknown(f"khoá {name!r} cho {step.name}", f"key {name!r} of {step.name}", name, options, where)
    values: dict[str, Any] = {}
    for name, option in options.items():
        if name not in step.settings and option.default is option.empty:
            raise SmolError(f"thiếu khoá {name!r}", f"the key {name!r} is missing", where=where, fix=f"{name}: ...")
        given = step.settings.get(name, option.default)
        values[name] = coerce(given, hints[name])
        try:
            check_type(name, values[name], hints[name])
        except SmolError as error:
            error.where = f"{where}.{name}"
            raise
    return values


def settings_of(function: StepFunction) -> str:
    """The keys that a step takes in YAML, with their defaults."""
    options = [one for one in inspect.signature(function).parameters.values() if one.kind is one.KEYWORD_ONLY]
    return ", ".join(one.name if one.default is one.empty else f"{one.name}={one.default!r}" for one in options)


def _check_source(name: str, source: SourceSettings, sources: Mapping[str, SourceSettings]) -> None:
    where = f"sources.{name}"
    if bool(source.model) == bool(source.pool):
        raise SmolError(
            "cần đúng một trong hai: model hoặc pool", "needs one of the two: model or pool", where=where, fix="model: ..."
        )
    for member in source.pool:
        if member not in sources or sources[member].pool:
            plain = [one for one in sources if not sources[one].pool]
            raise unknown(f"nguồn {member!r}", f"source {member!r}", member, plain, f"{where}.pool")
    numbers = (source.parallel, source.requests_per_minute, source.tokens_per_minute, source.timeout)
    if any(number is not None and not number > 0 for number in numbers) or source.retries < 0 or len(source.price) != 2:
        raise SmolError(
            "giới hạn phải lớn hơn 0, retries từ 0, price là [prompt, trả lời]",
            "limits must be above 0, retries from 0, price is [prompt, answer]",
            where=where,
        )


def _hints(function: StepFunction) -> dict[str, Any]:
    return typing.get_type_hints(function)


# ------------------------------------------------------------ YAML


def find_pipeline(name: str) -> Path:
    """A pipeline's file, by path or by built-in name."""
    path = Path(name)
    if path.is_file():
        return path
    builtin = recipes_folder() / "synth" / f"{name.removesuffix('.yaml')}.yaml"
    if builtin.is_file():
        return builtin
    raise unknown(f"pipeline {name!r}", f"pipeline {name!r}", name, built_in(), name)


def built_in() -> list[str]:
    """Names of the built-in pipelines."""
    return sorted(path.stem for path in (recipes_folder() / "synth").glob("*.yaml"))


def load_pipeline(name: str, overrides: Sequence[str] = ()) -> Pipeline:
    """Reads a pipeline and applies `key=value` words: `seed=1`, `budget.usd=2`, `sources.writer.model=...`, `STEP.count=50`.

    Raises:
        SmolError: no such file, broken YAML, an unknown key, a wrong type, a step or a source that does not exist.
    """
    path = find_pipeline(name)
    values = read_yaml(path)
    try:
        for word in overrides:
            _override(values, word)
        return _pipeline(values, path)
    except SmolError as error:
        error.where = f"{path}: {error.where}" if error.where and not error.where.startswith(str(path)) else str(path)
        raise


def _override(values: dict[str, Any], word: str) -> None:
    key, equals, text = word.partition("=")
    *outer, last = key.split(".")
    if not equals or not last:
        raise SmolError(f"cần key=value, nhận được {word!r}", f"expected key=value, got {word!r}", fix="seed=1")
    at: Any = values
    for place, name in enumerate(outer):
        steps = values.get("steps") if not place and name not in ("sources", "budget", "train") else None
        if isinstance(steps, list):
            named = {_step_name(step): step for step in steps if isinstance(step, dict)}
            if name not in named:
                raise unknown(f"bước {name!r}", f"step {name!r}", name, named, key)
            at = named[name]
        else:
            at = at.setdefault(name, {}) if isinstance(at, dict) else None
    if not isinstance(at, dict):
        raise SmolError(f"{key} không có khoá con", f"{key} has no keys of its own", where=key)
    at[last] = yaml.safe_load(text)


def _step_name(step: Mapping[str, Any]) -> str:
    return str(step.get("name") or str(step.get("use", "")).rpartition(".")[2].rpartition(":")[2])


def _pipeline(values: dict[str, Any], path: Path) -> Pipeline:
    _known_keys(values, ("name", "seed", "sources", "budget", "steps", "train"), "")
    sources = {name: _dataclass(SourceSettings, given, f"sources.{name}") for name, given in _mapping(values, "sources").items()}
    steps = values.get("steps") or []
    if not isinstance(steps, list) or not all(isinstance(step, dict) and isinstance(step.get("use"), str) for step in steps):
        raise SmolError("mỗi bước cần khoá use", "each step needs the key use", where="steps", fix="- use: starts.read")
    seed = values.get("seed", 0)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise SmolError(f"seed phải là số nguyên, không phải {seed!r}", f"seed is an integer, not {seed!r}", where="seed")
    return Pipeline(
        name=str(values.get("name") or path.stem),
        steps=[_step(step, place, path.parent) for place, step in enumerate(steps)],
        sources=sources,
        seed=seed,
        budget=_dataclass(Budget, _mapping(values, "budget"), "budget"),
        train=_dataclass(Training, values["train"], "train") if values.get("train") else None,
    )


def _step(values: dict[str, Any], place: int, folder: Path) -> Step:
    own = {key: value for key, value in values.items() if key not in ("use", "name", "after", "source")}
    where = f"steps[{place}] {_step_name(values)}"
    function = find_function(values["use"], folder, where)
    hints = _hints(function)
    for key, value in own.items():
        if Path in (hints.get(key), *typing.get_args(hints.get(key))) and isinstance(value, str):
            own[key] = folder / value
            if not own[key].exists():
                raise SmolError("không có tệp hay thư mục này", "no such file or folder", where=f"{where}.{key} {own[key]}")
    after = values.get("after") or ()
    names = (after,) if isinstance(after, str) else tuple(map(str, after))
    return Step(function, own, str(values.get("name") or ""), names, str(values.get("source") or ""))


def _mapping(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key) or {}
    if not isinstance(found, dict):
        raise SmolError(f"{key} phải gồm các dòng `khoá: giá trị`", f"{key} is lines of `key: value`", where=key)
    return found


def _known_keys(values: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in values:
        if key not in known:
            raise unknown(f"khoá {key!r}", f"key {key!r}", key, known, f"{where}.{key}".lstrip("."))


def _dataclass(kind: Any, values: Any, where: str) -> Any:
    """A dataclass of settings from plain values."""
    if not isinstance(values, dict):
        raise SmolError(f"{where} phải gồm các dòng `khoá: giá trị`", f"{where} is lines of `key: value`", where=where)
    hints = typing.get_type_hints(kind)
    _known_keys(values, list(hints), where)
    typed = {key: coerce(value, hints[key]) for key, value in values.items()}
    for key, value in typed.items():
        try:
            check_type(key, value, hints[key])
        except SmolError as error:
            error.where = f"{where}.{key}"
            raise
    for one in dataclasses.fields(kind):
        if one.name not in typed and one.default is one.default_factory is dataclasses.MISSING:
            raise SmolError(f"thiếu khoá {one.name!r}", f"the key {one.name!r} is missing", where=where, fix=f"{one.name}: ...")
    return kind(**typed)

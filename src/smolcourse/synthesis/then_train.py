"""`--then-train`: is made data worth training on? The same recipe on as many rows as they come, filtered, and from people.

All three are trained alike and asked the same questions, which none of them has seen. Whatever stopped it, the same call goes on:
answers are shared with the pipeline's own run, and a training that is there is not done again.

    then-train/unfiltered/      the pipeline without its filters, run like any other
    then-train/{raw,filtered,human}.jsonl
    then-train/runs/            the three trainings
    then-train/report.md, result.json
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from smolcourse import experiment
from smolcourse.config import Recipe, load_recipe
from smolcourse.data.loading import load_rows
from smolcourse.data.reading import read_rows
from smolcourse.data.writing import new_jsonl
from smolcourse.errors import SmolError
from smolcourse.evaluation.statistics import Interval, interval, paired_difference
from smolcourse.language import tr
from smolcourse.synthesis.asking import ANSWERS
from smolcourse.synthesis.engine import Tell, locked, run
from smolcourse.synthesis.functions import content_of
from smolcourse.synthesis.ledger import read_places
from smolcourse.synthesis.pipeline import Pipeline, Step, Training
from smolcourse.synthesis.results import DATA, read_state
from smolcourse.synthesis.rows import Data, Draft, Row, digest, keep
from smolcourse.synthesis.sources import Source
from smolcourse.training.durable import json_text, mendable, replace_file
from smolcourse.training.runs import Run

SETS = ("raw", "filtered", "human")
FOLDER = "then-train"
_SAID = {
    "raw": ("như pipeline tạo ra, chưa lọc", "as they come"),
    "filtered": ("đã lọc", "filtered"),
    "human": ("do người viết", "written by people"),
}


@dataclass(frozen=True)
class Comparison:
    """What came of it.

    Attributes:
        rows: of each of the three sets.
        before: the untrained model's scores, by what was asked.
        scores: of every question 0 or 1, by set and by what was asked: `scores["raw"]["milk-tea:new"]`.
        dropped: how many rows the filters left out, by reason, of all that were made.
    """

    rows: int
    before: dict[str, dict[str, float]]
    scores: dict[str, dict[str, list[float]]]
    dropped: dict[str, int]
    folder: Path

    def score(self, name: str, asked: str) -> Interval:
        """Mean and 95 % interval of a set."""
        return interval(self.scores[name][asked])

    def gain(self, first: str, second: str, asked: str) -> Interval:
        """By how much the second set is better than the first, on the same questions."""
        return paired_difference(self.scores[first][asked], self.scores[second][asked])


def then_train(
    pipeline: Pipeline,
    folder: Path,
    *,
    sources: Mapping[str, Source] | None = None,
    say: Callable[[str], None] = lambda text: None,
    tell: Tell = lambda name, done, total: None,
) -> Comparison:
    """Trains on the rows of a finished run in three ways, and compares.

    Args:
        folder: of the pipeline's run.

    Raises:
        SmolError: the pipeline says nothing of training, its run is not finished, or a training cannot run.
    """
    if pipeline.train is None:
        raise SmolError(
            "pipeline này chưa nói huấn luyện gì",
            "this pipeline does not say what to train",
            where=f"{pipeline.name}: train",
            fix="train: {recipe: ..., filters: [...], human: {dataset_name: ...}}",
        )
    if read_state(folder).get("state") != "finished":
        raise SmolError(
            "pipeline chưa chạy xong", "the pipeline's run is not finished", where=str(folder), fix="smol synth RECIPE"
        )
    ours = folder / FOLDER
    with locked(folder):
        made = run(unfiltered(pipeline), ours / "unfiltered", sources=sources, answers=folder / ANSWERS, tell=tell)
    if not made.whole:
        raise SmolError("còn câu hỏi chưa có câu trả lời", "some questions have no answer yet", where=str(ours / "unfiltered"))
    files = _write_sets(pipeline, folder, ours)
    recipes = {name: _recipe(pipeline.train, file, ours, name) for name, file in files.items()}
    before: dict[str, dict[str, float]] = {}
    runs: dict[str, Run] = {}
    for name, recipe in recipes.items():
        say(f"\n== {tr(*_SAID[name])}")
        runs[name] = experiment.run_once(recipe, pipeline.train.recipe, say, before=before or None)
        before = experiment.scores(runs[name]).get("before", {})
    names = pipeline.train.filters
    dropped = {
        reason: count
        for step in read_state(folder)["steps"]
        if step["name"] in names
        for reason, count in step["dropped"].items()
    }
    rows = sum(1 for _ in read_places(files["filtered"]))
    found = Comparison(rows, before, {name: _scores(one) for name, one in runs.items()}, dropped, ours)
    with mendable(ours):
        replace_file(ours / "report.md", report(found))
        replace_file(ours / "result.json", json_text(_plain(found)))
    return found


def unfiltered(pipeline: Pipeline) -> Pipeline:
    """The pipeline without the steps that `train.filters` names: what it yields before anything is left out."""
    left_out = pipeline.train.filters if pipeline.train else []
    stands_for: dict[str, tuple[str, ...]] = {}
    steps: list[Step] = []
    for step in pipeline.steps:
        after = tuple(dict.fromkeys(one for name in step.after for one in stands_for.get(name, (name,))))
        if step.name in left_out:
            stands_for[step.name] = after
        else:
            steps.append(dataclasses.replace(step, after=after))
    if last := stands_for.get(pipeline.steps[-1].name):
        steps.append(Step(_everything, name="unfiltered", after=last))
    return dataclasses.replace(pipeline, steps=steps, train=None)


def _everything(row: Row) -> Iterator[Draft]:
    yield keep(row)


def _write_sets(pipeline: Pipeline, folder: Path, ours: Path) -> dict[str, Path]:
    """Three files of as many rows, drawn from what there is. Written only if they are new."""
    assert pipeline.train
    made = {
        "raw": _rows(ours / "unfiltered" / DATA),
        "filtered": _rows(folder / DATA),
    }
    human = pipeline.train.human
    most = min(map(len, made.values()))
    config = {**human.get("dataset_config", {}), "size": most}
    made["human"] = list(load_rows(human.get("dataset_name", ""), config, human.get("dataset_train_split")))
    size = min(map(len, made.values()))
    if not size:
        raise SmolError("có một tập không còn hàng nào", "one of the sets has no rows", where=str(folder))
    files = {name: ours / f"{name}.jsonl" for name in SETS}
    for name, file in files.items():
        # Every row has the same chance, whatever step it came from.
        drawn = Random(f"{pipeline.seed} {name}").sample(made[name], size)
        with new_jsonl([file], force=True) as (write,):
            for row in drawn:
                write(row)
    return files


def _rows(file: Path) -> list[Data]:
    return [row for _, row in read_rows(file)]


def _recipe(train: Training, file: Path, ours: Path, name: str) -> Recipe:
    """The recipe on one of the sets. Its folder is named by what it trains on and how: what is new is trained anew."""
    words = {**train.settings, "dataset_name": str(file.resolve())}
    recipe = load_recipe(train.recipe, [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in words.items()])
    settings = {key: value for key, value in dataclasses.asdict(recipe).items() if key not in ("dataset_name", "output_dir")}
    place = ours.resolve() / "runs" / f"{name}-{digest(settings, content_of(file))[:8]}"
    return dataclasses.replace(recipe, output_dir=str(place))


def _scores(one: Run) -> dict[str, list[float]]:
    """Of every question, in the order of asking, by what was asked."""
    found: dict[str, list[float]] = {}
    answers = one.path / "answers-after.jsonl"
    for _, line in read_places(answers) if answers.is_file() else ():
        found.setdefault(line["task"], []).append(float(line["scores"]["exact_match"]))
    if not found:
        raise SmolError(
            "lần huấn luyện này chưa được chấm trên bài nào",
            "this training was scored on nothing",
            where=str(one.path),
            fix="train.settings: {task: ..., task_splits: [...]}",
        )
    return found


def report(found: Comparison) -> str:
    """The comparison in the language in use, in Markdown."""
    asked = list(found.scores["raw"])
    head = [tr("huấn luyện trên", "trained on"), tr("số hàng", "rows"), *asked]
    lines = [[tr("(chưa huấn luyện)", "(not trained)"), "0", *(_before(found, one) for one in asked)]]
    for name in SETS:
        cells = (experiment.show(found.score(name, one)) for one in asked)
        lines.append([tr(*_SAID[name]), str(found.rows), *cells])
    for first, second in (("raw", "filtered"), ("human", "filtered")):
        title = f"{tr(*_SAID[second])} − {tr(*_SAID[first])}"
        lines.append([f"**{title}**", "", *(_gain(found.gain(first, second, one)) for one in asked)])
    dropped = sorted(found.dropped.items(), key=lambda one: -one[1])
    parts = [
        f"# {tr('Dữ liệu tạo ra có đáng để huấn luyện không?', 'Is made data worth training on?')}",
        tr(
            "Cùng recipe, cùng số hàng, cùng những câu hỏi chưa mô hình nào thấy. Khớp hoàn toàn (exact match), trong ngoặc là "
            "khoảng tin cậy 95 % (bootstrap; hiệu số tính trên từng câu hỏi).",
            "The same recipe, as many rows, the same questions that none has seen. Exact match with 95 % intervals (bootstrap; "
            "differences are taken question by question).",
        ),
        _table(head, lines),
        tr("Bộ lọc đã bỏ, trong tất cả những gì được tạo ra:", "Of all that was made, the filters left out:"),
        "\n".join(f"- {count}: {reason}" for reason, count in dropped) or "- 0",
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))


def _before(found: Comparison, asked: str) -> str:
    known = found.before.get(asked.partition(":")[2])
    return experiment.show(Interval(known["value"], known["low"], known["high"])) if known else "–"


def _gain(gain: Interval) -> str:
    """`+7.2 [+4.1, +10.3]`, in points; a word where chance explains it."""
    shown = f"{100 * gain.value:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
    return shown if gain.low > 0 or gain.high < 0 else f"{shown} ({tr('có thể do ngẫu nhiên', 'may be chance')})"


def _plain(found: Comparison) -> dict[str, Any]:
    asked = list(found.scores["raw"])
    return {
        "rows": found.rows,
        "exact_match": {name: {one: dataclasses.asdict(found.score(name, one)) for one in asked} for name in SETS},
        "filtered_minus_raw": {one: dataclasses.asdict(found.gain("raw", "filtered", one)) for one in asked},
        "filtered_minus_human": {one: dataclasses.asdict(found.gain("human", "filtered", one)) for one in asked},
        "dropped": found.dropped,
    }

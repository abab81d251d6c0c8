"""People look at an exam: each question is kept, edited or dropped, one file an annotator, and their agreement is measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from smolcourse.data.problems import RowError, located
from smolcourse.data.reading import read_rows
from smolcourse.errors import SmolError
from smolcourse.evaluation.files import choice_item
from smolcourse.training import durable

Verdict = Literal["keep", "drop"]
Row = dict[str, Any]


def key_of(row: Row) -> str:
    """Names a question by its content, so that labels outlive a new order of the file."""
    said = json.dumps([row.get("question"), row.get("choices"), row.get("answer")], ensure_ascii=False)
    return blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass
class Labels:
    """One annotator's verdicts on one exam. Every verdict is on disk before the next question is shown."""

    exam: Path
    annotator: str
    rows: list[Row]
    verdicts: dict[str, tuple[Verdict, Row]]
    """By the key of the row as it stands in the exam: the verdict, and the row as the annotator left it."""

    @classmethod
    def open(cls, exam: Path, annotator: str) -> Labels:
        """Reads an exam, and the annotator's earlier verdicts.

        Raises:
            SmolError: no such exam, a broken row, or a name that is no file name.
        """
        if not annotator or not all(letter.isalnum() or letter in "-_" for letter in annotator):
            raise SmolError(
                "tên người chấm chỉ gồm chữ, số, - và _",
                "an annotator's name holds letters, digits, - and _ only",
                where=annotator,
                fix="--annotator lan",
            )
        rows = []
        for number, row in read_rows(exam):
            try:
                choice_item(row)
            except RowError as error:
                raise located(error, exam, number) from None
            rows.append(row)
        labels = cls(exam, annotator, rows, {})
        labels.verdicts = {line["key"]: (line["verdict"], line["row"]) for line in durable.read_lines(labels.path)}
        return labels

    @property
    def path(self) -> Path:
        """Where the verdicts are: beside the exam."""
        return self.exam.with_name(f"{self.exam.stem}.labels.{self.annotator}.jsonl")

    def waiting(self) -> list[Row]:
        """The questions without a verdict, in the exam's order."""
        return [row for row in self.rows if key_of(row) not in self.verdicts]

    def decide(self, row: Row, verdict: Verdict, edited: Row | None = None) -> None:
        """Writes down a verdict; a later one on the same question replaces it.

        Raises:
            SmolError: what was edited is no question any more, or the file cannot be written.
        """
        left = edited or row
        choice_item(left)
        self.verdicts[key_of(row)] = (verdict, left)
        try:
            durable.mend_tail(self.path)
            durable.append_line(self.path, {"key": key_of(row), "verdict": verdict, "row": left})
        except OSError as error:
            raise SmolError(
                f"không ghi được ({error.strerror})", f"cannot be written ({error.strerror})", where=str(self.path)
            ) from error


def all_labels(exam: Path) -> list[Labels]:
    """The labels of everyone who has looked at an exam."""
    prefix, suffix = f"{exam.stem}.labels.", ".jsonl"
    names = sorted(path.name for path in exam.absolute().parent.glob("*.jsonl") if path.name.startswith(prefix))
    found = [Labels.open(exam, name[len(prefix) : -len(suffix)]) for name in names]
    if not found:
        raise SmolError("chưa có ai chấm", "nobody has labelled it yet", where=str(exam), fix=f"smol label {exam}")
    return found


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa (1960): agreement beyond what two people who know nothing of the questions would reach by chance,
    (observed - expected) / (1 - expected); 1 where both always say the same one thing.

    Raises:
        ValueError: nothing that both have judged.
    """
    if len(first) != len(second) or not first:
        raise ValueError("needs verdicts of both on the same questions")
    count = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    expected = sum(first.count(name) * second.count(name) for name in {*first, *second}) / count**2
    return 1.0 if expected == 1 else (observed - expected) / (1 - expected)


def agreement(first: Labels, second: Labels) -> tuple[float, int]:
    """Kappa of two annotators on keeping or dropping, and on how many questions.

    Raises:
        SmolError: they have no question in common.
    """
    shared = [key for key in first.verdicts if key in second.verdicts]
    if not shared:
        names = f"{first.annotator}, {second.annotator}"
        raise SmolError("hai người chưa cùng chấm câu nào", "the two have judged no question in common", where=names)
    said = [[labels.verdicts[key][0] for key in shared] for labels in (first, second)]
    return kappa(*said), len(shared)


def agreed_rows(labels: Sequence[Labels]) -> list[Row]:
    """The questions that everyone who judged them keeps, as the last of them left them."""
    rows = []
    for row in labels[0].rows:
        said = [one.verdicts[key_of(row)] for one in labels if key_of(row) in one.verdicts]
        if said and all(verdict == "keep" for verdict, _ in said):
            edited = [left for _, left in said if left != row]
            rows.append(edited[-1] if edited else row)
    return rows

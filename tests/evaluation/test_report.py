"""The report: a stable schema, escaped names, warnings where they belong."""

import json
from dataclasses import replace
from xml.dom.minidom import parseString

import pytest

from smolcourse.errors import SmolError
from smolcourse.evaluation.compare import examine
from smolcourse.evaluation.contamination import Overlap
from smolcourse.evaluation.report import make_report, notes, plain, write_report
from smolcourse.evaluation.report_html import html
from smolcourse.evaluation.report_text import markdown
from smolcourse.evaluation.solvers import choose
from smolcourse.evaluation.tasks import Item, Task, ask
from tests.evaluation.examinees import knows


def task(name, size=60):
    return Task(
        name, [Item(ask(f"{n}?"), "a", ("a", "b")) for n in range(size)], solver=choose, chat=False, metric="acc", left_out=3
    )


def number(question):
    return int(question.split("?")[0])


GOOD = knows(lambda question, choice: (choice == "a") == (number(question) < 50), name="<b>good</b> | base")
BAD = knows(lambda question, choice: (choice == "a") == (number(question) < 20), name="runs/tuned")


@pytest.fixture
def report():
    tasks = [task("one"), task("two")]
    results = [
        [examine(tasks[0], GOOD), examine(tasks[0], BAD)],
        [examine(tasks[1], GOOD), examine(tasks[1], replace(GOOD, name="runs/tuned"))],
    ]
    overlaps = [[None, None], [None, Overlap([1, 2], 9)]]
    return make_report(tasks, results, overlaps=overlaps, settings={"limit": 60})


def test_schema(report):
    found = json.loads(json.dumps(plain(report)))
    assert found["schema"] == 1 and list(found) == ["schema", "models", "settings", "tasks", "sight"]
    first = found["tasks"][0]
    assert list(first) == [
        "task", "version", "license", "items", "left_out", "baseline_of", "metric",
        "lower_is_better", "chance",
        "smallest_difference", "results", "comparisons", "overlap",
    ]  # fmt: skip
    assert first["results"][0]["metrics"]["acc"]["value"] == pytest.approx(50 / 60)
    (gap,) = first["comparisons"]
    assert gap["difference"]["value"] == pytest.approx(-0.5) and gap["lost"] == list(range(20, 50)) and gap["gained"] == []
    assert gap["p_value"] < gap["p_holm"] < 0.05
    assert found["tasks"][1]["overlap"] == [None, {"items": [1, 2], "rows": 9}]


def test_notes_warn_of_forgetting_of_many_comparisons_and_of_leaks(report):
    said = "\n".join(notes(report))
    assert "kém đi ở one" in said and "kém đi ở two" not in said
    assert "Holm" in said and "LỘ ĐỀ: 2 mục của two" in said and "bỏ 3 hàng hỏng" in said


def test_pages(report):
    text = markdown(report)
    assert "83.3 [" in text and "\\|" in text
    page = html(report)
    assert "<b>good" not in page and "&lt;b&gt;good" in page
    for part in page.split("<svg")[1:]:
        svg = parseString("<svg" + part.split("</svg>")[0] + "</svg>")
        assert len(svg.getElementsByTagName("circle")) == 2


def test_files(report, tmp_path):
    write_report(report, tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "items.jsonl",
        "report.html",
        "report.md",
        "results.json",
    ]
    assert len((tmp_path / "new" / "items.jsonl").read_text(encoding="utf-8").splitlines()) == 240
    (tmp_path / "file").touch()
    with pytest.raises(SmolError):
        write_report(report, tmp_path / "file" / "new")


def test_below_chance_is_said():
    """A model that always takes the wrong one of two knows the answers: something is swapped."""
    upside_down = knows(lambda question, choice: (choice == "a") == (number(question) % 4 == 0), name="argmin")
    guessing = knows(lambda question, choice: (choice == "a") == (number(question) % 2 == 0), name="blind")
    for examinee, warned in ((upside_down, True), (guessing, False)):
        row = [examine(task("one"), examinee)]
        assert ("KÉM HƠN ĐOÁN MÒ" in "\n".join(notes(make_report([task("one")], [row])))) is warned

"""A task as lm-eval reads it; run there where lm-eval is installed."""

import json
from pathlib import Path

import pytest
import yaml

from smolcourse.errors import SmolError
from smolcourse.evaluation.export import export_lm_eval
from smolcourse.evaluation.solvers import choose
from smolcourse.evaluation.tasks import Item, Task, ask

TASK = Task("đề thi.jsonl", [Item(ask(f"Question: {n}?\nAnswer:"), "b", ("a", "b")) for n in range(3)], solver=choose, chat=False)


def test_yaml_and_rows(tmp_path):
    path = export_lm_eval(TASK, tmp_path / "out")
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert path.name == "đề_thi.yaml" and config["task"] == "đề_thi" and config["metadata"]["content"] == TASK.version
    text = Path(config["dataset_kwargs"]["data_files"]["test"]).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    assert rows[0] == {"prompt": "Question: 0?\nAnswer:", "choices": ["a", "b"], "gold": 1} and len(rows) == 3
    assert sorted(file.name for file in path.parent.iterdir()) == ["đề_thi.jsonl", "đề_thi.yaml"]


def test_only_multiple_choice(tmp_path):
    with pytest.raises(SmolError, match="nhiều lựa chọn"):
        export_lm_eval(Task("t", []), tmp_path)


def test_lm_eval_reads_it(tmp_path, monkeypatch):
    pytest.importorskip("lm_eval")
    from lm_eval.tasks import TaskManager

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    path = export_lm_eval(TASK, tmp_path / "out")
    (found,) = TaskManager(include_path=str(path.parent), include_defaults=False).load([path.stem])["tasks"].values()
    (first, *_) = found.test_docs()
    assert (found.doc_to_text(first), found.doc_to_choice(first)) == ("Question: 0?\nAnswer:", ["a", "b"])
    assert int(found.doc_to_target(first)) == 1

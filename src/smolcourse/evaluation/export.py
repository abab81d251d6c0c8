"""A multiple-choice file as a task of lm-eval: a YAML and the rows beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from smolcourse.errors import SmolError
from smolcourse.evaluation.solvers import choose
from smolcourse.evaluation.tasks import Task
from smolcourse.training import durable


def lm_eval_yaml(task: Task, rows: str, name: str) -> str:
    """The YAML. `lm_eval --include_path FOLDER --tasks NAME` then asks the same prompts and takes the same choices."""
    config = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": rows}},
        "test_split": "test",
        "output_type": "multiple_choice",
        "doc_to_text": "{{prompt}}",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "{{gold}}",
        "metric_list": [{"metric": metric, "aggregation": "mean", "higher_is_better": True} for metric in ("acc", "acc_norm")],
        "metadata": {"version": 1.0, "content": task.version},
    }
    return yaml.safe_dump(config, allow_unicode=True, sort_keys=False)


def export_lm_eval(task: Task, folder: Path) -> Path:
    """Writes `NAME.yaml` and `NAME.jsonl`; returns the YAML's path.

    Raises:
        SmolError: not a multiple-choice task, or the folder cannot be written.
    """
    if task.solver is not choose or task.chat:
        raise SmolError("chỉ xuất được bài nhiều lựa chọn", "only a multiple-choice task can be exported", where=task.name)
    name = re.sub(r"\W+", "_", Path(task.name).stem).strip("_") or "exam"
    lines = [
        {"prompt": item.messages[-1]["content"], "choices": item.choices, "gold": item.choices.index(item.gold)}
        for item in task.items
    ]
    rows = folder.absolute() / f"{name}.jsonl"
    path = folder / f"{name}.yaml"
    try:
        with durable.mendable(folder):
            folder.mkdir(parents=True, exist_ok=True)
            durable.replace_file(rows, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
            durable.replace_file(path, lm_eval_yaml(task, str(rows), name))
    except OSError as error:
        raise SmolError(
            f"không ghi được ({error.strerror})", f"cannot be written ({error.strerror})", where=str(folder)
        ) from error
    return path

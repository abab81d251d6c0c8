"""Pairs by task and index, a test for each task, Holm over all of them; then the direction."""

from typing import Any

from smolcourse.evaluation.statistics import holm, mcnemar


def what_broke(lines: list[dict[str, Any]], metrics: dict[str, str], before: str, after: str) -> dict[str, list[int]]:
    right = {
        (line["task"], line["model"], line["index"]): line["scores"].get(metrics[line["task"]]) == 1
        for line in lines
        if line["task"] in metrics
    }
    lost: dict[str, list[int]] = {}
    gained: dict[str, list[int]] = {}
    for task in metrics:
        places = sorted(index for name, model, index in right if (name, model) == (task, before))
        lost[task] = [index for index in places if right[task, before, index] and not right[task, after, index]]
        gained[task] = [index for index in places if right[task, after, index] and not right[task, before, index]]
    adjusted = holm([mcnemar(len(lost[task]), len(gained[task])) for task in metrics])
    return {
        task: lost[task] for task, p in zip(metrics, adjusted, strict=True) if p < 0.05 and len(lost[task]) > len(gained[task])
    }

# vi 🦁 what_broke: tinh chỉnh xong, mô hình quên gì?
# vi Viết hàm bên dưới rồi chạy: smol check what_broke
# vi Sau đó chạy nó trên báo cáo thật:
# vi   smol eval run smollm2-135m-instruct latest --tasks milk-tea:unseen,instructions,vietnam --out evaluations/quen
# vi   python 4_evaluation/what_broke.py evaluations/quen
# vi Bài học: smol learn 4 forgot      Gợi ý: smol hint what_broke
# en 🦁 what_broke: after fine-tuning, what did the model forget?
# en Write the function below, then run: smol check what_broke
# en Then run it on a real report:
# en   smol eval run smollm2-135m-instruct latest --tasks milk-tea:unseen,instructions,vietnam --out evaluations/quen
# en   python 4_evaluation/what_broke.py evaluations/quen
# en Lesson: smol learn 4 forgot      Hint: smol hint what_broke

import json
import sys
from pathlib import Path
from typing import Any

from smolcourse.evaluation.statistics import holm, mcnemar


def what_broke(lines: list[dict[str, Any]], metrics: dict[str, str], before: str, after: str) -> dict[str, list[int]]:
    """The tasks at which a model really got worse, and the items it lost there.

    `mcnemar(only_first, only_second)` gives a task's p-value; `holm(p_values)` adjusts a list of them for its length.

    Args:
        lines: one for each item and model, in any order: {"task", "model", "index", "scores": {metric: number}, ...}.
        metrics: for each task, the metric that stands for it; an item is right if its score there is 1.
        before: the model as it was.
        after: the model as it is now. Other models in `lines` are of no concern.

    Returns:
        task -> the indices, in order, of items that were right before and are wrong after; only tasks that lost more items than
        they gained and whose p-value is below 0.05 after Holm's correction over all tasks in `metrics`.
    """
    # TODO
    raise NotImplementedError


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    report = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    items = [json.loads(line) for line in (folder / "items.jsonl").read_text(encoding="utf-8").splitlines()]
    found = what_broke(items, {task["task"]: task["metric"] for task in report["tasks"]}, *report["models"][:2])
    for task, places in found.items() or {"-": []}.items():
        print(task, len(places))
        for line in items:
            if (line["task"], line["model"]) == (task, report["models"][1]) and line["index"] in places[:5]:
                print("   ", line["messages"][-1]["content"][:80], "->", line["answer"][:80])

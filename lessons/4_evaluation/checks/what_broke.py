"""Reports of two models and a bystander: tasks that broke, that got better, that changed by chance, and that look broken only
until all tasks are counted."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.evaluation.statistics import holm, mcnemar

NAMES = ("instructions", "vietnam", "piqa", "siqa", "openbookqa", "boolq", "mmlu")
BEFORE, AFTER, OTHER = "smollm2-135m-instruct", "runs/tra-sua", "runs/khac"
Flips = dict[str, tuple[list[int], list[int]]]


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        lines, metrics, flips = report(rng)
        compare(mine.what_broke(lines, metrics, BEFORE, AFTER), metrics, flips)


def report(rng: Random) -> tuple[list[dict[str, Any]], dict[str, str], Flips]:
    """Lines in any order, the metric of each task, and the places (lost, gained) of each."""
    names = rng.sample(NAMES, len(NAMES))
    # Two clear losses, one gain, one that is below 0.05 only on its own, three by chance.
    counts = [(rng.randint(22, 28), 2), (rng.randint(24, 30), 4), (2, rng.randint(22, 28)), (12, 3), (6, 5), (4, 6), (0, 0)]
    lines, flips, metrics = [], {}, {}
    for name, (lost, gained) in zip(names, counts, strict=True):
        metrics[name] = metric = rng.choice(("acc", "acc_norm", "exact_match"))
        size = rng.randint(80, 110)
        places = rng.sample(range(size), lost + gained)
        flips[name] = (sorted(places[:lost]), sorted(places[lost:]))
        for index in range(size):
            old = 1.0 if index in flips[name][0] else 0.0 if index in flips[name][1] else float(rng.random() < 0.5)
            new = 1.0 - old if index in places else old
            for model, right in ((BEFORE, old), (AFTER, new), (OTHER, float(rng.random() < 0.5))):
                scores = {"rules": rng.random(), metric: right, "valid_json": 1.0 - right}
                lines.append({"task": name, "model": model, "index": index, "scores": scores, "answer": "…"})
    rng.shuffle(lines)
    order = list(metrics)
    rng.shuffle(order)
    return lines, {name: metrics[name] for name in order}, flips


def compare(got: Any, metrics: dict[str, str], flips: Flips) -> None:
    """Raises the misconception that a wrong verdict shows."""
    own = {name: mcnemar(len(flips[name][0]), len(flips[name][1])) for name in metrics}
    adjusted = dict(zip(metrics, holm(list(own.values())), strict=True))
    worse = [name for name in metrics if len(flips[name][0]) > len(flips[name][1])]
    wanted = {name: flips[name][0] for name in worse if adjusted[name] < 0.05}
    if got == wanted:
        return
    shown = {"got": got, "wanted": wanted}
    if not isinstance(got, dict):
        raise Wrong("not-a-dict", "phải trả về dict {bài: [các index đã mất]}", "return a dict {task: [indices lost]}", got=got)
    known = [
        ("no-holm", {name for name in worse if own[name] < 0.05}, f"thiếu hiệu chỉnh Holm: với {len(metrics)} bài, một p = {max(own[n] for n in worse if own[n] < 0.05):.3f} xét riêng chưa nói lên gì", f"no Holm correction: over {len(metrics)} tasks a p of {max(own[n] for n in worse if own[n] < 0.05):.3f} on its own says nothing"),
        ("chance-counted", set(worse), "bài nào mất nhiều hơn được cũng bị báo: phần lớn là may rủi, cần kiểm định", "every task that lost more than it gained is named: most of that is chance; test it"),
        ("any-loss", {name for name in metrics if flips[name][0]}, "bài nào có câu mất cũng bị báo, kể cả bài khá lên", "every task with an item lost is named, even those that got better"),
        ("gains-counted", {name for name in metrics if adjusted[name] < 0.05}, "bài KHÁ LÊN rõ rệt cũng bị báo là hỏng: kiểm định hai phía không nói chiều nào, phải tự so", "tasks that got clearly BETTER are named as broken: a two-sided test has no direction, compare yourself"),
        ("gains-for-losses", {name for name in metrics if adjusted[name] < 0.05 and name not in worse}, "ngược chiều: đây là những bài khá lên", "the wrong way round: these are the tasks that got better"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if set(got) == value != set(wanted):
            raise Wrong(name, vi, en, **shown, read="" if "gain" in name else "many")
    if set(got) == set(wanted):
        if all(sorted(got[name]) == wanted[name] for name in got):
            raise Wrong("not-in-order", "các index phải xếp tăng dần", "the indices are to be in order", **shown)
        if all(sorted(got[name]) == sorted(flips[name][1]) for name in got):
            raise Wrong("gained-listed", "đây là những câu ĐƯỢC (trước sai, sau đúng); cần những câu mất", "these items were GAINED (wrong before, right after); the lost ones are asked for", **shown)  # fmt: skip
        if all(set(got[name]) > set(wanted[name]) for name in got):
            raise Wrong("all-wrong-listed", "liệt kê cả những câu trước đó đã sai: chúng không phải do tinh chỉnh", "also lists items that were wrong before: fine-tuning did not break them", **shown)  # fmt: skip
        raise Wrong("items-differ", "đúng bài, nhưng sai các câu đã mất: ghép hai mô hình theo (task, index) chưa?", "the right tasks with the wrong items: are the models paired by (task, index)?", **shown)  # fmt: skip
    if not got:
        raise Wrong("nothing-found", "không bài nào bị báo; các hàng ghép theo (task, model, index) chưa, và có đọc đúng metric của bài không?", "no task is named; are lines paired by (task, model, index), and is each task's own metric read?", **shown)  # fmt: skip
    raise Wrong("tasks-differ", "sai các bài bị hỏng: ghép hai mô hình theo (task, index), đọc đúng metric của từng bài", "the wrong tasks: pair the models by (task, index), and read each task's own metric", **shown)  # fmt: skip

"""Random pairs on which the classic mistakes all give different numbers; then the first step, where nothing has moved yet."""

from random import Random
from typing import Any

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close

KEYS = ("rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies")


def ours(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> dict[str, float]:
    good, bad = beta * (chosen - ref_chosen), beta * (rejected - ref_rejected)
    values = (good.mean(), bad.mean(), (good - bad).mean(), (good > bad).float().mean())
    return {key: float(value) for key, value in zip(KEYS, values, strict=True)}


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        pairs, beta = rng.randint(7, 11), rng.choice([0.05, 0.2, 0.3])
        while True:
            logs = [-30 + 8 * torch.randn(pairs) for _ in range(4)]
            if len({round(value, 3) for _, value, _, _ in accuracies(*logs)}) == len(accuracies(*logs)):
                break
        compare(mine.preference_metrics(*logs, beta), *logs, beta)
    chosen, rejected = -20 - 10 * torch.rand(6), -20 - 10 * torch.rand(6)
    got = mine.preference_metrics(chosen, rejected, chosen.clone(), rejected.clone(), 0.1)
    if close(got["rewards/accuracies"], 1.0):
        raise Wrong("ties-right", "trước bước đầu tiên mô hình chính là tham chiếu: mọi reward bằng nhau và chưa cặp nào đúng, nên accuracy là 0 (dùng > chứ không phải >=)", "before the first step the model is its own reference: all rewards are equal and no pair is right yet, so accuracy is 0 (> and not >=)", got=got)  # fmt: skip
    compare(got, chosen, rejected, chosen, rejected, 0.1)


def accuracies(chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor) -> list[tuple[str, float, str, str]]:
    """The right one, then what each mistake makes of it."""
    good, bad = chosen - ref_chosen, rejected - ref_rejected
    right = float((good > bad).float().mean())
    return [
        ("", right, "", ""),
        ("accuracy-without-reference", float((chosen > rejected).float().mean()), "accuracy so log xác suất thô: câu ngắn thắng chỉ vì ngắn; phải so hai reward", "accuracy compares raw log-probabilities: a short answer wins by being short; compare the rewards"),
        ("swapped", 1 - right, "đếm các cặp mà câu bị loại thắng: chosen và rejected bị đổi chỗ", "counts the pairs that the rejected answer wins: chosen and rejected are swapped"),
        ("accuracy-of-means", float(good.mean() > bad.mean()), "so hai trung bình với nhau; phải so trong từng cặp rồi mới lấy trung bình", "compares the two means; compare within each pair, then take the mean"),
        ("percent", 100 * right, "trả về phần trăm; cần tỉ lệ từ 0 đến 1", "a percentage; a share from 0 to 1 is wanted"),
        ("summed", right * len(chosen), "đây là số cặp đúng; cần tỉ lệ", "this is the number of right pairs; the share is wanted"),
    ]  # fmt: skip


def compare(got: Any, chosen: Tensor, rejected: Tensor, ref_chosen: Tensor, ref_rejected: Tensor, beta: float) -> None:
    """Raises the misconception that wrong metrics show, the rewards first."""
    wanted = ours(chosen, rejected, ref_chosen, ref_rejected, beta)
    if not isinstance(got, dict) or set(got) != set(KEYS):
        raise Wrong("keys", f"cần một dict với các khoá {', '.join(KEYS)}", f"return a dict with the keys {', '.join(KEYS)}", got=got)  # fmt: skip
    if any(torch.as_tensor(value).numel() != 1 for value in got.values()):
        raise Wrong("not-averaged", "mỗi khoá cần một số: trung bình trên các cặp", "each key holds one number: the mean over pairs", got=got)  # fmt: skip
    for key, now, before in (("rewards/chosen", chosen, ref_chosen), ("rewards/rejected", rejected, ref_rejected)):
        moved = (now - before).mean()
        known = [
            ("beta-missing", moved, "thiếu beta: reward là beta · (log p − log p tham chiếu)", "beta is missing: a reward is beta (log p − log p of the reference)"),
            ("no-reference", beta * now.mean(), "thiếu mô hình tham chiếu: đây là log xác suất nhân beta, không phải reward", "the reference is missing: this is a log-probability times beta, no reward"),
            ("reference-sign", -beta * moved, "ngược dấu: mô hình đang học trừ tham chiếu, không phải tham chiếu trừ mô hình", "the wrong sign: the trained model minus the reference, not the reverse"),
            ("summed", beta * (now - before).sum(), "đây là tổng; cần trung bình trên các cặp", "this is a sum; the mean over pairs is wanted"),
            ("swapped", wanted["rewards/rejected" if key == "rewards/chosen" else "rewards/chosen"], "chosen và rejected bị đổi chỗ", "chosen and rejected are swapped"),
        ]  # fmt: skip
        if not close(got[key], wanted[key], tolerance=1e-3):
            for name, guess, vi, en in known:
                if close(got[key], guess, tolerance=1e-3):
                    raise Wrong(name, f"{key}: {vi}", f"{key}: {en}", got=got, wanted=wanted)
            raise Wrong("value-differs", f"{key} sai", f"{key} is wrong", got=got, wanted=wanted)
    if not close(got["rewards/margins"], wanted["rewards/margins"], tolerance=1e-3):
        if close(got["rewards/margins"], -wanted["rewards/margins"], tolerance=1e-3):
            raise Wrong("swapped", "rewards/margins ngược dấu: reward của câu được chọn trừ của câu bị loại", "rewards/margins has the wrong sign: chosen reward minus rejected reward", got=got, wanted=wanted)  # fmt: skip
        raise Wrong("value-differs", "rewards/margins sai: trung bình của hiệu hai reward", "rewards/margins is wrong: the mean difference of the rewards", got=got, wanted=wanted)  # fmt: skip
    if not close(got["rewards/accuracies"], wanted["rewards/accuracies"], tolerance=1e-3):
        for name, value, vi, en in accuracies(chosen, rejected, ref_chosen, ref_rejected)[1:]:
            if close(got["rewards/accuracies"], value, tolerance=1e-3):
                raise Wrong(name, vi, en, got=got, wanted=wanted)
        raise Wrong("value-differs", "rewards/accuracies sai", "rewards/accuracies is wrong", got=got, wanted=wanted)

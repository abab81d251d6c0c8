"""Merge and unmerge against ours, in fp32 and bf16; a base that is changed in place is found by the checker."""

from random import Random

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        rank = rng.randint(3, 5)  # at rank 2, twice alpha / r would be alpha
        inputs, outputs = rng.randint(6, 9), rng.randint(10, 13)
        for sides in ((inputs, outputs), (inputs, inputs)):
            alpha = float(rng.choice([7, 11, 32]))
            weight, a, b = torch.randn(sides[1], sides[0]), torch.randn(rank, sides[0]), torch.randn(sides[1], rank)
            merged = mine.merge(weight, a, b, alpha)
            compare(merged, weight, alpha / rank, a, b, alpha)
            taken = mine.unmerge(weight + alpha / rank * b @ a, a, b, alpha)
            if close(taken, weight + 2 * alpha / rank * b @ a, tolerance=1e-3):
                raise Wrong("merged-twice", "unmerge cộng thêm lần nữa: adapter nằm trong W hai lần", "unmerge adds once more: the adapter is in W twice", got=taken, wanted=weight)  # fmt: skip
            if not close(taken, weight, tolerance=1e-3):
                raise Wrong("not-undone", "unmerge không trả lại W ban đầu; nó phải trừ đúng cái merge đã cộng", "unmerge does not give W back; it must take off just what merge put on", got=taken, wanted=weight)  # fmt: skip
    half = torch.randn(8, 6).bfloat16()
    a, b = torch.randn(2, 6) / 50, torch.randn(8, 2) / 50
    got, wanted = mine.merge(half, a, b, 6.0), (half.float() + 3 * (b @ a)).bfloat16()
    if got.dtype != torch.bfloat16:
        raise Wrong("dtype", f"W là bfloat16 mà kết quả là {got.dtype}", f"W is bfloat16 and the result {got.dtype}")
    large = torch.randn(64, 48).bfloat16()
    a, b = torch.randn(3, 48), torch.randn(64, 3)
    got, wanted = mine.merge(large, a, b, 6.0), (large.float() + 2 * (b @ a)).bfloat16()
    if not torch.allclose(got.float(), wanted.float(), rtol=1e-6, atol=1e-6):
        vi, en = (
            "làm tròn nhiều lần: tính B A và tổng ở fp32, rồi mới đổi dtype một lần",
            "rounded more than once: compute B A and the sum in fp32, then change dtype once",
        )
        raise Wrong("half-precision", vi, en, got=got, wanted=wanted)


def compare(got: Tensor, weight: Tensor, scale: float, a: Tensor, b: Tensor, alpha: float) -> None:
    """Raises the misconception that a wrong matrix shows."""
    update = b @ a
    wanted = weight + scale * update
    if close(got, wanted):
        return
    known = [
        ("alpha-forgotten", weight + update, "thiếu hệ số alpha / r", "the factor alpha / r is missing"),
        ("rank-forgotten", weight + alpha * update, "nhân với alpha mà chưa chia cho r", "multiplied by alpha, not divided by r"),
        ("merged-twice", weight + 2 * scale * update, "adapter được cộng hai lần", "the adapter is added twice"),
        ("sign", weight - scale * update, "merge phải cộng, unmerge mới trừ", "merge adds; it is unmerge that takes off"),
        ("update-only", scale * update, "thiếu W: đây chỉ là phần thêm vào", "W is missing: this is the update alone"),
    ]  # fmt: skip
    if weight.shape[0] == weight.shape[1]:
        known.append(("transposed", weight + scale * update.t(), "tích bị chuyển vị: (B A)ᵀ thay cho B A", "the product is transposed: (B A)ᵀ for B A"))  # fmt: skip
    for name, guess, vi, en in known:
        if close(got, guess):
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong(
        "value-differs", "giá trị khác W + (alpha / r) B A", "the value is not W + (alpha / r) B A", got=got, wanted=wanted
    )

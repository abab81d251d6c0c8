"""Value, and the gradient of B with the length held constant."""

from random import Random

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close


def ours(weight: Tensor, a: Tensor, b: Tensor, magnitude: Tensor, alpha: float) -> Tensor:
    direction = weight + alpha / a.shape[0] * (b @ a)
    return (magnitude / direction.detach().norm(dim=1))[:, None] * direction


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        rank, side = rng.randint(2, 5), rng.randint(6, 9)
        for outputs in (side, side + 3):
            weight, a = torch.randn(outputs, side), torch.randn(rank, side)
            b, magnitude = torch.randn(outputs, rank, requires_grad=True), (torch.rand(outputs) + 0.5).requires_grad_()
            alpha = float(rng.choice([7, 11, 32]))
            got = mine.dora_weight(weight, a, b, magnitude, alpha)
            compare(got, weight, a, b, magnitude, alpha)
            pull = torch.randn(outputs, side)
            need = torch.autograd.grad((ours(weight, a, b, magnitude, alpha) * pull).sum(), (b, magnitude))
            if not got.requires_grad:
                raise Wrong("gradient-cut", "kết quả không còn gradient", "the result carries no gradient")
            found = torch.autograd.grad((got * pull).sum(), (b, magnitude), allow_unused=True)
            if any(one is None for one in found):
                raise Wrong("gradient-cut", "B hoặc magnitude không nhận gradient: chỉ .detach() phần độ dài ở mẫu số", "B or magnitude gets no gradient: detach only the length in the denominator")  # fmt: skip
            if not close(found[0], need[0], tolerance=1e-3) or not close(found[1], need[1], tolerance=1e-3):
                raise Wrong("norm-not-constant", "giá trị đúng nhưng gradient đi qua độ dài |V|; hãy coi nó là hằng số (.detach())", "the value is right, but the gradient runs through |V|; treat it as a constant (.detach())", got=found[0], wanted=need[0])  # fmt: skip


def compare(got: Tensor, weight: Tensor, a: Tensor, b: Tensor, magnitude: Tensor, alpha: float) -> None:
    """Raises the misconception that a wrong matrix shows."""
    wanted, scale, rows = ours(weight, a, b, magnitude, alpha), alpha / a.shape[0], magnitude[:, None]
    if close(got, wanted):
        return
    direction, unscaled = weight + scale * b @ a, weight + b @ a
    known = [
        ("alpha-forgotten", rows * unscaled / unscaled.norm(dim=1, keepdim=True), "thiếu hệ số alpha / r", "the factor alpha / r is missing"),
        ("not-normalised", rows * direction, "chưa chia cho độ dài của hàng: magnitude bị nhân với độ dài cũ", "not divided by the row's length: magnitude multiplies the old length"),
        ("old-length", rows * direction / weight.norm(dim=1, keepdim=True), "chia cho độ dài của W; phải là của W + (alpha / r) B A", "divided by the length of W; it must be that of W + (alpha / r) B A"),
        ("wrong-axis", rows * direction / direction.norm(dim=0, keepdim=True), "độ dài lấy theo cột (dim=0); mỗi đầu ra là một hàng (dim=1)", "the length runs over columns (dim=0); each output is a row (dim=1)"),
        ("whole-matrix", rows * direction / direction.norm(), "chia cho chuẩn của cả ma trận; mỗi hàng có độ dài riêng", "divided by the norm of the whole matrix; each row has a length of its own"),
        ("no-magnitude", direction / direction.norm(dim=1, keepdim=True), "thiếu magnitude: mọi hàng dài bằng 1", "magnitude is missing: every row has length 1"),
        ("no-root", rows * direction / direction.square().sum(dim=1, keepdim=True), "chia cho bình phương độ dài: thiếu căn", "divided by the squared length: the root is missing"),
    ]  # fmt: skip
    for name, guess, vi, en in known:
        if close(got, guess):
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong("value-differs", "giá trị khác m V / |V|", "the value is not m V / |V|", got=got, wanted=wanted)

"""Answers of different lengths, on both sides of the target; value and gradients."""

from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.losses import dpo_loss


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        pairs, beta = rng.randint(6, 8), rng.choice([0.4, 0.7, 2.0])
        tokens = [torch.randint(3, 9, (pairs,)).float(), torch.randint(10, 30, (pairs,)).float()]
        delta = 1 / (2 * beta) + torch.randn(pairs)  # some beyond the target, some short of it
        delta[:2] = 1 / (2 * beta) + torch.tensor([1.5, -1.5])
        ref_chosen, ref_rejected, rejected = (-20 + 5 * torch.randn(pairs) for _ in range(3))
        chosen = ref_chosen + tokens[0] * (delta + (rejected - ref_rejected) / tokens[1])
        logs = [chosen, rejected, ref_chosen, ref_rejected]
        leaves = [one.clone().requires_grad_() for one in logs[:2]]
        got = mine.ipo_loss(*leaves, *logs[2:], *tokens, beta)
        wanted = dpo_loss(*leaves, *logs[2:], beta=beta, loss_type="ipo", chosen_tokens=tokens[0], rejected_tokens=tokens[1])
        compare(got.detach(), wanted.detach(), logs, tokens, beta)
        if not got.requires_grad:
            raise Wrong("gradient-cut", "kết quả không còn gradient: mô hình sẽ không học được gì", "the result carries no gradient: the model would learn nothing")  # fmt: skip
        found, need = torch.autograd.grad(got.sum(), leaves), torch.autograd.grad(wanted.sum(), leaves)
        if not all(close(one, right, tolerance=1e-3) for one, right in zip(found, need, strict=True)):
            raise Wrong("gradient-differs", "giá trị đúng nhưng gradient sai", "the value is right, but the gradient is not", got=found[0], wanted=need[0])  # fmt: skip


def compare(got: Tensor, wanted: Tensor, logs: list[Tensor], tokens: list[Tensor], beta: float) -> None:
    """Raises the misconception that a wrong value shows."""
    if close(got, wanted, tolerance=1e-3):
        return
    if got.dim() == 0:
        raise Wrong("mean", "trả về một số; cần một loss cho mỗi cặp", "one number; one loss a pair is wanted", got=got, wanted=wanted)  # fmt: skip
    chosen, rejected, ref_chosen, ref_rejected = logs
    good, bad = chosen - ref_chosen, rejected - ref_rejected
    delta, target = good / tokens[0] - bad / tokens[1], 1 / (2 * beta)
    known = [
        ("summed", (good - bad - target) ** 2, "dùng tổng log xác suất: câu dài bị phạt nặng hơn chỉ vì dài; chia mỗi câu cho số token của chính nó", "sums, not means: a long answer weighs more by being long; divide each by its own tokens"),
        ("joint-length", ((good - bad) / (tokens[0] + tokens[1]) - target) ** 2, "chia hiệu cho tổng số token; mỗi câu phải chia cho số token của chính nó", "the difference is divided by all tokens; each answer has a length of its own"),
        ("swapped-lengths", (good / tokens[1] - bad / tokens[0] - target) ** 2, "hai độ dài bị đổi chỗ", "the two lengths are swapped"),
        ("target-not-halved", (delta - 1 / beta) ** 2, "đích là 1 / (2 beta), không phải 1 / beta", "the target is 1 / (2 beta), not 1 / beta"),
        ("target-upside-down", (delta - beta / 2) ** 2, "đích là 1 / (2 beta), không phải beta / 2: beta lớn thì đích gần", "the target is 1 / (2 beta), not beta / 2: a larger beta brings it nearer"),
        ("beta-multiplied", (beta * delta - 0.5) ** 2, "beta nhân vào delta: cùng điểm thấp nhất nhưng gradient bị nhân thêm beta²", "beta multiplies delta: the same lowest point, but gradients multiplied by beta²"),
        ("not-squared", delta - target, "thiếu bình phương", "the square is missing"),
        ("absolute", (delta - target).abs(), "giá trị tuyệt đối thay cho bình phương", "the absolute value for the square"),
        ("one-sided", torch.relu(target - delta) ** 2, "chỉ phạt khi chưa tới đích: IPO kéo về cả những cặp đã đi quá xa", "only pairs short of the target pay: IPO also pulls back those beyond it"),
        ("swapped", (-delta - target) ** 2, "chosen và rejected bị đổi chỗ", "chosen and rejected are swapped"),
        ("no-reference", (chosen / tokens[0] - rejected / tokens[1] - target) ** 2, "bỏ quên mô hình tham chiếu", "the reference is forgotten"),
        ("dpo", -F.logsigmoid(beta * delta), "đây là -log sigmoid của DPO; IPO là bình phương", "this is DPO's -log sigmoid; IPO is a square"),
    ]  # fmt: skip
    for name, guess, vi, en in known:
        if close(got, guess, tolerance=1e-3):
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong("value-differs", "giá trị khác (delta − 1 / (2 beta))²", "the value is not (delta − 1 / (2 beta))²", got=got, wanted=wanted)  # fmt: skip

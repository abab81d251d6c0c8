"""Value and gradients against ours; then probabilities that fp32 cannot hold."""

from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.losses import orpo_loss as ours


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        pairs, beta = rng.randint(4, 7), rng.choice([0.2, 0.4, 1.5])
        chosen, rejected = (-(0.2 + 2 * torch.rand(pairs)) for _ in range(2))
        leaves = [chosen.clone().requires_grad_(), rejected.clone().requires_grad_()]
        got, wanted = mine.orpo_loss(*leaves, beta), ours(*leaves, beta=beta)
        compare(got.detach(), wanted.detach(), chosen, rejected, beta)
        if not got.requires_grad:
            raise Wrong("gradient-cut", "kết quả không còn gradient: mô hình sẽ không học được gì", "the result carries no gradient: the model would learn nothing")  # fmt: skip
        found, need = torch.autograd.grad(got.sum(), leaves), torch.autograd.grad(wanted.sum(), leaves)
        if not all(close(one, right, tolerance=1e-3) for one, right in zip(found, need, strict=True)):
            raise Wrong("gradient-differs", "giá trị đúng nhưng gradient sai", "the value is right, but the gradient is not", got=found[0], wanted=need[0])  # fmt: skip
    tiny, sure = torch.tensor([-150.0, -110.0]), torch.tensor([-0.001, -0.02])
    for one, other in ((tiny, sure), (sure, tiny), (tiny, tiny - 1)):
        leaf = one.clone().requires_grad_()
        got, wanted = mine.orpo_loss(leaf, other, 1.0), ours(one, other, beta=1.0)
        (found,) = torch.autograd.grad(got.sum(), leaf)
        if not close(got, wanted, tolerance=1e-3) or not torch.isfinite(found).all():
            raise Wrong("probabilities", "tính odds từ chính xác suất: với log p = -150 thì p bằng 0 trong fp32 và log của nó là -inf; hãy giữ ở dạng log: log(1 - p) = log1p(-exp(log p))", "odds are computed from the probability itself: at log p = -150 p is 0 in fp32 and its logarithm -inf; stay with logarithms, log(1 - p) = log1p(-exp(log p))", got=got, wanted=wanted)  # fmt: skip


def compare(got: Tensor, wanted: Tensor, chosen: Tensor, rejected: Tensor, beta: float) -> None:
    """Raises the misconception that a wrong value shows."""
    if close(got, wanted):
        return
    if got.dim() == 0:
        raise Wrong("mean", "trả về một số; cần một loss cho mỗi cặp", "one number; one loss a pair is wanted", got=got, wanted=wanted)  # fmt: skip
    ratio = chosen - rejected
    rest = torch.log1p(-chosen.exp()) - torch.log1p(-rejected.exp())
    odds = [one.exp() / (1 - one.exp()) for one in (chosen, rejected)]
    known = [
        ("no-odds", -beta * F.logsigmoid(ratio), "đây là tỉ số xác suất; thiếu phần log(1 - p) của odds", "this is the ratio of probabilities; the log(1 - p) of the odds is missing"),
        ("odds-sign", -beta * F.logsigmoid(ratio + rest), "ngược dấu phần log(1 - p): odds là p chia cho (1 - p)", "the wrong sign before log(1 - p): odds are p divided by (1 - p)"),
        ("beta-missing", wanted / beta, "thiếu beta", "beta is missing"),
        ("beta-inside", -F.logsigmoid(beta * (ratio - rest)), "beta nằm trong sigmoid như ở DPO; ở ORPO nó là trọng số đứng ngoài", "beta stands inside the sigmoid, as in DPO; in ORPO it is a weight outside"),
        ("swapped", -beta * F.logsigmoid(rest - ratio), "chosen và rejected bị đổi chỗ", "chosen and rejected are swapped"),
        ("sign", -wanted, "thiếu dấu trừ trước log sigmoid", "the minus sign before log sigmoid is missing"),
        ("no-log", -beta * torch.sigmoid(ratio - rest), "thiếu log trước sigmoid", "the log before the sigmoid is missing"),
        ("no-log-odds", -beta * F.logsigmoid(odds[0] / odds[1]), "đưa tỉ số odds vào sigmoid; phải là log của nó", "the odds ratio goes into the sigmoid; its logarithm should"),
        ("no-log-odds", -beta * F.logsigmoid(odds[0] - odds[1]), "hiệu hai odds; phải là hiệu hai log odds", "a difference of odds; it should be one of log odds"),
        ("sft-added", wanted - chosen, "đã cộng cả cross entropy của câu được chọn: bộ huấn luyện cộng phần ấy ở nơi khác", "the chosen answer's cross entropy is added: the trainer adds it elsewhere"),
    ]  # fmt: skip
    for name, guess, vi, en in known:
        if close(got, guess):
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong("value-differs", "giá trị khác -beta log sigmoid(log odds ratio)", "the value is not -beta log sigmoid(log odds ratio)", got=got, wanted=wanted)  # fmt: skip


def drive(mine: Any) -> dict[str, Any]:
    """The trainer calls it for every packed row and adds the cross entropy."""

    def orpo_loss(chosen: Tensor, rejected: Tensor, *, beta: float) -> Any:
        return mine.orpo_loss(chosen, rejected, beta)

    return {"smolcourse.training.orpo:orpo_loss": orpo_loss}

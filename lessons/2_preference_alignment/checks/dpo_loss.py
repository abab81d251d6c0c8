"""Value and gradients against ours, then log-probabilities in the thousands."""

from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from smolcourse.course.checking import Mine, Wrong, close
from smolcourse.errors import SmolError
from smolcourse.losses import dpo_loss as ours


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        pairs, beta = rng.randint(4, 6), rng.choice([0.07, 0.3, 0.5])
        logs = [-20 + 5 * torch.randn(pairs) for _ in range(4)]
        one_step(mine, logs, beta)
    low, high = torch.full((3,), -9000.0), torch.full((3,), -10.0)
    for logs in ([low, high, high, low], [high, low, low, high]):
        got, wanted = mine.dpo_loss(*logs, 0.5), ours(*logs, beta=0.5)
        leaf = logs[0].clone().requires_grad_()
        (found,) = torch.autograd.grad(mine.dpo_loss(leaf, *logs[1:], 0.5).sum(), leaf)
        if not close(got, wanted) or not torch.isfinite(found).all():
            raise Wrong("overflow", "khi hai câu cách xa nhau, sigmoid bằng 0 trong fp32 và log của nó là -inf: dùng F.logsigmoid", "where the answers are far apart sigmoid is 0 in fp32 and its logarithm -inf: use F.logsigmoid", got=got, wanted=wanted)  # fmt: skip


def one_step(mine: Mine, logs: list[Tensor], beta: float) -> None:
    """One draw: the value, then who gets which gradient."""
    leaves = [one.clone().requires_grad_() for one in logs[:2]]
    got, wanted = mine.dpo_loss(*leaves, *logs[2:], beta), ours(*leaves, *logs[2:], beta=beta)
    compare(got.detach(), wanted.detach(), logs, beta)
    if not got.requires_grad:
        raise Wrong("gradient-cut", "kết quả không còn gradient (.item() hay .detach()?): mô hình sẽ không học được gì", "the result carries no gradient (.item() or .detach()?): the model would learn nothing", got=got)  # fmt: skip
    found = torch.autograd.grad(got.sum(), leaves, allow_unused=True)
    need = torch.autograd.grad(wanted.sum(), leaves)
    for name, one, right in zip(("chosen", "rejected"), found, need, strict=True):
        if one is None:
            raise Wrong("gradient-cut", f"{name} không nhận gradient: DPO đẩy cả hai câu, ngược chiều nhau", f"{name} gets no gradient: DPO moves both answers, in opposite directions")  # fmt: skip
        if not close(one, right):
            raise Wrong("gradient-differs", f"giá trị đúng nhưng gradient của {name} sai", f"the value is right, but the gradient of {name} is not", got=one, wanted=right)  # fmt: skip


def compare(got: Tensor, wanted: Tensor, logs: list[Tensor], beta: float) -> None:
    """Raises the misconception that a wrong value shows."""
    if close(got, wanted):
        return
    chosen, rejected, ref_chosen, ref_rejected = logs
    delta = (chosen - ref_chosen) - (rejected - ref_rejected)
    if got.dim() == 0:
        raise Wrong("mean", f"trả về một số; cần {len(chosen)} loss, mỗi cặp một: bộ huấn luyện lấy trung bình trên cả bước", f"one number; {len(chosen)} losses are wanted, one a pair: the trainer takes the mean over the step", got=got, wanted=wanted)  # fmt: skip

    def loss(x: Tensor) -> Tensor:
        return -F.logsigmoid(x)

    known = [
        ("beta-missing", loss(delta), "thiếu beta: lực kéo về mô hình tham chiếu mạnh yếu ra sao là do nó", "beta is missing: it says how dear it is to leave the reference"),
        ("swapped", loss(-beta * delta), "chosen và rejected bị đổi chỗ: mô hình học thích câu bị loại", "chosen and rejected are swapped: the model learns to prefer what was rejected"),
        ("sign", -wanted, "thiếu dấu trừ: log sigmoid luôn âm, loss là số dương", "the minus sign is missing: log sigmoid is negative, the loss is positive"),
        ("sign", F.logsigmoid(-beta * delta), "dấu trừ đặt bên trong sigmoid thay vì bên ngoài", "the minus sign stands inside the sigmoid and not before the log"),
        ("no-reference", loss(beta * (chosen - rejected)), "bỏ quên mô hình tham chiếu: đây là bản reference-free", "the reference is forgotten: this is the reference-free variant"),
        ("reference-sign", loss(beta * (chosen + ref_chosen - rejected - ref_rejected)), "phần của tham chiếu ngược dấu: bị cộng thay vì trừ, hoặc ref_chosen và ref_rejected bị đổi chỗ", "the reference has the wrong sign: added and not taken off, or ref_chosen and ref_rejected are swapped"),
        ("no-log", -torch.sigmoid(beta * delta), "thiếu log: đây là -sigmoid", "the log is missing: this is -sigmoid"),
        ("no-log", 1 - torch.sigmoid(beta * delta), "đây là xác suất xếp sai, 1 - sigmoid; loss là trừ log của xác suất xếp đúng", "this is the probability of a wrong order, 1 - sigmoid; the loss is minus the log of a right one"),
        ("beta-outside", beta * loss(delta), "beta nhân ở ngoài; nó thuộc về bên trong sigmoid", "beta multiplies from outside; it belongs inside the sigmoid"),
        ("divided-by-beta", loss(delta / beta), "chia cho beta; phải nhân", "divided by beta; it multiplies"),
        ("hinge", torch.relu(1 - beta * delta), "đây là hinge; bài này cần -log sigmoid", "this is the hinge; this exercise wants -log sigmoid"),
        ("squared", (beta * delta - 0.5) ** 2, "đây là bình phương của IPO; bài này cần -log sigmoid", "this is IPO's square; this exercise wants -log sigmoid"),
        ("probabilities", loss(beta * (chosen.exp() - ref_chosen.exp() - rejected.exp() + ref_rejected.exp())), "lấy exp của log xác suất: hiệu phải là hiệu của các log", "the log-probabilities are turned back by exp: it is the logs whose difference is taken"),
    ]  # fmt: skip
    for name, guess, vi, en in known:
        if close(got, guess):
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    raise Wrong("value-differs", "giá trị khác -log sigmoid(beta · delta)", "the value is not -log sigmoid(beta delta)", got=got, wanted=wanted)  # fmt: skip


def drive(mine: Any) -> dict[str, Any]:
    """The trainer calls it for every packed row; the reference's log-probabilities come as constants."""

    def dpo_loss(
        chosen: Tensor,
        rejected: Tensor,
        ref_chosen: Tensor,
        ref_rejected: Tensor,
        *,
        beta: float,
        loss_type: str,
        label_smoothing: float,
        **lengths: Tensor,
    ) -> Any:
        if loss_type != "sigmoid" or label_smoothing:
            raise SmolError(
                f"hàm dpo_loss của bạn là loss_type=sigmoid, không phải {loss_type} hay label smoothing",
                f"your dpo_loss is loss_type=sigmoid, not {loss_type} or label smoothing",
                where="loss_type",
                fix="loss_type=sigmoid label_smoothing=0",
            )
        return mine.dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)

    return {"smolcourse.training.dpo:dpo_loss": dpo_loss}

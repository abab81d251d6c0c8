"""Cross entropy against ours: value and gradient, small and large logits, half precision."""

from random import Random
from typing import Any

import torch

from smolcourse.course.checking import Mine, Wrong, close, gradient, need_scalar
from smolcourse.losses import sft_loss as ours


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        tokens, words = rng.randint(3, 7), rng.randint(8, 13)
        logits, labels = torch.randn(tokens, words) * 2, torch.randint(words, (tokens,))
        got = mine.sft_loss(logits.clone().requires_grad_(), labels)
        need_scalar("sft_loss", got)
        compare(got.detach(), ours(logits, labels), logits, labels)
        wanted, found = gradient(ours, logits, labels), gradient(mine.sft_loss, logits, labels)
        if not close(found, wanted):
            raise Wrong(
                "gradient-differs",
                "giá trị đúng nhưng gradient sai: một phần phép tính bị cắt khỏi đồ thị tính toán",
                "the value is right but the gradient is not: part of the computation was cut off",
                got=found,
                wanted=wanted,
            )
    large = torch.randn(4, 9) * 3000
    labels = torch.randint(9, (4,))
    if not close(mine.sft_loss(large.requires_grad_(), labels).detach(), ours(large, labels).detach()):
        raise Wrong("overflow", "với logits lớn, exp tràn số: hãy trừ giá trị lớn nhất của hàng trước khi lấy exp", "with large logits exp overflows: take the row's maximum out before exp", got=mine.sft_loss(large, labels).detach(), wanted=ours(large, labels).detach(), read="sft-loss")  # fmt: skip
    for _ in range(3):
        half, labels = (torch.randn(300, 50) * 4).bfloat16(), torch.randint(50, (300,))
        got, wanted = mine.sft_loss(half, labels), ours(half, labels)
        if got.dtype != torch.float32 or not close(got, wanted, tolerance=1e-4):
            vi, en = (
                "tính bằng bfloat16 làm mất chữ số: đổi logits sang fp32 trước",
                "computing in bfloat16 loses digits: turn the logits to fp32 first",
            )
            raise Wrong("half-precision", vi, en, got=got, wanted=wanted)


def compare(got: torch.Tensor, wanted: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
    """Raises the misconception that a wrong value shows."""
    if close(got, wanted):
        return
    tokens, words = logits.shape
    logs = logits.log_softmax(dim=1)
    picked = logs.gather(1, labels[:, None]).squeeze(1)
    known = [
        ("sign", -wanted, "thiếu dấu trừ: loss là -log p, và phải dương", "the minus sign is missing: the loss is -log p, and positive"),
        ("mean", wanted / tokens, f"đây là trung bình trên {tokens} token; hàm này trả về tổng", f"this is the mean over {tokens} tokens; the function returns the sum"),
        ("mean-over-words", wanted / words, f"chia cho {words}, tức cỡ từ vựng: nhầm trục", f"divided by {words}, the size of the vocabulary: that is the wrong axis"),
        ("mean-over-both", wanted / tokens / words, "trung bình trên cả token lẫn từ vựng: trục từ vựng không được lấy trung bình", "the mean over tokens and vocabulary: the vocabulary is no axis to average over"),
        ("wrong-axis", -logits.log_softmax(dim=0).gather(1, labels[:, None]).sum(), "softmax lấy theo trục token (dim=0); phải theo trục từ vựng (dim=1)", "softmax runs over the tokens (dim=0); it must run over the vocabulary (dim=1)"),
        ("no-log", -picked.exp().sum(), "đây là tổng xác suất: thiếu log", "this is a sum of probabilities: the log is missing"),
        ("no-softmax", -logits.gather(1, labels[:, None]).sum(), "logits chưa qua softmax: thiếu phần log của tổng exp", "the logits are not normalised: the log-sum-exp is missing"),
        ("all-words", -logs.sum(), "cộng log p của mọi token trong từ vựng, không chỉ của nhãn", "sums log p of every word, not of the label alone"),
        ("log2", wanted / torch.log(torch.tensor(2.0)), "kết quả này tính bằng bit (log cơ số 2); loss tính bằng nat (log tự nhiên)", "these are bits (log base 2); the loss is in nats"),
    ]  # fmt: skip
    if tokens > 1:
        known.append(
            (
                "shifted-twice",
                -logs[:-1].gather(1, labels[1:, None]).sum(),
                "dịch nhãn thêm lần nữa: labels đã là token kế tiếp rồi",
                "the labels are shifted once more: they are the next tokens already",
            )
        )
    for name, value, vi, en in known:
        if close(got, value):
            raise Wrong(name, vi, en, got=got, wanted=wanted, read="shift" if name == "shifted-twice" else "")
    raise Wrong("value-differs", "giá trị khác cross entropy", "the value is not the cross entropy", got=got, wanted=wanted)


def drive(mine: Any) -> dict[str, Any]:
    """The trainer's plain path calls it for every batch."""
    return {"smolcourse.training.sft:sft_loss": mine.sft_loss}

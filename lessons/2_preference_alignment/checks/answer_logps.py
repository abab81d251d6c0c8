"""Rows of different lengths: the value, its gradient, and half precision."""

from random import Random

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close, gradient


def ours(logits: Tensor, input_ids: Tensor, loss_mask: Tensor) -> Tensor:
    logps = logits[:, :-1].float().log_softmax(dim=-1)
    return (logps.gather(2, input_ids[:, 1:, None]).squeeze(2) * loss_mask[:, 1:]).sum(dim=1)


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        rows, tokens, words = rng.randint(2, 4), rng.randint(9, 12), rng.randint(14, 18)
        logits, ids = torch.randn(rows, tokens, words) * 2, torch.randint(words, (rows, tokens))
        mask = torch.zeros(rows, tokens, dtype=torch.long)
        for row in range(rows):
            mask[row, rng.randint(3, 4) : tokens - rng.randint(1, 3)] = 1  # what follows is padding
        got, wanted = mine.answer_logps(logits.clone().requires_grad_(), ids, mask), ours(logits, ids, mask)
        compare(got.detach(), wanted, logits, ids, mask)
        if not got.requires_grad:
            raise Wrong("gradient-cut", "kết quả không còn gradient: mô hình sẽ không học được gì", "the result carries no gradient: the model would learn nothing")  # fmt: skip
        found = gradient(lambda *inputs: mine.answer_logps(*inputs).sum(), logits, ids, mask)
        need = gradient(lambda *inputs: ours(*inputs).sum(), logits, ids, mask)
        if not close(found, need):
            raise Wrong("gradient-differs", "giá trị đúng nhưng gradient sai: một phần phép tính bị cắt khỏi đồ thị tính toán", "the value is right but the gradient is not: part of the computation was cut off", got=found, wanted=need)  # fmt: skip
    half, ids, mask = (torch.randn(2, 200, 40) * 4).bfloat16(), torch.randint(40, (2, 200)), torch.ones(2, 200, dtype=torch.long)
    mask[:, 0] = 0
    got, wanted = mine.answer_logps(half, ids, mask), ours(half, ids, mask)
    if got.dtype != torch.float32 or not close(got, wanted):
        raise Wrong("half-precision", "cộng hàng trăm số ở bfloat16 làm mất chữ số: đổi logits sang fp32 trước", "hundreds of numbers summed in bfloat16 lose digits: turn the logits to fp32 first", got=got, wanted=wanted)  # fmt: skip


def compare(got: Tensor, wanted: Tensor, logits: Tensor, ids: Tensor, mask: Tensor) -> None:
    """Raises the misconception that a wrong value shows."""
    if close(got, wanted):
        return
    rows, tokens = ids.shape
    logs, count = logits.log_softmax(dim=-1), mask.sum(dim=1)
    same = logs.gather(2, ids[:, :, None]).squeeze(2)
    picked = logs[:, :-1].gather(2, ids[:, 1:, None]).squeeze(2)
    later = logs[:, 1:].gather(2, ids[:, :-1, None]).squeeze(2)
    raw = logits[:, :-1].gather(2, ids[:, 1:, None]).squeeze(2)
    sideways = logits[:, :-1].log_softmax(dim=1).gather(2, ids[:, 1:, None]).squeeze(2)
    real = torch.stack([torch.arange(tokens) < mask[row].nonzero().max() + 1 for row in range(rows)])[:, 1:]
    extra = int((1 - mask[0, 1:]).sum())
    answer = mask[:, 1:]
    known = [
        ("not-shifted", (same * mask).sum(1), "chưa dịch: xác suất của token t lấy ở chính vị trí t, nơi mô hình đã đọc nó rồi", "not shifted: token t's probability is taken at position t, where the model has already read it"),
        ("shifted-forward", (later * mask[:, :-1]).sum(1), "dịch ngược chiều: token t được đoán ở vị trí t - 1, không phải t + 1", "shifted the wrong way: token t is predicted at position t - 1, not t + 1"),
        ("mask-not-shifted", (picked * mask[:, :-1]).sum(1), "token đã dịch mà mask thì chưa: mất token đầu của câu trả lời, thừa token ngay sau nó", "tokens are shifted and the mask is not: the answer's first token is lost and the one after it counted"),
        ("prompt-counted", picked.sum(1), f"cộng mọi token của hàng; {extra} token không thuộc câu trả lời (prompt, phần đệm) cũng bị tính", f"all tokens of the row are summed; {extra} that are no answer (prompt, padding) count too"),
        ("prompt-counted", (picked * real).sum(1), "token của prompt cũng được cộng: chỉ câu trả lời mới tính", "the prompt's tokens are summed too: only the answer counts"),
        ("mean", wanted / count, "đây là trung bình mỗi token; DPO cần tổng", "this is the mean a token; DPO wants the sum"),
        ("mean", (picked * answer).mean(1), "lấy trung bình theo cả hàng; DPO cần tổng trên câu trả lời", "a mean over the whole row; DPO wants the sum over the answer"),
        ("sign", -wanted, "ngược dấu: log xác suất luôn âm, đừng đổi dấu như với loss", "the wrong sign: a log-probability is negative; it is the loss that is turned round"),
        ("no-log", (picked.exp() * answer).sum(1), "cộng xác suất thay vì log xác suất", "sums probabilities, not their logarithms"),
        ("no-log", wanted.exp(), "đây là xác suất của cả câu: giữ nguyên log, vì với câu dài xác suất này bằng 0 trong fp32", "this is the answer's probability: keep the logarithm; for long answers fp32 makes it 0"),
        ("no-softmax", (raw * answer).sum(1), "cộng logits: thiếu log_softmax", "sums logits: the log_softmax is missing"),
        ("wrong-axis", (sideways * answer).sum(1), "softmax chạy theo các vị trí (dim=1); phải chạy theo từ vựng (dim=-1)", "softmax runs over positions (dim=1); it must run over the vocabulary (dim=-1)"),
    ]  # fmt: skip
    for name, guess, vi, en in known:
        if close(got, guess):
            raise Wrong(name, vi, en, got=got, wanted=wanted)
    if got.dim() == 0:
        raise Wrong("rows-summed", f"trả về một số; cần {rows} số, mỗi hàng một số, vì DPO so từng cặp", f"one number; {rows} are needed, one a row, since DPO compares pair by pair", got=got, wanted=wanted)  # fmt: skip
    raise Wrong("value-differs", "giá trị khác tổng log xác suất của câu trả lời", "not the summed log-probability of the answer", got=got, wanted=wanted)  # fmt: skip

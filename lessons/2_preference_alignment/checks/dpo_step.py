"""Two small networks that read what stands before: the value, who gets a gradient, and where an optimiser would go with it."""

from itertools import product
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from smolcourse.course.checking import Mine, Wrong, close, need_scalar


class Reader(nn.Module):
    """A causal network: each position sees the mean of the tokens up to it."""

    def __init__(self, name: str, words: int) -> None:
        super().__init__()
        self.name, self.embedding, self.head = name, nn.Embedding(words, 8), nn.Linear(8, words)

    def forward(self, ids: Tensor) -> Tensor:
        seen = self.embedding(ids).cumsum(dim=1) / torch.arange(1, ids.shape[1] + 1)[:, None]
        logits: Tensor = self.head(seen)
        return logits

    def __repr__(self) -> str:
        return self.name


def ours(
    model: Reader, reference: Reader, batch: list[Tensor], beta: float, *, swapped: bool = False, late: bool = False
) -> Tensor:
    """The right loss, or with one or both of two mistakes in it."""

    def logps(network: Reader, ids: Tensor, mask: Tensor) -> Tensor:
        picked = network(ids)[:, :-1].log_softmax(dim=-1).gather(2, ids[:, 1:, None]).squeeze(2)
        return (picked * (mask[:, :-1] if late else mask[:, 1:])).sum(dim=1)

    policy = logps(model, *batch[:2]) - logps(model, *batch[2:])
    with torch.no_grad():
        baseline = logps(reference, *batch[:2]) - logps(reference, *batch[2:])
    return -F.logsigmoid(beta * (baseline - policy if swapped else policy - baseline)).mean()


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        words, pairs, beta = rng.randint(11, 15), rng.randint(2, 4), rng.choice([0.2, 0.5])
        model, reference = Reader("model", words), Reader("reference", words)
        prompt, batch = torch.randint(words, (pairs, 3)), []
        for length in (rng.randint(3, 5), rng.randint(6, 8)):
            ids = torch.cat([prompt, torch.randint(words, (pairs, length))], dim=1)
            mask = torch.zeros_like(ids)
            mask[:, 3 : -1 if length > 3 else None] = 1  # the last token is the newline that nobody writes
            batch += [ids, mask]
        got = mine.dpo_step(model, reference, *batch, beta)
        need_scalar("dpo_step", got)
        compare(got.detach(), model, reference, batch, beta)
        found = torch.autograd.grad(got, [*model.parameters(), *reference.parameters()], allow_unused=True)
        own = len(list(model.parameters()))
        if any(one is not None and one.any() for one in found[own:]):
            raise Wrong("reference-with-gradient", "mô hình tham chiếu nhận gradient: optimizer kéo tham chiếu xuống thay vì kéo mô hình lên, loss giảm mà mô hình không khá hơn (bọc torch.no_grad())", "the reference gets a gradient: the optimiser pushes the reference down instead of the model up, and the loss falls while the model gets no better (torch.no_grad())")  # fmt: skip
        wanted = torch.autograd.grad(ours(model, reference, batch, beta), list(model.parameters()))
        if any(one is None or not close(one, right) for one, right in zip(found[:own], wanted, strict=True)):
            raise Wrong("gradient-differs", "loss đúng nhưng gradient của mô hình sai: một phần bị cắt khỏi đồ thị tính toán", "the loss is right, but the model's gradient is not: part of the computation was cut off")  # fmt: skip


def compare(got: Tensor, model: Reader, reference: Reader, batch: list[Tensor], beta: float) -> None:
    """Raises the misconception that a wrong loss shows."""
    with torch.no_grad():
        wanted = ours(model, reference, batch, beta)
        if close(got, wanted):
            return
        for swapped, late in product((True, False), repeat=2):
            if not close(got, ours(model, reference, batch, beta, swapped=swapped, late=late)):
                continue
            if swapped:
                raise Wrong("swapped", "tham chiếu trừ mô hình: loss giảm khi xác suất câu BỊ LOẠI tăng lên (margin âm dần, accuracy nằm ở 0)", "reference minus model: the loss falls as the REJECTED answer gets likelier (the margin goes negative, accuracy stays at 0)", got=got, wanted=wanted)  # fmt: skip
            raise Wrong("mask-not-shifted", "token đã dịch một bước mà mask thì chưa: token đầu của câu trả lời không được tính, thay vào đó là token ngay sau câu", "the tokens are shifted by one and the mask is not: the answer's first token is lost, the one after the answer counted", got=got, wanted=wanted, read="logps")  # fmt: skip
        if close(got, ours(model, model, batch, beta)):
            raise Wrong("own-reference", "mô hình là tham chiếu của chính nó: delta luôn bằng 0", "the model is its own reference: delta is always 0", got=got, wanted=wanted)  # fmt: skip
    raise Wrong(
        "value-differs", "giá trị khác loss DPO của các cặp này", "not the DPO loss of these pairs", got=got, wanted=wanted
    )

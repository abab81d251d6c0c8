"""The start (B zero, A random), the value, and who gets a gradient."""

from random import Random

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close


def ours(x: Tensor, weight: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    return x @ weight.t() + alpha / a.shape[0] * (x @ a.t()) @ b.t()


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        rank, inputs, outputs = rng.randint(2, 5), rng.randint(6, 9), rng.randint(10, 13)
        value(mine, rank, inputs, outputs, float(rng.choice([17, 23, 32])))
        value(mine, rank, inputs, inputs, float(rng.choice([17, 23, 32])))
        start(mine, rank, inputs, outputs)


def start(mine: Mine, rank: int, inputs: int, outputs: int) -> None:
    a, b = mine.lora_init(inputs, outputs, rank)
    if list(a.shape) != [rank, inputs] or list(b.shape) != [outputs, rank]:
        vi, en = f"cần A [{rank}, {inputs}] và B [{outputs}, {rank}]", f"A must be [{rank}, {inputs}], B [{outputs}, {rank}]"
        raise Wrong("shape", vi, en, got=[list(a.shape), list(b.shape)])
    if not b.any() and not a.any():
        raise Wrong("both-zero", "A và B cùng bằng 0: gradient của A cần B, gradient của B cần A, nên cả hai bằng 0 mãi mãi", "A and B are both zero: A's gradient needs B and B's needs A, so both stay zero for ever", got=[a, b], read="start")  # fmt: skip
    if b.any() and a.any():
        raise Wrong("b-not-zero", "B A khác 0 ngay từ đầu: chưa học gì mà mô hình đã trả lời khác đi", "B A is not zero at the start: the model answers differently before it has learned anything", got=b, read="start")  # fmt: skip
    if b.any():
        vi, en = (
            "đảo vai: bài này theo LoRA gốc, B bằng 0 còn A ngẫu nhiên",
            "swapped: as in the LoRA paper, B is zero and A random",
        )
        raise Wrong("swapped-start", vi, en, got=[a, b], read="start")
    if torch.equal(a, mine.lora_init(inputs, outputs, rank)[0]) or close(a, a[:1].expand_as(a)):
        vi, en = (
            "A phải ngẫu nhiên: các hàng giống nhau thì học giống nhau, rank chỉ còn 1",
            "A must be random: equal rows learn the same, and the rank is 1",
        )
        raise Wrong("not-random", vi, en, got=a, read="start")
    if float(a.std()) > 3:
        raise Wrong(
            "too-large", "A lớn quá: giữ độ lệch chuẩn cỡ 1/√inputs", "A is too large: keep its deviation near 1/√inputs", got=a
        )


def value(mine: Mine, rank: int, inputs: int, outputs: int, alpha: float) -> None:
    x, weight = torch.randn(4, inputs), torch.randn(outputs, inputs, requires_grad=True)
    a, b = torch.randn(rank, inputs, requires_grad=True), torch.randn(outputs, rank, requires_grad=True)
    got, wanted = mine.lora_linear(x, weight, a, b, alpha), ours(x, weight, a, b, alpha)
    base, update = x @ weight.t(), (x @ a.t()) @ b.t()
    if not close(got, wanted):
        known = [
            ("alpha-forgotten", base + update, "thiếu hệ số alpha / r", "the factor alpha / r is missing"),
            ("rank-forgotten", base + alpha * update, f"nhân với alpha mà chưa chia cho r = {rank}", f"multiplied by alpha and not divided by r = {rank}"),
            ("wrong-rank", base + alpha / inputs * update, f"chia cho {inputs}, tức số đầu vào; r là số hàng của A: {rank}", f"divided by {inputs}, the inputs; r is the rows of A: {rank}"),
            ("rslora", base + alpha / rank**0.5 * update, "đây là alpha / √r của rsLoRA; bài này cần alpha / r", "this is rsLoRA's alpha / √r; this exercise wants alpha / r"),
            ("scaled-base", alpha / rank * (base + update), "hệ số nhân cả W x; chỉ nhân phần B A x", "the factor also multiplies W x; it belongs to B A x only"),
            ("base-forgotten", alpha / rank * update, "thiếu W x: LoRA cộng thêm vào tầng cũ, không thay nó", "W x is missing: LoRA adds to the old layer, it does not replace it"),
        ]  # fmt: skip
        if inputs == outputs:
            turned = alpha / rank * (x @ b) @ a
            known.append(
                (
                    "transposed",
                    base + turned,
                    "tích bị chuyển vị: (B A)ᵀ thay cho B A",
                    "the product is transposed: (B A)ᵀ for B A",
                )
            )
            known.append(("transposed-base", x @ weight + alpha / rank * update, "W bị chuyển vị: x @ W thay cho x @ Wᵀ", "W is transposed: x @ W for x @ Wᵀ"))  # fmt: skip
        for name, guess, vi, en in known:
            if close(got, guess):
                raise Wrong(name, vi, en, got=got, wanted=wanted, read="rank" if "rank" in name or "alpha" in name else "")
        raise Wrong(
            "value-differs",
            "giá trị khác W x + (alpha / r) B A x",
            "the value is not W x + (alpha / r) B A x",
            got=got,
            wanted=wanted,
        )
    need = torch.autograd.grad(wanted.square().sum(), (a, b))
    if not got.requires_grad:
        raise Wrong("gradient-cut", "kết quả không còn gradient: A và B sẽ không học được gì", "the result carries no gradient: A and B would learn nothing")  # fmt: skip
    *found, frozen = torch.autograd.grad(got.square().sum(), (a, b, weight), allow_unused=True)
    for name, one, other in zip("AB", found, need, strict=True):
        if one is None or not close(one, other, tolerance=1e-3):
            raise Wrong("gradient-differs", f"giá trị đúng nhưng gradient của {name} sai", f"the value is right, the gradient of {name} is not", got=one, wanted=other)  # fmt: skip
    if frozen is not None and frozen.any():
        raise Wrong("base-not-frozen", "W vẫn nhận gradient: phần gốc phải đóng băng, thêm .detach()", "W still gets a gradient: the base is frozen, add .detach()", got=frozen, read="lora")  # fmt: skip

"""Rows of random logits; temperature alone, each cut alone, then all together; wrong orders are computed and named."""

from collections.abc import Callable
from itertools import combinations
from random import Random
from typing import Any

import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close

Known = tuple[str, Tensor, str, str]
Case = tuple[tuple[Any, ...], list[Known]]


def ours(logits: Tensor, temperature: float = 1.0, top_p: float = 1.0, min_p: float = 0.0) -> Tensor:
    logits = logits.float()
    if temperature == 0:
        return torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    return cut((logits / temperature).softmax(dim=-1), top_p, min_p)


def cut(probabilities: Tensor, top_p: float, min_p: float, *, strict: bool = False) -> Tensor:
    """Both cuts, and proportions kept. `strict` is the mistake of leaving out the token that crosses the threshold."""
    ordered, places = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - (0 if strict else ordered)
    gone = torch.empty_like(before, dtype=torch.bool).scatter_(-1, places, before > top_p if strict else before >= top_p)
    gone |= probabilities < min_p * probabilities.amax(dim=-1, keepdim=True)
    kept = probabilities.masked_fill(gone, 0.0)
    return kept / kept.sum(dim=-1, keepdim=True)


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        compare(mine, *telling(heated, rng))
        greedy(mine, 2 * torch.randn(4, 30))
        for build in (nucleus, least_likely, order):
            compare(mine, *telling(build, rng))
    half = (3 * torch.randn(3, 50)).bfloat16()
    got = shaped(mine.token_probabilities(half, 0.7), half)
    if got.dtype != torch.float32 or not close(got, ours(half, 0.7), tolerance=1e-5):
        raise Wrong("half-precision", "tính ở bf16: đổi logits sang fp32 trước (.float())", "computed in bf16: turn logits to fp32 first (.float())", got=got[0], wanted=ours(half, 0.7)[0])  # fmt: skip


def telling(build: Callable[[Random], Case], rng: Random) -> Case:
    """A case in which no mistake gives the numbers of another, or the right ones: drawn again until that holds."""
    for _ in range(1000):
        arguments, known = build(rng)
        answers = [("", ours(*arguments)), *((name, guess) for name, guess, _, _ in known)]
        if not any(one != other and same(left, right) for (one, left), (other, right) in combinations(answers, 2)):
            return arguments, known
    raise AssertionError("no case tells the mistakes apart")


def same(got: Tensor, guess: Tensor) -> bool:
    return close(got.nan_to_num(-1.0), guess.nan_to_num(-1.0), tolerance=1e-5)  # both may cut a row to nothing


def drawn(rng: Random) -> Tensor:
    return 2 * torch.randn(rng.randint(3, 5), rng.randint(20, 40))


def heated(rng: Random) -> Case:
    """Temperature alone."""
    logits, heat = drawn(rng), rng.choice([0.5, 0.7, 1.6])
    flat = logits.softmax(dim=-1)
    known: list[Known] = [
        ("temperature-after-softmax", flat, "chia xác suất cho nhiệt độ rồi chuẩn hoá lại: không có gì đổi cả. Chia logits, trước softmax", "divides probabilities by the temperature: after normalising nothing has changed. Divide logits, before the softmax"),
        ("temperature-after-softmax", flat / heat, "chia xác suất cho nhiệt độ: tổng không còn là 1. Chia logits, trước softmax", "divides probabilities by the temperature: the sum is no longer 1. Divide logits, before the softmax"),
        ("temperature-after-softmax", cut(flat / heat, 1.0, 0.0), "chia xác suất cho nhiệt độ, sau softmax: tổng không còn là 1, và các phép cắt nhìn vào số sai. Chia logits, trước softmax", "divides probabilities by the temperature, after the softmax: the sum is no longer 1, and the cuts look at wrong numbers. Divide logits, before the softmax"),
        ("temperature-multiplied", (logits * heat).softmax(dim=-1), "nhân với nhiệt độ: nóng lên lại thành chắc chắn hơn", "multiplies by the temperature: hotter becomes more certain"),
        ("wrong-axis", (logits / heat).softmax(dim=0), "softmax theo chiều batch; phải theo từ vựng (dim=-1)", "softmax over the batch; it goes over the vocabulary (dim=-1)"),
        ("wrong-axis", cut((logits / heat).softmax(dim=0), 1.0, 0.0), "softmax theo chiều batch; phải theo từ vựng (dim=-1)", "softmax over the batch; it goes over the vocabulary (dim=-1)"),
        ("logits-returned", logits / heat, "đây vẫn là logits: thiếu softmax", "these still are logits: the softmax is missing"),
    ]  # fmt: skip
    return (logits, heat), known


def shaped(got: Any, logits: Tensor) -> Tensor:
    if not isinstance(got, Tensor) or got.shape != logits.shape:
        raise Wrong("shape", f"cần tensor {list(logits.shape)}: mỗi token của từ vựng một xác suất", f"a tensor {list(logits.shape)} is wanted: a probability for each token of the vocabulary", got=got)  # fmt: skip
    return got


def compare(mine: Mine, arguments: tuple[Any, ...], known: list[Known]) -> None:
    """One call against ours; the first known mistake that gives the same numbers is named."""
    got, wanted = shaped(mine.token_probabilities(*arguments), arguments[0]), ours(*arguments)
    if close(got, wanted, tolerance=1e-5):
        return
    for name, guess, vi, en in known:
        if same(got, guess):
            raise Wrong(name, vi, en, got=got[0], wanted=wanted[0])
    if got.isnan().any():
        raise Wrong("cut-to-nothing", "có hàng không còn token nào, 0 / 0 = nan: token dẫn đầu luôn phải ở lại", "a row has no token left, 0 / 0 = nan: the likeliest always stays", got=got[0], wanted=wanted[0])  # fmt: skip
    raise Wrong("values-differ", "xác suất sai", "the probabilities are wrong", got=got[0], wanted=wanted[0])


def greedy(mine: Mine, logits: Tensor) -> None:
    """Temperature 0, where a division has no answer."""
    got, wanted = shaped(mine.token_probabilities(logits, 0.0), logits), ours(logits, 0.0)
    if got.isnan().any() or got.isinf().any():
        raise Wrong("divides-by-zero", "nhiệt độ 0 thành phép chia cho 0; ở đây toàn bộ xác suất dồn vào token có logit lớn nhất", "temperature 0 becomes a division by 0; here all probability goes to the token of the largest logit", got=got[0], wanted=wanted[0])  # fmt: skip
    if not close(got, wanted):
        raise Wrong("zero-is-not-greedy", "nhiệt độ 0 phải dồn toàn bộ xác suất vào token có logit lớn nhất của từng hàng", "temperature 0 puts all probability on each row's largest logit", got=got[0], wanted=wanted[0])  # fmt: skip


def nucleus(rng: Random) -> Case:
    """Top-p alone."""
    logits, share = drawn(rng), rng.uniform(0.5, 0.9)
    flat = logits.softmax(dim=-1)
    ordered = flat.sort(dim=-1, descending=True).values
    before = ordered.cumsum(dim=-1) - ordered
    sorted_back = ordered.masked_fill(before >= share, 0.0)
    raw = cut(flat, share, 0.0)
    known: list[Known] = [
        ("crossing-token-cut", cut(flat, share, 0.0, strict=True), "cắt cả token vượt ngưỡng: phần còn lại chưa đủ top_p. Xét khối lượng đứng TRƯỚC mỗi token", "cuts the token that crosses the threshold too: what stays holds less than top_p. Look at the mass BEFORE each token"),
        ("crossing-token-cut", cut(flat, share, 0.0, strict=True).nan_to_num(0.0), "cắt cả token vượt ngưỡng; khi token đầu đã vượt thì chẳng còn gì", "cuts the token that crosses the threshold; where the first one does, nothing is left"),
        ("not-renormalised", flat.masked_fill(raw == 0, 0.0), "sau khi cắt, tổng chưa bằng 1: chia lại cho tổng", "after the cut the sum is not 1: divide by it"),
        ("still-sorted", sorted_back / sorted_back.sum(dim=-1, keepdim=True), "xác suất còn nằm theo thứ tự đã xếp: đưa về đúng chỗ của token (scatter)", "probabilities stand in sorted order: put them back to their tokens (scatter)"),
        ("probability-as-threshold", kept(flat, flat >= share), "so xác suất của từng token với top_p; top_p là tổng khối lượng được giữ", "compares each token's probability with top_p; it is the mass that stays"),
        ("probability-as-threshold", kept(flat, flat >= 1 - share), "so xác suất của từng token với 1 - top_p; top_p là tổng khối lượng được giữ", "compares each token's probability with 1 - top_p; it is the mass that stays"),
        ("least-likely-kept", smallest(flat, share), "xếp từ nhỏ đến lớn: giữ lại những token ít khả năng nhất", "sorted upwards: keeps the least likely tokens"),
        ("not-cut", flat, "top_p chưa cắt gì cả", "top_p has cut nothing"),
    ]  # fmt: skip
    return (logits, 1.0, share), known


def least_likely(rng: Random) -> Case:
    """Min-p alone."""
    logits, least = drawn(rng), rng.uniform(0.05, 0.2)
    flat = logits.softmax(dim=-1)
    known: list[Known] = [
        ("min-p-absolute", kept(flat, flat >= least), "so với min_p trần; ngưỡng là min_p nhân xác suất của token dẫn đầu", "compares with bare min_p; the threshold is min_p times the likeliest token's probability"),
        ("maximum-of-batch", kept(flat, flat >= least * flat.max()), "lấy token dẫn đầu của cả batch; mỗi hàng có token dẫn đầu riêng", "takes the likeliest token of the whole batch; each row has its own"),
        ("not-renormalised", flat.masked_fill(flat < least * flat.amax(dim=-1, keepdim=True), 0.0), "sau khi cắt, tổng chưa bằng 1: chia lại cho tổng", "after the cut the sum is not 1: divide by it"),
        ("min-p-of-logits", kept(flat, logits >= least * logits.amax(dim=-1, keepdim=True)), "so logits thay vì xác suất", "compares logits instead of probabilities"),
        ("not-cut", flat, "min_p chưa cắt gì cả", "min_p has cut nothing"),
    ]  # fmt: skip
    return (logits, 1.0, 1.0, least), known


def order(rng: Random) -> Case:
    """All three together: temperature comes first."""
    logits, heat = drawn(rng), rng.choice([0.5, 0.7, 1.6])
    share, least = rng.uniform(0.5, 0.9), rng.uniform(0.05, 0.2)
    warm = (logits / heat).softmax(dim=-1)
    flat = logits.softmax(dim=-1)
    late = kept(warm, cut(flat, share, least) > 0)
    known: list[Known] = [
        ("cut-before-temperature", late, "cắt theo xác suất lúc chưa có nhiệt độ; ở bài này nhiệt độ đi trước", "cuts by the probabilities before temperature; in this exercise temperature comes first"),
        ("cut-before-temperature", kept(warm, (cut(flat, share, 0.0) > 0) & (cut(warm, 1.0, least) > 0)), "top-p cắt theo xác suất lúc chưa có nhiệt độ", "top-p cuts by the probabilities before temperature"),
        ("cut-before-temperature", kept(warm, (cut(warm, share, 0.0) > 0) & (cut(flat, 1.0, least) > 0)), "min-p cắt theo xác suất lúc chưa có nhiệt độ", "min-p cuts by the probabilities before temperature"),
        ("one-is-enough", kept(warm, (cut(warm, share, 0.0) > 0) | (cut(warm, 1.0, least) > 0)), "giữ token khi một trong hai phép giữ nó; phải cả hai", "keeps a token that one of the cuts keeps; both must"),
        ("min-p-first", cut(cut(warm, 1.0, least), share, 0.0), "min-p cắt trước, rồi top-p nhìn phân phối đã chia lại; ở bài này cả hai nhìn cùng một phân phối", "min-p cuts first and top-p looks at what was normalised again; here both look at the same distribution"),
    ]  # fmt: skip
    return (logits, heat, share, least), known


def kept(probabilities: Tensor, stays: Tensor) -> Tensor:
    held = probabilities.masked_fill(~stays, 0.0)
    return held / held.sum(dim=-1, keepdim=True)


def smallest(probabilities: Tensor, share: float) -> Tensor:
    ordered, places = probabilities.sort(dim=-1)
    before = ordered.cumsum(dim=-1) - ordered
    stays = torch.empty_like(before, dtype=torch.bool).scatter_(-1, places, before < share)
    return kept(probabilities, stays)

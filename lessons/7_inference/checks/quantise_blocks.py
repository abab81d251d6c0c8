"""Matrices whose rows and blocks differ much in size; both ways; with 8 bits against the gguf package itself."""

from random import Random
from typing import Any

import gguf
import numpy as np
import torch
from torch import Tensor

from smolcourse.course.checking import Mine, Wrong, close


def check(mine: Mine, rng: Random) -> None:
    for bits, block in ((8, 32), (4, 32), (rng.choice([3, 5, 6]), rng.choice([16, 64]))):
        rows, columns = rng.choice([64, 128]), block * rng.choice([4, 6])
        weight = torch.randn(rows, columns) * torch.rand(rows, 1).add(0.2)
        blocks = weight.view(rows, -1, block)
        blocks *= torch.rand(rows, columns // block, 1).mul(3).exp()
        blocks[rng.randrange(rows), 1] = 0.0
        levels, scales = forward(mine, weight, bits, block)
        if bits == 8 and block == 32:
            as_gguf(levels, scales, weight)
        back(mine, weight, bits, block)


def ours(weight: Tensor, bits: int, block: int) -> tuple[Tensor, Tensor]:
    blocks = weight.view(len(weight), -1, block)
    scales = blocks.abs().amax(dim=2) / top(bits)
    return (blocks / scales.clamp(min=1e-30)[..., None]).round().view_as(weight).to(torch.int8), scales.half()


def top(bits: int) -> int:
    return int(2 ** (bits - 1) - 1)


def alike(got: Tensor, wanted: Tensor) -> bool:
    """Levels may differ by one where two ways to divide round to two sides."""
    apart = (got.int() - wanted.int()).abs()
    return int(apart.max()) <= 1 and float((apart > 0).float().mean()) < 0.002


def forward(mine: Mine, weight: Tensor, bits: int, block: int) -> tuple[Tensor, Tensor]:
    """Checks `quantise`; returns what it gave."""
    result = mine.quantise(weight, bits, block)
    if not isinstance(result, tuple) or len(result) != 2 or not all(isinstance(part, Tensor) for part in result):
        raise Wrong("not-two", "phải trả về (levels, scales)", "return (levels, scales)", got=result)
    levels, scales = result
    rows, columns = weight.shape
    wanted_levels, wanted = ours(weight, bits, block)
    if list(scales.shape) != [rows, columns // block]:
        per = {(): "scale-per-tensor", (1,): "scale-per-tensor", (1, 1): "scale-per-tensor"}.get(tuple(scales.shape))
        per = per or ("scale-per-row" if scales.numel() == rows else "shape")
        raise Wrong(per, f"cần một tỉ lệ cho mỗi khối: scales cỡ [{rows}, {columns // block}]", f"one scale a block is wanted: scales [{rows}, {columns // block}]", got=list(scales.shape))  # fmt: skip
    if list(levels.shape) != [rows, columns]:
        raise Wrong("shape", f"levels phải cỡ [{rows}, {columns}] như ma trận", f"levels are [{rows}, {columns}] like the matrix", got=list(levels.shape))  # fmt: skip
    if levels.dtype != torch.int8:
        raise Wrong("levels-not-int8", f"levels có dtype {levels.dtype}: chưa tiết kiệm được gì. Đổi sang int8", f"levels are {levels.dtype}: nothing is saved yet. Turn them to int8", got=levels[0])  # fmt: skip
    if scales.isnan().any() or scales.isinf().any():
        raise Wrong("divides-by-zero", "scales có nan hoặc vô cùng", "scales hold nan or infinity", got=scales[0])
    blocks = weight.view(rows, -1, block)
    one = float(blocks.abs().max()) / top(bits)
    guesses = [
        ("scale-per-tensor", torch.full_like(scales, one), "mọi khối chung một tỉ lệ: một con số lớn làm hỏng cả ma trận", "all blocks have one scale: a single large number spoils the whole matrix"),
        ("scale-per-row", blocks.abs().amax(dim=(1, 2)).div(top(bits))[:, None].expand_as(scales), "mọi khối trong một hàng chung một tỉ lệ", "all blocks of a row have one scale"),
        ("max-not-absmax", blocks.amax(dim=2) / top(bits), "lấy số lớn nhất, không phải độ lớn lớn nhất: khối có số âm lớn bị tràn", "takes the largest number, not the largest magnitude: a block with a large negative one overflows"),
        ("one-level-too-many", blocks.abs().amax(dim=2) / 2 ** (bits - 1), f"chia cho {2 ** (bits - 1)}: số lớn nhất thành mức {2 ** (bits - 1)}, không vừa {bits} bit. Chia cho {top(bits)}", f"divides by {2 ** (bits - 1)}: the largest becomes level {2 ** (bits - 1)}, which {bits} bits cannot hold. Divide by {top(bits)}"),
        ("all-levels-counted", blocks.abs().amax(dim=2) / (2**bits - 1), f"chia cho {2**bits - 1}, tức tổng số mức; nửa số mức dành cho số âm", f"divides by {2**bits - 1}, the number of all levels; half of them are negative"),
        ("mean-for-max", blocks.abs().mean(dim=2) / top(bits), "lấy trung bình độ lớn: những số lớn bị tràn", "takes the mean magnitude: large numbers overflow"),
        ("inverse-scale", top(bits) / blocks.abs().amax(dim=2), "đây là nghịch đảo của tỉ lệ", "this is one over the scale"),
        ("eight-bits-always", blocks.abs().amax(dim=2) / 127, f"chia cho 127 dù bits = {bits}", f"divides by 127 although bits = {bits}"),
    ]  # fmt: skip
    full = wanted.float() != 0
    if not close(scales.float()[full], wanted.float()[full], tolerance=2e-3):
        for name, guess, vi, en in guesses:
            if close(scales.float()[full], guess.half().float()[full], tolerance=2e-3):
                raise Wrong(name, vi, en, got=scales[0], wanted=wanted[0])
        raise Wrong("scales-differ", "scales sai", "the scales are wrong", got=scales[0], wanted=wanted[0])
    if scales.dtype != torch.float16:
        raise Wrong("scale-not-fp16", f"scales có dtype {scales.dtype}; Q8_0 cất chúng ở fp16: 16 bit cho mỗi khối", f"scales are {scales.dtype}; Q8_0 keeps them in fp16: 16 bits a block", got=scales[0])  # fmt: skip
    if not alike(levels, wanted_levels):
        exact = blocks / (blocks.abs().amax(dim=2) / top(bits)).clamp(min=1e-30)[..., None]
        known = [
            ("truncated", exact.trunc(), "cắt phần lẻ thay vì làm tròn: sai số gấp đôi, và lệch về 0", "cuts the fraction off instead of rounding: twice the error, and towards 0"),
            ("truncated", exact.floor(), "làm tròn xuống thay vì đến số gần nhất", "rounds down instead of to the nearest"),
            ("not-divided", blocks.round().clamp(-128, 127), "làm tròn thẳng trọng số, chưa chia cho tỉ lệ", "rounds the weights themselves, not divided by the scale"),
        ]  # fmt: skip
        for name, guess, vi, en in known:
            if alike(levels, guess.view_as(weight).to(torch.int8)):
                raise Wrong(name, vi, en, got=levels[0], wanted=wanted_levels[0])
        raise Wrong("levels-differ", "scales đúng nhưng levels sai", "the scales are right, the levels are not", got=levels[0], wanted=wanted_levels[0])  # fmt: skip
    return levels, scales


def as_gguf(levels: Tensor, scales: Tensor, weight: Tensor) -> None:
    """What llama.cpp's own package writes: 2 bytes of scale, 32 of levels."""
    raw = gguf.quants.quantize(weight.numpy(), gguf.GGMLQuantizationType.Q8_0).reshape(-1, 34)
    their_scales = torch.from_numpy(raw[:, :2].copy().view(np.float16).reshape(scales.shape))
    their_levels = torch.from_numpy(raw[:, 2:].copy().view(np.int8).reshape(weight.shape))
    if not close(scales.float(), their_scales.float(), tolerance=2e-3) or not alike(levels, their_levels):
        raise Wrong("not-q8-0", "khác với Q8_0 do gói gguf ghi ra", "differs from the Q8_0 that the gguf package writes", got=levels[0], wanted=their_levels[0])  # fmt: skip


def back(mine: Mine, weight: Tensor, bits: int, block: int) -> None:
    """Checks `dequantise` on our levels and scales."""
    levels, scales = ours(weight, bits, block)
    got: Any = mine.dequantise(levels, scales)
    rows = len(levels)
    wanted = (levels.float().view(rows, -1, block) * scales.float()[..., None]).view_as(weight)
    if not isinstance(got, Tensor) or got.shape != wanted.shape:
        raise Wrong("shape", f"cần tensor {list(wanted.shape)}", f"a tensor {list(wanted.shape)} is wanted", got=got)
    if got.isnan().any():
        raise Wrong("divides-by-zero", "khối toàn 0 mở ra thành nan", "a block of zeros comes back as nan", got=got[0])
    if not close(got.float(), wanted, tolerance=1e-6):
        repeated = levels.float() * scales.float().repeat(1, block)
        known = [
            ("scale-forgotten", levels.float(), "chưa nhân với tỉ lệ", "not multiplied by the scale"),
            ("blocks-interleaved", repeated, "repeat lặp cả hàng tỉ lệ: khối k nhận nhầm tỉ lệ của khối khác. Dùng repeat_interleave, hoặc view thành khối", "repeat repeats the whole row of scales: numbers get other blocks' scales. Use repeat_interleave, or view as blocks"),
            ("first-scale-only", levels.float() * scales.float()[:, :1], "mọi khối dùng tỉ lệ của khối đầu", "all blocks use the first one's scale"),
            ("divided", (levels.float().view(rows, -1, block) / scales.float().clamp(min=1e-30)[..., None]).view_as(weight), "chia cho tỉ lệ; lúc mở ra phải nhân", "divides by the scale; on the way back it multiplies"),
        ]  # fmt: skip
        for name, guess, vi, en in known:
            if close(got.float(), guess, tolerance=1e-4):
                raise Wrong(name, vi, en, got=got[0], wanted=wanted[0])
        if close(got.float(), wanted, tolerance=2e-3):
            raise Wrong("half-precision", "nhân ở fp16: đổi cả hai sang fp32 trước", "multiplied in fp16: turn both to fp32 first", got=got[0], wanted=wanted[0])  # fmt: skip
        raise Wrong("weights-differ", "trọng số mở ra sai", "the weights that come back are wrong", got=got[0], wanted=wanted[0])
    if got.dtype != torch.float32:
        raise Wrong("half-precision", f"kết quả ở {got.dtype}; cần fp32", f"the result is {got.dtype}; fp32 is wanted", got=got[0])  # fmt: skip

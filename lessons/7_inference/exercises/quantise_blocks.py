# vi 🐕 quantise_blocks: nén một ma trận thành số nguyên, mỗi khối một tỉ lệ, rồi mở ra.
# vi Viết hai hàm bên dưới rồi chạy: smol check quantise_blocks
# vi Bài học: smol learn 7 quantise      Gợi ý: smol hint quantise_blocks
# en 🐕 quantise_blocks: a matrix as whole numbers with a scale for each block, and back.
# en Write the two functions below, then run: smol check quantise_blocks
# en Lesson: smol learn 7 quantise      Hint: smol hint quantise_blocks

import torch
from torch import Tensor


def quantise(weight: Tensor, bits: int = 8, block: int = 32) -> tuple[Tensor, Tensor]:
    """Absmax quantisation in blocks; with 8 bits and blocks of 32 it is GGUF's Q8_0.

    Each run of `block` neighbours in a row shares one scale: its largest magnitude over the largest level, which is
    2^(bits - 1) - 1. A level is the weight over the scale (still in fp32), rounded to the nearest whole number. Only then is
    the scale rounded to fp16. A block of zeros gives zeros.

    Args:
        weight: [rows, columns], fp32; columns are a multiple of `block`.
        bits: 2 to 8.

    Returns:
        levels [rows, columns] in int8, scales [rows, columns / block] in fp16.
    """
    # TODO
    raise NotImplementedError


def dequantise(levels: Tensor, scales: Tensor) -> Tensor:
    """The weights again, [rows, columns] in fp32: each level times the scale of its block.

    Args:
        levels: [rows, columns], int8.
        scales: [rows, blocks], fp16.
    """
    # TODO
    raise NotImplementedError

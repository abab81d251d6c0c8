from torch import Tensor
from torch.nn import functional


def patchify(pixels: Tensor, patch: int) -> Tensor:
    return functional.unfold(pixels, patch, stride=patch).transpose(1, 2)

from torch import Tensor


def patchify(pixels: Tensor, patch: int) -> Tensor:
    images, colours, height, width = pixels.shape
    return pixels.reshape(images, (height // patch) * (width // patch), colours * patch * patch)

from torch import Tensor


def patchify(pixels: Tensor, patch: int) -> Tensor:
    images, colours, height, width = pixels.shape
    squares = pixels.reshape(images, colours, height // patch, patch, width // patch, patch).permute(0, 2, 4, 1, 3, 5)
    return squares.reshape(images, height // patch, width // patch, colours * patch * patch)

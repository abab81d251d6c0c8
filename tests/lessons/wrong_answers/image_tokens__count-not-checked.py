IMAGE = "<image>"


def tokens_per_tile(image_size: int, patch_size: int, shuffle: int) -> int:
    return (image_size // patch_size // shuffle) ** 2


def expand(text: str, tiles: list[int], per_tile: int) -> str:
    parts = text.split(IMAGE)
    placed = [part + IMAGE * (count * per_tile) for part, count in zip(parts, tiles, strict=False)]
    return "".join(placed) + parts[-1]

IMAGE = "<image>"


def tokens_per_tile(image_size: int, patch_size: int, shuffle: int) -> int:
    return (image_size // patch_size // shuffle) ** 2


def expand(text: str, tiles: list[int], per_tile: int) -> str:
    parts = text.split(IMAGE)
    if len(parts) != len(tiles) + 1:
        raise ValueError(f"{len(parts) - 1} places for {len(tiles)} pictures")
    placed = [part + IMAGE * count for part, count in zip(parts, tiles, strict=False)]
    return "".join(placed) + parts[-1]

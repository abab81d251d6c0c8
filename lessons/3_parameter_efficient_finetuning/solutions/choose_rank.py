"""One unit of rank costs 16 bytes for each row and column of each matrix; divide, round down, stop at the smallest side."""


def choose_rank(shapes: list[tuple[int, int]], budget: int) -> int:
    bytes_per_rank = 16 * sum(inputs + outputs for inputs, outputs in shapes)
    return min(budget // bytes_per_rank, min(min(shape) for shape in shapes))

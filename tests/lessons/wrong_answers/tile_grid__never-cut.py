import math


def grid(width: int, height: int, side: int, max_tiles: int) -> tuple[int, int]:
    wanted = min(max_tiles, max(1, round(width * height / side**2)))
    grids = [(columns, rows) for columns in range(1, wanted + 1) for rows in range(1, wanted // columns + 1)]
    return 1, 1
    return min(grids, key=lambda one: (abs(math.log(one[0] / one[1] / (width / height))), -one[0] * one[1]))

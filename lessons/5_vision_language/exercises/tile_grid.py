# vi 🐕 tile_grid: cắt ảnh lớn thành mấy cột, mấy hàng.
# vi Viết hàm bên dưới rồi chạy: smol check tile_grid
# vi Bài học: smol learn 5 tiling      Gợi ý: smol hint tile_grid
# en 🐕 tile_grid: a large picture in how many columns and rows.
# en Write the function below, then run: smol check tile_grid
# en Lesson: smol learn 5 tiling      Hint: smol hint tile_grid


def grid(width: int, height: int, side: int, max_tiles: int) -> tuple[int, int]:
    """Columns and rows of tiles that a picture is cut into.

    A picture is worth as many tiles as it has pixels for, `round(width * height / side**2)`, but at least one and at most
    `max_tiles`. Of all grids of at most so many tiles, take the one whose shape, columns / rows, is nearest to the picture's,
    width / height, on a scale on which twice as wide and twice as high are equally far from square. Of grids that are equally
    near, take the one of the most tiles.

    Args:
        width, height: pixels of the picture.
        side: pixels of a tile's side.
        max_tiles: columns * rows at most.
    """
    # TODO
    raise NotImplementedError

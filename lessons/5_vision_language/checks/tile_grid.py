"""Many pictures, wide and high, small and large; what each other rule would give is computed."""

import math
from collections.abc import Callable
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, apart
from smolcourse.vision.pixels import grid

SAID = {
    "rows-first": ("trả về (hàng, cột): phải là (cột, hàng); ảnh ngang bị cắt như ảnh dọc", "returns (rows, columns); it is (columns, rows): a wide picture is cut like a high one"),
    "small-cut-up": ("ảnh nhỏ cũng bị cắt đến max_tiles: phóng to không làm nó có thêm gì để xem, chỉ tốn token", "small pictures are cut into max_tiles too: enlarging shows nothing new and costs tokens"),
    "always-the-most": ("luôn lấy nhiều tile nhất; hình dạng quyết định trước, số tile chỉ phân xử khi bằng nhau", "takes the most tiles, always; the shape decides first, the number only among equals"),
    "fewest-of-equals": ("khi nhiều lưới gần bằng nhau thì lấy lưới ít tile nhất; phải lấy lưới giữ lại nhiều pixel nhất", "takes the fewest tiles of grids that are equally near; the most keep the most pixels"),
    "difference-of-ratios": ("so hiệu của hai tỉ lệ: 4 và 2 cách nhau 2, còn 1/4 và 1/2 chỉ cách 1/4; so logarit thì ngang và dọc như nhau", "compares the difference of ratios: 4 and 2 are 2 apart, 1/4 and 1/2 only a quarter; logarithms treat wide and high alike"),
    "rounded-up": ("số tile được làm tròn lên; phải là round", "the number of tiles is rounded up; it is rounded"),
    "never-cut": ("không ảnh nào được cắt", "no picture is cut"),
    "too-many": ("columns * rows vượt quá max_tiles", "columns * rows is more than max_tiles"),
    "differs": ("lưới không khớp", "the grid differs"),
}  # fmt: skip

Picture = tuple[int, int, int, int]


def check(mine: Mine, rng: Random) -> None:
    pictures = apart(lambda: draw(rng), lambda given: {name: every(rule, given) for name, rule in RULES.items()})
    got: list[Any] = []
    for width, height, side, most in pictures:
        found = mine.grid(width, height, side, most)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise Wrong("not-a-pair", "phải trả về (cột, hàng)", "return (columns, rows)", got=found)
        got.append(tuple(found))
    if got == every(RULES["right"], pictures):
        return
    answers = {name: every(rule, pictures) for name, rule in RULES.items()}
    name = next((name for name in answers if got == answers[name]), "differs")
    if name == "differs" and any(one[0] * one[1] > most for one, (*_, most) in zip(got, pictures, strict=True)):
        name = "too-many"
    wrong = next(place for place, (a, b) in enumerate(zip(got, answers["right"], strict=True)) if a != b)
    mine.grid(*pictures[wrong])  # so that the call shown is one that goes wrong
    raise Wrong(name, *SAID[name], got=got[wrong], wanted=answers["right"][wrong], constant=name == "never-cut")


def draw(rng: Random) -> list[Picture]:
    """Pictures of all shapes and sizes."""
    found = []
    for _ in range(40):
        side, most = rng.choice([112, 224, 336]), rng.choice([1, 4, 6, 9, 12])
        area, shape = side * side * rng.uniform(0.3, 1.6 * most), math.exp(rng.uniform(-1.5, 1.5))
        if rng.random() < 0.3:
            shape = rng.choice([0.5, 1.0, 2.0])
        found.append((max(8, round(math.sqrt(area * shape))), max(8, round(math.sqrt(area / shape))), side, most))
        if shape == 1.0:
            found[-1] = (found[-1][0], found[-1][0], side, most)
    return found


def every(rule: Callable[[int, int, int, int], tuple[int, int]], pictures: list[Picture]) -> list[tuple[int, int]]:
    return [rule(*picture) for picture in pictures]


def chosen(wanted: int, key: Callable[[int, int], Any]) -> tuple[int, int]:
    """The grid of at most so many tiles with the smallest key."""
    grids = [(columns, rows) for columns in range(1, wanted + 1) for rows in range(1, wanted // columns + 1)]
    return min(grids, key=lambda one: key(*one))


def worth(width: int, height: int, side: int, most: int) -> int:
    return min(most, max(1, round(width * height / side**2)))


def off(columns: int, rows: int, width: int, height: int) -> float:
    return abs(math.log(columns / rows / (width / height)))


RULES: dict[str, Callable[[int, int, int, int], tuple[int, int]]] = {
    "right": grid,
    "rows-first": lambda w, h, s, m: grid(w, h, s, m)[::-1],
    "small-cut-up": lambda w, h, s, m: chosen(m, lambda c, r: (off(c, r, w, h), -c * r)),
    "always-the-most": lambda w, h, s, m: chosen(worth(w, h, s, m), lambda c, r: (-c * r, off(c, r, w, h))),
    "fewest-of-equals": lambda w, h, s, m: chosen(worth(w, h, s, m), lambda c, r: (off(c, r, w, h), c * r)),
    "difference-of-ratios": lambda w, h, s, m: chosen(worth(w, h, s, m), lambda c, r: (abs(c / r - w / h), -c * r)),
    "rounded-up": lambda w, h, s, m: chosen(min(m, math.ceil(w * h / s**2)), lambda c, r: (off(c, r, w, h), -c * r)),
    "too-many": lambda w, h, s, m: chosen(max(1, round(w * h / s**2)), lambda c, r: (off(c, r, w, h), -c * r)),
    "never-cut": lambda w, h, s, m: (1, 1),
}


def drive(mine: Any) -> dict[str, Any]:
    """Every picture of the run is cut by it."""
    return {"smolcourse.vision.pixels:grid": mine.grid}

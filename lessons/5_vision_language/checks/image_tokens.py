"""Random encoders and texts with several pictures, against our processor."""

from random import Random
from types import SimpleNamespace
from typing import Any

from smolcourse.course.checking import Mine, Wrong, apart, blame
from smolcourse.vision.processor import VlmProcessor

IMAGE = "<image>"
COUNT = {
    "patches-not-tokens": ("đây là số patch; pixel shuffle còn ghép chúng lại", "these are patches; the pixel shuffle joins them"),
    "divided-once": ("pixel shuffle ghép theo cả hai chiều: số patch chia cho bình phương của shuffle", "the shuffle joins both ways: patches are divided by its square"),
    "class-token-counted": ("thừa một: class token của bộ mã hoá không đi vào mô hình ngôn ngữ", "one too many: the encoder's class token does not go to the language model"),
    "one-side": ("đây là số token một cạnh; một tile là hình vuông", "these are the tokens of one side; a tile is a square"),
    "differs": ("số token sai", "the number of tokens is wrong"),
}  # fmt: skip
PLACES = {
    "grows-where-it-grew": ("thay dấu đầu tiên rồi lại tìm dấu đầu tiên: ảnh sau nở ra ngay trong phần của ảnh trước, tổng số thì vẫn đúng", "replaces the first mark, then looks for the first mark again: the next picture grows inside the one before, and the total is still right"),
    "one-tile-each": ("ảnh nào cũng tính một tile; ảnh được cắt thì có nhiều tile hơn", "every picture counts as one tile; one that was cut has more"),
    "tiles-not-tokens": ("mỗi tile một placeholder; một tile có nhiều token", "one placeholder a tile; a tile takes several tokens"),
    "first-for-all": ("ảnh nào cũng lấy số tile của ảnh đầu", "every picture takes the first one's tiles"),
    "order-reversed": ("các ảnh bị đảo thứ tự", "the pictures are in reverse order"),
    "mark-kept": ("thừa một placeholder mỗi ảnh: dấu cũ còn lại bên cạnh những cái mới", "one placeholder too many for each picture: the old mark stays beside the new ones"),
    "differs": ("văn bản sai", "the text is wrong"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        size = apart(lambda: draw_size(rng), counts)
        blame(mine.tokens_per_tile(*size), counts(size), COUNT)
    for pictures in (2, 3):
        given = apart(lambda: draw_text(rng, pictures), texts)  # noqa: B023
        blame(mine.expand(*given), texts(given), PLACES)
    plain = "một ly trà đào"
    blame(mine.expand(plain, [], 4), {"right": plain}, PLACES)
    for tiles, vi, en in (([1, 2, 1], "thừa một ảnh", "one picture too many"), ([1], "thiếu một ảnh", "one picture missing")):
        try:
            got = mine.expand(f"{IMAGE}và{IMAGE}?", tiles, 4)
        except ValueError:
            continue
        raise Wrong("count-not-checked", f"{vi} mà không báo: từ chỗ đó trở đi, chữ của ảnh này đứng cạnh hình của ảnh kia", f"{en}, and nothing is said: from there on one picture's words stand beside another's", got=got)  # fmt: skip


def draw_size(rng: Random) -> tuple[int, int, int]:
    patch, shuffle = rng.choice([8, 14, 16]), rng.choice([2, 3, 4])
    return patch * shuffle * rng.randint(3, 9), patch, shuffle


def counts(given: tuple[int, int, int]) -> dict[str, int]:
    size, patch, shuffle = given
    return {
        "right": (size // patch // shuffle) ** 2,
        "patches-not-tokens": (size // patch) ** 2,
        "divided-once": (size // patch) ** 2 // shuffle,
        "class-token-counted": (size // patch // shuffle) ** 2 + 1,
        "one-side": size // patch // shuffle,
    }


def draw_text(rng: Random, pictures: int) -> tuple[str, list[int], int]:
    tiles = rng.sample(range(1, 6), pictures)
    words = [f"ảnh {number}: {IMAGE} {rng.choice(['đây', 'đó', 'kia'])}\n" for number in range(pictures)]
    return "<|im_start|>user\n" + "".join(words) + "Ly nào đầy hơn?<|im_end|>\n", tiles, rng.randint(2, 5)


def texts(given: tuple[str, list[int], int]) -> dict[str, str]:
    text, tiles, per_tile = given

    def grown(*counts: int) -> str:
        found = text
        for count in counts:
            found = found.replace(IMAGE, IMAGE * count, 1)
        return found

    def placed(*counts: int) -> str:
        ours: Any = SimpleNamespace(image_token=IMAGE, placeholders=lambda count: IMAGE * count)
        return VlmProcessor.expand(ours, text, counts)

    return {
        "right": placed(*(count * per_tile for count in tiles)),
        "grows-where-it-grew": grown(*(count * per_tile for count in tiles)),
        "one-tile-each": placed(*(per_tile for _ in tiles)),
        "tiles-not-tokens": placed(*tiles),
        "first-for-all": placed(*(tiles[0] * per_tile for _ in tiles)),
        "order-reversed": placed(*(count * per_tile for count in reversed(tiles))),
        "mark-kept": placed(*(count * per_tile + 1 for count in tiles)),
    }

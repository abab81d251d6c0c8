# vi 🐢 image_tokens: một bức ảnh chiếm bao nhiêu token trong văn bản.
# vi Viết hai hàm bên dưới rồi chạy: smol check image_tokens
# vi Bài học: smol learn 5 tokens      Gợi ý: smol hint image_tokens
# en 🐢 image_tokens: how many tokens of the text a picture takes.
# en Write both functions below, then run: smol check image_tokens
# en Lesson: smol learn 5 tokens      Hint: smol hint image_tokens

IMAGE = "<image>"


def tokens_per_tile(image_size: int, patch_size: int, shuffle: int) -> int:
    """Tokens that one tile takes behind the pixel shuffle.

    Args:
        image_size: pixels of a tile's side, a multiple of `patch_size` * `shuffle`.
        patch_size: pixels of a patch's side.
        shuffle: so many patches a side become one token.
    """
    # TODO
    raise NotImplementedError


def expand(text: str, tiles: list[int], per_tile: int) -> str:
    """Puts as many placeholders for each `<image>` of a text as its picture takes.

    Args:
        text: what the chat template wrote, one `<image>` a picture.
        tiles: of each picture, in their order.
        per_tile: tokens that a tile takes.

    Raises:
        ValueError: there are more pictures than places in the text, or fewer.
    """
    # TODO
    raise NotImplementedError

# vi 🐕 stop_stream: phát chữ ra sớm nhất có thể, nhưng không để lọt một mẩu nào của chuỗi dừng.
# vi Viết hàm release bên dưới rồi chạy: smol check stop_stream
# vi Bài học: smol learn 7 stream      Gợi ý: smol hint stop_stream
# en 🐕 stop_stream: text goes out as early as can be, and not a bit of a stop sequence with it.
# en Write the function release below, then run: smol check stop_stream
# en Lesson: smol learn 7 stream      Hint: smol hint stop_stream

from collections.abc import Iterable, Iterator


def release(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    """What of the bytes that came may go to the client now, and what must wait.

    Args:
        held: UTF-8, all that has come and not gone out; its last letter may be there in part.
        stops: texts that end the answer, none of them empty; maybe none at all.

    Returns:
        text: what goes out: everything before the earliest stop sequence; without one, as much as cannot be part of one.
        rest: the bytes that wait: an end of `held` that may be the beginning of a stop sequence, or of a letter. Empty once
            a stop sequence has come.
        stopped: whether a stop sequence has come.
    """
    # TODO
    raise NotImplementedError


def stream(pieces: Iterable[bytes], stops: list[str]) -> Iterator[str]:
    """How a server uses it: pieces are the bytes of one token each, and asking for the next one computes it."""
    held = b""
    for piece in pieces:
        text, held, stopped = release(held + piece, stops)
        if text:
            yield text
        if stopped:
            return
    if held:
        yield held.decode("utf-8", errors="replace")


if __name__ == "__main__":
    spoken = "1 trà đào ít đá\n\nKhách: thêm 1 ly nữa".encode()
    for part in stream((spoken[at : at + 3] for at in range(0, len(spoken), 3)), ["\n\nKhách:"]):
        print(repr(part))

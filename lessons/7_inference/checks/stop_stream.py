"""Vietnamese texts cut into bytes at any place, with stop sequences that are begun and not finished."""

import codecs
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong

WORDS = ("trà đào", "ít đá", "size L", "đường", "cà phê", "sữa", "một ly", "🧋", "nữa", "ạ")
STOPS = (["\n\nKhách:"], ["###", "\n\n"], ["Đơn:", "đủ rồi"], ["</trả_lời>", "<|im_end|>"], ["aab"], [])


def check(mine: Mine, rng: Random) -> None:
    for stops in STOPS:
        for _ in range(6):
            case(mine, text(rng, stops), list(stops), rng)
    case(mine, "aaab rồi", ["aab"], rng)
    two(mine, rng)


def text(rng: Random, stops: list[str]) -> str:
    """Words, beginnings of stops that come to nothing, and mostly a whole one near the end."""
    parts = [str(rng.randint(1, 9))]
    for _ in range(rng.randint(4, 8)):
        parts.append(rng.choice(WORDS))
        if stops and rng.random() < 0.6:
            stop = rng.choice(stops)
            parts.append(stop[: rng.randint(1, len(stop) - 1)])
    if stops and rng.random() < 0.7:
        parts += [rng.choice(stops), rng.choice(WORDS)]
    return " ".join(parts)


def ours(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    ends = [stop.encode() for stop in stops]
    found = [place for place in (held.find(end) for end in ends) if place >= 0]
    if found:
        return held[: min(found)].decode("utf-8", "replace"), b"", True
    waiting = max((size for end in ends for size in range(len(end)) if held.endswith(end[:size])), default=0)
    said, unfinished = whole_letters(held[: len(held) - waiting])
    return said, unfinished + held[len(held) - waiting :], False


def whole_letters(data: bytes) -> tuple[str, bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    said = decoder.decode(data)
    return said, decoder.getstate()[0]


def by_letters(held: bytes, stops: list[str]) -> tuple[str, bytes, bool]:
    """As careful as ours, but it holds a little more where a letter is unfinished; right too."""
    said, _ = whole_letters(held)
    waiting = max((size for stop in stops for size in range(len(stop)) if said.endswith(stop[:size])), default=0)
    kept = said[: len(said) - waiting]
    return kept, held[len(kept.encode()) :], False


def case(mine: Mine, spoken: str, stops: list[str], rng: Random) -> None:
    """One answer, byte by byte, in pieces of some bytes, and all at once."""
    data = spoken.encode()
    for most in (1, 3, 7, len(data)):
        held, at = b"", 0
        while at < len(data):
            step = rng.randint(1, most) if most < len(data) else most
            held, at = held + data[at : at + step], at + step
            wanted = ours(held, stops)
            got = mine.release(held, list(stops))
            compare(got, wanted, held, stops)
            held = wanted[1]
            if wanted[2]:
                return


def two(mine: Mine, rng: Random) -> None:
    """Two stops in one piece, the one that is listed later standing earlier; and a stop with text behind it."""
    first, second = rng.sample(["XONG", "HẾT", "STOP"], 2)
    held = f"ít đá {second} thêm {first} nữa".encode()
    compare(mine.release(held, [first, second]), ours(held, [first, second]), held, [first, second])


def compare(got: Any, wanted: tuple[str, bytes, bool], held: bytes, stops: list[str]) -> None:
    """Raises the misconception that a wrong step shows."""
    if got == wanted:
        return
    if not isinstance(got, tuple) or len(got) != 3:
        raise Wrong("not-three", "phải trả về (text, rest, stopped)", "return (text, rest, stopped)", got=got)
    said, rest, stopped = got
    if not isinstance(said, str) or not isinstance(rest, bytes):
        raise Wrong("wrong-types", "text là str, rest là bytes", "text is str, rest is bytes", got=got)
    shown = {"got": got, "wanted": wanted}
    right, keep, end = wanted
    if end and not stopped:
        raise Wrong("stop-missed", "chuỗi dừng đã có trọn vẹn mà chưa dừng (nó không nhất thiết nằm ở cuối: một mẩu có thể chứa cả phần sau nó)", "a whole stop sequence is there and nothing stops (it need not be at the end: a piece may hold what follows too)", **shown)  # fmt: skip
    if stopped and not end:
        raise Wrong("stopped-too-early", "dừng khi chưa có chuỗi dừng nào trọn vẹn", "stops although no stop sequence is whole", **shown)  # fmt: skip
    if end:
        places = {stop: held.find(stop.encode()) for stop in stops if stop.encode() in held}
        if any(said == held[: place + len(stop.encode())].decode("utf-8", "replace") for stop, place in places.items()):
            raise Wrong("stop-shown", "chuỗi dừng cũng bị phát ra; nó không thuộc câu trả lời", "the stop sequence goes out too; it is no part of the answer", **shown)  # fmt: skip
        if any(said == held[:place].decode("utf-8", "replace") for stop, place in places.items()):
            raise Wrong("listed-before-earliest", "dừng ở chuỗi đứng đầu danh sách; phải dừng ở chuỗi xuất hiện sớm nhất trong văn bản", "stops at the one that is listed first; it is the one that comes earliest in the text", **shown)  # fmt: skip
        if said == right:
            raise Wrong("rest-after-stop", "đã dừng thì không giữ lại gì nữa: rest phải rỗng", "once stopped nothing waits: rest must be empty", **shown)  # fmt: skip
        raise Wrong("text-differs", "văn bản trước chuỗi dừng sai", "the text before the stop sequence is wrong", **shown)
    if "\N{REPLACEMENT CHARACTER}" in said and "\N{REPLACEMENT CHARACTER}" not in right:
        raise Wrong("letter-cut", "phát ra � vì một chữ mới đến một nửa (chữ có dấu dài 2-3 byte): chờ đủ byte rồi mới giải mã", "� goes out because half a letter has come (an accented one has 2 or 3 bytes): wait for all of it", **shown)  # fmt: skip
    if said.encode() + rest != held:
        raise Wrong("bytes-lost", "text và rest gộp lại phải đúng bằng held: có byte bị mất hoặc thêm vào", "text and rest together must be held: bytes were lost or added", **shown)  # fmt: skip
    if len(said) > len(right):
        leaked = said[len(right) :]
        raise Wrong("stop-leaked-in-part", f"đã phát {leaked!r}, nhưng đó có thể là phần đầu của chuỗi dừng: phải giữ lại cho đến khi rõ", f"{leaked!r} went out, but it may begin a stop sequence: hold it until that is clear", **shown)  # fmt: skip
    if got == by_letters(held, stops):
        return
    raise Wrong("holds-too-much", f"giữ lại {rest!r}, nhưng chỉ {keep!r} còn có thể thuộc chuỗi dừng hoặc một chữ dở dang: người đọc phải chờ vô ích", f"holds {rest!r}, but only {keep!r} may still belong to a stop sequence or a letter: the reader waits in vain", **shown)  # fmt: skip

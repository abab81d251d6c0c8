"""Rewritings of every kind, each of which only one mistake takes otherwise; and a model that fails in a round we know."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong

LEAKS = ("yêu cầu mới", "yêu cầu gốc", "new request", "original request", "rewritten")
NEW, LEAK, LONG = "nothing new", "speaks of the rewriting", "too long"


def check(mine: Mine, rng: Random) -> None:
    topic = rng.choice(["nấu phở", "pha trà sữa", "trồng hoa sen", "tập chạy bộ"])
    before = f"Viết {rng.randint(2, 9)} lời khuyên về cách {topic}"
    given = cases(before, rng)
    found = [mine.failed(text, start) for text, start, *_ in given]
    for got, (text, start, wanted, name, vi, en) in zip(found, given, strict=True):
        if got == wanted:
            continue
        mine.failed(text, start)  # the call that is shown
        if got not in ("", NEW, LEAK, LONG):
            raise Wrong("no-such-reason", f"phải trả về một trong: \"\", {NEW!r}, {LEAK!r}, {LONG!r}", f"return one of: \"\", {NEW!r}, {LEAK!r}, {LONG!r}", got=got)  # fmt: skip
        raise Wrong(name, vi, en, got=got, wanted=wanted)
    rounds(mine, before, rng)


def cases(before: str, rng: Random) -> list[tuple[str, str, str, str, str, str]]:
    """(text, before, reason, and what it means to say something else)."""
    good = f"{before} cho người mới bắt đầu, không tốn quá {rng.randint(2, 9)} giờ"
    leak = rng.choice(LEAKS)
    spoken = f"Giải thích cụm từ “{leak}” trong tiếng Anh và tiếng Việt"
    words, limit = rng.choice(["và", "rồi"]), 3 * len(before.split()) + 60
    fitting = " ".join([*before.split(), *[words] * (limit - len(before.split()))])
    return [
        (good, before, "", "good-dropped", "một bản viết lại tốt bị loại", "a good rewriting is dropped"),
        ("", before, NEW, "empty-kept", "mô hình không viết gì cả mà vẫn được giữ", "nothing was written, and it is kept"),
        (before, before, NEW, "copy-kept", "bản viết lại y hệt bản cũ mà vẫn được giữ", "the rewriting is the old text, and it is kept"),
        (f"“{before.upper()}!”", before, NEW, "case-counts-as-new", "chỉ khác chữ hoa và dấu câu thì chưa phải là mới: so bằng comparable", "other capitals and punctuation are nothing new: compare by comparable"),
        (f"{leak}: {good}", before, LEAK, "leak-kept", f"văn bản nói về việc viết lại ({leak!r}): đó là lời của prompt, không phải của người dùng", f"the text speaks of the rewriting ({leak!r}): those are the prompt's words, no user's"),
        (f"{leak.upper()}: {good}", before, LEAK, "leak-in-capitals", "chữ hoa làm lọt lời của prompt: đưa về casefold trước khi tìm", "capitals let the prompt's words through: casefold before searching"),
        (f"{spoken}, kèm ví dụ", spoken, "", "leak-in-the-original", "cụm từ này có sẵn trong yêu cầu ban đầu: người dùng thật sự hỏi về nó", "these words stand in the first request too: the user does ask about them"),
        (fitting, before, "", "length-limit", f"đúng {limit} từ vẫn chưa quá dài (3 × {len(before.split())} + 60); đếm từ, không đếm chữ cái", f"{limit} words are not too long yet (3 × {len(before.split())} + 60); count words, not letters"),
        (f"{fitting} {words}", before, LONG, "too-long-kept", f"dài hơn {limit} từ mà vẫn được giữ", f"more than {limit} words, and it is kept"),
    ]  # fmt: skip


class Model:
    """Writes the instruction on, with the way's number; in one round it fails. Remembers what it was asked."""

    def __init__(self, bad: dict[str, str]) -> None:
        self.bad, self.asked = bad, list[tuple[str, str]]()

    def __call__(self, way: str, instruction: str) -> str:
        self.asked.append((way, instruction))
        return self.bad.get(way, f"  {instruction}, {way}\n")


def rounds(mine: Mine, start: str, rng: Random) -> None:
    ways = [f"thêm điều kiện {letter}" for letter in rng.sample("ABCDEFGH", 5)]
    stop = rng.randint(2, 3)
    for bad in ({}, {ways[stop]: ""}, {ways[stop]: " Đây là yêu cầu mới: viết ngắn hơn "}):
        model = Model(bad)
        got = mine.evolve(start, list(ways), model)
        wanted, text = [], start
        for way in ways[: stop if bad else None]:
            text = f"{text}, {way}"
            wanted.append(text)
        named(got, wanted, model, start, ways, stop, bad)


def named(got: Any, wanted: list[str], model: Model, start: str, ways: list[str], stop: int, bad: dict[str, str]) -> None:
    """Raises the misconception that a wrong chain shows."""
    shown = {"got": got, "wanted": wanted}
    if not isinstance(got, list):
        raise Wrong("not-a-list", "evolve phải trả về một danh sách", "evolve must return a list", got=got)
    if any(isinstance(text, str) and text != text.strip() for text in got):
        raise Wrong("not-stripped", "còn khoảng trắng thừa quanh văn bản", "spaces are left around the texts", **shown)
    if got == [start, *wanted]:
        raise Wrong("seed-among-them", "yêu cầu ban đầu cũng nằm trong kết quả; chỉ trả về những yêu cầu mới", "the first instruction is among the results; only new ones belong there", **shown)  # fmt: skip
    asked = [instruction for _, instruction in model.asked]
    if len(asked) > 1 and set(asked) == {start}:
        raise Wrong("always-from-the-seed", "vòng nào cũng bắt đầu lại từ yêu cầu ban đầu: nó không khó dần lên. Lấy kết quả của vòng trước", "every round begins with the first instruction: nothing gets harder. Take what the round before made", **shown)  # fmt: skip
    if bad and any(text.strip() == bad[ways[stop]].strip() for text in got):
        raise Wrong(
            "failed-kept", "bản viết lại đã hỏng vẫn nằm trong kết quả", "a failed rewriting is among the results", **shown
        )
    if bad and len(model.asked) > stop + 1:
        raise Wrong("goes-on-after-failure", f"hỏi tiếp sau khi vòng {stop + 1} hỏng ({len(model.asked)} câu hỏi): như trong bài báo, dừng ở đó", f"asks on after round {stop + 1} failed ({len(model.asked)} questions): stop there, as in the paper", **shown)  # fmt: skip
    if len(model.asked) > len(ways):
        raise Wrong("asks-twice", f"hỏi {len(model.asked)} câu cho {len(ways)} vòng: mỗi câu hỏi đều tốn tiền", f"asks {len(model.asked)} questions for {len(ways)} rounds: each costs money", **shown)  # fmt: skip
    if got != wanted:
        raise Wrong("chain-differs", "chuỗi yêu cầu khác mong đợi", "the instructions are not those expected", **shown)


def drive(mine: Any) -> dict[str, Any]:
    return {"smolcourse.synthesis.methods.evol:_failed": lambda text, before: mine.failed(text, before) or None}

"""Questions and training rows of random words: copies, near copies, look-alikes; what each wrong rule would report is computed."""

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.data.text import comparable
from smolcourse.evaluation.contamination import SHARE, SHORTEST, WORDS
from smolcourse.evaluation.contamination import overlap as ours
from smolcourse.evaluation.tasks import Item, Task, ask

SOUNDS = ("ba", "cá", "dê", "gà", "hè", "kì", "lá", "mơ", "nụ", "phố", "quê", "rừng", "sông", "tàu", "vở", "xoài")


def check(mine: Mine, rng: Random) -> None:
    for _ in range(3):
        questions, rows = material(rng)
        compare(mine.overlap(questions, Once(rows)), questions, rows)


class Once(Iterator[str]):
    """Rows that can be read once, as a file of millions is; whoever comes back for more is told so."""

    def __init__(self, rows: list[str]) -> None:
        self._rows, self._ended = iter(rows), False

    def __next__(self) -> str:
        if self._ended:
            raise Wrong("rows-read-twice", "rows là iterator, chỉ đọc được một lượt: từ câu hỏi thứ hai trở đi không còn hàng nào. Đi theo hàng ở vòng ngoài", "rows is an iterator and can be read once: from the second question on nothing is left. Put the rows in the outer loop")  # fmt: skip
        try:
            return next(self._rows)
        except StopIteration:
            self._ended = True
            raise


def word(rng: Random) -> str:
    return "".join(rng.choices(SOUNDS, k=3))


def material(rng: Random) -> tuple[list[str], list[str]]:
    """Questions in any order, and the rows that do or do not give them away. No two questions begin or end alike."""
    used: set[str] = set()

    def text(count: int) -> list[str]:
        found: list[str] = []
        while len(found) < count:
            new = word(rng)
            if new not in used:
                used.add(new)
                found.append(new)
        return found

    pairs: list[tuple[str, list[str]]] = []

    def case(question: list[str], *rows: list[str]) -> None:
        around = [" ".join([*text(2), *row, *text(2)]) for row in rows]
        pairs.append((" ".join(question), around))

    copied, dressed, late, middle, mixed, halves, short, tiny, start, glued, clean = (
        text(n) for n in (14, 12, 20, 18, 14, 24, 6, 3, 16, 5, 12)
    )
    case(copied, copied)
    case(dressed, [f"{one.upper()}," if place % 3 else one for place, one in enumerate(dressed)])
    case(late, [*late[:-2], *text(2)])
    case(middle, [*middle[:9], *text(1), *middle[10:]])
    shuffled = mixed[::-1]
    case(mixed, shuffled)
    case(halves, halves[:15], halves[9:])
    case(short, short)
    case(tiny, tiny)
    case(start, start[:9])
    pairs.append((" ".join(glued), [f"{word(rng)}{' '.join(glued)}{word(rng)}"]))
    case(clean)
    rng.shuffle(pairs)
    rows = [row for _, own in pairs for row in own] + [" ".join(text(15)) for _ in range(4)]
    rng.shuffle(rows)
    return [question for question, _ in pairs], rows


def grams(text: str, size: int | None = None) -> set[tuple[str, ...]]:
    words = text.split()
    size = size or min(WORDS, len(words))
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def leaked(questions: list[str], rows: Iterable[str], *, form: Callable[[str], str] = comparable, shortest: int = SHORTEST, share: float = SHARE, pooled: bool = False) -> list[int]:  # fmt: skip
    """What a rule like ours reports."""
    asked = [form(question) for question in questions]
    held = [form(row) for row in rows]
    found = []
    for place, question in enumerate(asked):
        own, size = grams(question), min(WORDS, len(question.split()))
        hits = [len(own & grams(row, size)) for row in held]
        if pooled:
            hits = [len(own & {gram for row in held for gram in grams(row, size)})]
        if len(question.split()) >= shortest and own and max(hits) >= max(1, share * len(own)):
            found.append(place)
    return found


def compare(got: Any, questions: list[str], rows: list[str]) -> None:
    """Raises the misconception that wrong places show."""
    wanted = ours(Task("t", [Item(ask(question), "") for question in questions]), ({"text": row} for row in rows)).items
    if got == wanted:
        return
    if not isinstance(got, list) or not all(isinstance(place, int) for place in got):
        raise Wrong(
            "not-places", "phải trả về danh sách chỉ số của các câu bị lộ", "return the places of the leaked questions", got=got
        )
    shown = {"got": got, "wanted": wanted}
    asked, held = [comparable(question) for question in questions], [comparable(row) for row in rows]
    lengths = [len(question.split()) for question in asked]
    known: list[tuple[str, list[int], str, str]] = [
        ("whole-text", [p for p, q in enumerate(asked) if any(f" {q} " in f" {row} " for row in held) and lengths[p] >= SHORTEST], "tìm nguyên cả câu: đổi một hai từ ở cuối là lọt", "searches for the whole question: change a word or two at the end, and it slips through"),
        ("inside-words", [p for p, q in enumerate(asked) if any(q in row for row in held) and lengths[p] >= SHORTEST], "tìm chuỗi con: câu khớp cả khi dính vào giữa từ khác", "searches for a substring: it matches in the middle of other words too"),
        ("case-kept", leaked(questions, rows, form=str), "chưa đưa về dạng comparable: viết hoa hay thêm dấu phẩy là lọt", "not in comparable form: capitals or commas let it slip through"),
        ("any-gram", leaked(questions, rows, share=0.0), f"một n-gram chung là báo lộ; cần ít nhất {SHARE:.0%} số n-gram của câu hỏi", f"one n-gram in common is enough; it takes {SHARE:.0%} of the question's"),
        ("rows-pooled", leaked(questions, rows, pooled=True), "cộng n-gram của nhiều hàng: hai hàng vô can mỗi hàng góp một đoạn", "adds up n-grams of several rows: two innocent rows give a piece each"),
        ("short-lost", [p for p in wanted if lengths[p] >= WORDS], f"câu ngắn hơn {WORDS} từ không có n-gram nào nên luôn lọt; hãy lấy cả câu làm một n-gram", f"questions of fewer than {WORDS} words have no n-gram and always slip through; take the whole as one"),
        ("too-short-reported", leaked(questions, rows, shortest=1), f"câu dưới {SHORTEST} từ bị báo: ngắn như thế thì trùng là chuyện thường", f"questions of fewer than {SHORTEST} words are reported: that short, they are common"),
        ("words-unordered", [p for p, q in enumerate(asked) if lengths[p] >= SHORTEST and any(len({*q.split()} & {*row.split()}) >= SHARE * len({*q.split()}) for row in held)], "so tập từ, không cần thứ tự: cùng những từ ấy xếp kiểu khác cũng bị báo", "compares sets of words without order: the same words in another order are reported"),
    ]  # fmt: skip
    for name, value, vi, en in known:
        if got == value:
            raise Wrong(name, vi, en, **shown)
    missed, extra = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
    raise Wrong(
        "places-differ",
        f"sót {len(missed)} câu, báo nhầm {len(extra)} câu",
        f"{len(missed)} missed, {len(extra)} in vain",
        **shown,
    )

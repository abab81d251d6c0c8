"""Many small exams, several questions a picture; what must hold is checked over all of them, the plainest first."""

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong


def check(mine: Mine, rng: Random) -> None:
    exams = [draw(rng) for _ in range(30)]
    found = [mine.other_pictures(exam, Random(rng.random())) for exam in exams]
    for exam, got in zip(exams, found, strict=True):
        whole(exam, got)
    for exam, got in zip(exams, found, strict=True):
        if own := sum(a == b for a, b in zip(exam, got, strict=True)):
            raise Wrong("own-picture-kept", f"{own} câu hỏi giữ nguyên ảnh của mình (một ảnh có thể được hỏi nhiều câu)", f"{own} questions keep their own picture (a picture may be asked about more than once)", got=got, wanted=exam)  # fmt: skip
    for exam, got in zip(exams, found, strict=True):
        pairs = set(zip(exam, got, strict=True))
        if len(pairs) > len(set(exam)):
            raise Wrong("one-picture-several-others", "các câu hỏi về cùng một ảnh nhận những ảnh khác nhau; hãy đổi theo ảnh, không theo câu hỏi", "questions about one picture get different ones; exchange pictures, not questions", got=got, wanted=exam)  # fmt: skip
    for exam, got in zip(exams, found, strict=True):
        if len(set(got)) < len(set(exam)):
            unused = len(set(exam)) - len(set(got))
            raise Wrong("picture-used-twice", f"{unused} ảnh không được giao cho ai, ảnh khác thì giao hai lần: phải là một vòng đổi chỗ", f"{unused} pictures go to nobody and others go twice: it should be an exchange all round", got=got, wanted=exam)  # fmt: skip
    fixed = [f"ảnh {number}" for number in range(8)]
    if len({tuple(mine.other_pictures(fixed, Random(seed))) for seed in range(6)}) == 1:
        raise Wrong("not-drawn", "seed nào cũng ra cùng một cách đổi: rng không được dùng, và ảnh đứng cạnh nhau thường giống nhau", "every seed gives the same exchange: rng is not used, and neighbours are often alike", constant=True)  # fmt: skip
    for alone in (["ảnh"], ["ảnh", "ảnh", "ảnh"]):
        try:
            got = mine.other_pictures(alone, Random(0))
        except ValueError:
            continue
        raise Wrong("nothing-to-exchange", "chỉ có một ảnh thì không đổi được: phải báo ValueError, không được trả lại chính nó", "one picture cannot be exchanged: raise a ValueError, do not hand it back", got=got, constant=True)  # fmt: skip


def draw(rng: Random) -> list[str]:
    pictures = [f"ảnh {number}" for number in rng.sample(range(100), rng.randint(2, 5))]
    asked = [*pictures, *(rng.choice(pictures) for _ in range(rng.randint(2, 6)))]
    Random(rng.random()).shuffle(asked)
    return asked


def whole(exam: Sequence[str], got: Any) -> None:
    """Raises `Wrong` for what is no list of known pictures."""
    if not isinstance(got, (list, tuple)) or len(got) != len(exam):
        raise Wrong("length", f"cần {len(exam)} ảnh, mỗi câu hỏi một ảnh", f"{len(exam)} pictures are wanted, one for each question", got=got)  # fmt: skip
    if unknown := Counter(got) - Counter({picture: len(exam) for picture in exam}):
        raise Wrong("unknown-picture", "có ảnh không thuộc đề này", "a picture that is not of this exam", got=list(unknown))

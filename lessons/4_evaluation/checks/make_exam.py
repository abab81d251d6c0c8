"""Drafts about a made-up town: some unanswerable, some asked twice, some passages with two names, some answers that repeat."""

from collections import Counter
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.data.text import comparable
from smolcourse.evaluation.building import Draft
from smolcourse.evaluation.building import make_exam as ours
from smolcourse.evaluation.documents import Passage

FIRST = ("An", "Bình", "Chi", "Dũng", "Hoa", "Khang", "Lan", "Minh", "Ngọc")
LAST = ("Trần", "Lê", "Vũ", "Đỗ", "Ngô", "Bùi")


def check(mine: Mine, rng: Random) -> None:
    drafts, spoilt = town(rng)
    seed = rng.randrange(1 << 20)
    everything: list[dict[str, Any]] = []
    for further in range(12):  # a mistake in the draws may stay unseen in one exam, not in a dozen
        rows = mine.make_exam(drafts, seed=seed + further)
        shape(rows)
        kept(rows, drafts, spoilt)
        for row in rows:
            choices(row, next(draft for draft in drafts if draft.question == row["question"]), drafts, spoilt)
        everything += rows
    places(everything)
    rows = mine.make_exam(drafts, seed=seed)
    if mine.make_exam(drafts, seed=seed) != rows:
        raise Wrong("not-reproducible", "cùng seed mà hai lần ra hai đề: dùng random.Random(seed), và đừng duyệt qua set", "the same seed gives two exams: use random.Random(seed), and do not go through a set")  # fmt: skip
    if mine.make_exam(drafts, seed=seed + 1) == rows:
        raise Wrong(
            "seed-ignored",
            "seed khác mà vẫn đúng đề cũ: seed không được dùng",
            "another seed gives the very same exam: it is not used",
        )


def town(rng: Random) -> tuple[list[Draft], dict[str, set[str]]]:
    """Drafts, and the questions to be dropped by the reason."""
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    rng.shuffle(names)
    strangers, names = names[:6], names[6:30]
    drafts = []
    for number, name in enumerate(names, 1):
        also = f" Hàng xóm: {', '.join(rng.sample(names, 3))}." if number % 3 else ""
        drafts.append(
            Draft(f"Ai ở nhà số {number}?", name, Passage(f"Nhà số {number} là của {name.upper()}!{also}", f"town.md:{number}"))
        )
    for number in range(101, 113):  # four people own many houses: their names are answers again and again
        owner = names[number % 4]
        drafts.append(Draft(f"Ai ở nhà số {number}?", owner, Passage(f"Nhà số {number} là của {owner}.", f"town.md:{number}")))
    false = [Draft(f"Ai ở nhà số {200 + n}?", name, Passage(f"Nhà số {200 + n} bỏ trống.", "town.md:200")) for n, name in enumerate(strangers)]  # fmt: skip
    again = [Draft(draft.question.upper().replace("?", " ?!"), draft.answer, draft.passage) for draft in rng.sample(drafts, 4)]
    spoilt = {"false": {draft.question for draft in false}, "again": {draft.question for draft in again}, "strangers": set(strangers)}  # fmt: skip
    rng.shuffle(drafts)
    drafts[7:7] = false
    return [*drafts, *again], spoilt


def shape(rows: Any) -> None:
    fine = isinstance(rows, list) and all(isinstance(row, dict) and set(row) == {"question", "choices", "answer"} for row in rows)
    if not fine or not rows:
        raise Wrong("shape", "phải trả về danh sách hàng {question, choices, answer}", "return a list of rows {question, choices, answer}", got=rows)  # fmt: skip
    for row in rows:
        if len(row["choices"]) != 4:
            raise Wrong("not-four", f"{len(row['choices'])} lựa chọn; cần bốn", f"{len(row['choices'])} choices; there are four", got=row)  # fmt: skip
        if not isinstance(row["answer"], int) or not 0 <= row["answer"] < 4:
            raise Wrong("no-place", "answer là vị trí của đáp án, từ 0 đến 3", "answer is the gold's place, 0 to 3", got=row)


def kept(rows: list[dict[str, Any]], drafts: list[Draft], spoilt: dict[str, set[str]]) -> None:
    """Raises what is wrong about the questions that stayed."""
    asked = [row["question"] for row in rows]
    if found := [question for question in asked if question in spoilt["false"]]:
        raise Wrong("unanswerable-kept", f"{len(found)} câu có đáp án không nằm trong đoạn văn: không ai trả lời được từ tài liệu", f"{len(found)} questions whose answer is not in the passage: the document does not answer them", got=found[0])  # fmt: skip
    if len(asked) > len({comparable(question) for question in asked}):
        raise Wrong("asked-twice", "có câu được hỏi hai lần, chỉ khác chữ hoa hay dấu câu: so bằng comparable", "a question stands twice, with other capitals or commas only: compare by comparable", got=[q for q in asked if q in spoilt["again"]])  # fmt: skip
    wanted = [row["question"] for row in ours(drafts).rows]
    if lost := [question for question in wanted if question not in asked]:
        raise Wrong("question-lost", f"mất {len(lost)} câu dùng được (đáp án viết hoa trong đoạn văn vẫn là có)", f"{len(lost)} good questions are lost (an answer in capitals in the passage does stand there)", got=len(asked), wanted=len(wanted))  # fmt: skip
    if asked != wanted:
        raise Wrong("other-order", "các câu phải theo thứ tự của bản nháp", "questions keep the order of the drafts", got=asked, wanted=wanted)  # fmt: skip


def choices(row: dict[str, Any], draft: Draft, drafts: list[Draft], spoilt: dict[str, set[str]]) -> None:
    """Raises what is wrong about one question's choices."""
    gold = row["choices"][row["answer"]]
    wrong = [choice for place, choice in enumerate(row["choices"]) if place != row["answer"]]
    if gold != draft.answer:
        raise Wrong("gold-misplaced", f"answer chỉ vào {gold!r}, đáp án là {draft.answer!r}", f"answer points at {gold!r}, the gold is {draft.answer!r}", got=row)  # fmt: skip
    if draft.answer in wrong:
        raise Wrong("gold-among-distractors", "đáp án có mặt hai lần: nó cũng được rút làm phương án nhiễu", "the gold stands twice: it was drawn as a wrong choice too", got=row)  # fmt: skip
    if len(set(wrong)) < 3:
        raise Wrong("with-replacement", "một phương án nhiễu có hai lần: rút có hoàn lại, hoặc một đáp án có nhiều lần trong danh sách rút", "a wrong choice stands twice: drawn with replacement, or from a list in which an answer is more than once", got=row)  # fmt: skip
    if found := [choice for choice in wrong if choice in spoilt["strangers"]]:
        raise Wrong("from-dropped", f"phương án nhiễu {found[0]!r} lấy từ câu đã bị bỏ", f"the wrong choice {found[0]!r} comes from a draft that was dropped", got=row)  # fmt: skip
    if found := [choice for choice in wrong if choice not in {one.answer for one in drafts}]:
        raise Wrong("invented", f"phương án nhiễu {found[0]!r} không phải đáp án của câu nào", f"the wrong choice {found[0]!r} is nobody's answer", got=row)  # fmt: skip
    if found := [choice for choice in wrong if f" {comparable(choice)} " in f" {comparable(draft.passage.text)} "]:
        raise Wrong("distractor-in-passage", f"phương án nhiễu {found[0]!r} có trong chính đoạn văn: nó có thể cũng đúng", f"the wrong choice {found[0]!r} stands in the passage itself: it may be right as well", got=row, wanted=draft.passage.text)  # fmt: skip


def places(rows: list[dict[str, Any]]) -> None:
    """Raises when the right answer favours a place."""
    counts = Counter(row["answer"] for row in rows)
    place, most = counts.most_common(1)[0]
    if len(counts) < 4 or most > len(rows) // 2:
        raise Wrong("favourite-place", f"đáp án đứng ở vị trí {place} trong {most} trên {len(rows)} câu: mô hình luôn chọn chỗ ấy sẽ được điểm cao", f"the gold stands in place {place} in {most} of {len(rows)} questions: a model that always takes it scores high", got=dict(counts))  # fmt: skip

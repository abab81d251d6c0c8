"""An exam out of a person's own documents: questions with four choices, each answered by a sentence of the text.

Two ways to write: a model is asked for questions and answers as JSON, or, without a model, a name or a number is taken out of a
sentence. Either way the program, not the model, decides what stays: the answer must stand in the passage, no question twice; the
wrong choices are drawn without replacement from other questions' answers of the same kind that do not stand in the same passage.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from smolcourse.data.text import comparable
from smolcourse.errors import SmolError
from smolcourse.evaluation.documents import Passage
from smolcourse.evaluation.examinee import Prompt
from smolcourse.evaluation.files import choice_item
from smolcourse.evaluation.scorers import NoJSON, extract_json

Writer = Callable[[Sequence[Prompt], int], Sequence[str]]
"""Prompts and the most new tokens of each -> answers."""

CHOICES = 4
_LONGEST_ANSWER = 12  # words: longer ones give themselves away among short choices

_PROMPT = """Đọc đoạn văn và đặt {count} câu hỏi kiểm tra kiến thức về nội dung của nó.
Mỗi câu hỏi phải hiểu được khi không có đoạn văn, và có đúng một câu trả lời ngắn, chép nguyên văn từ đoạn văn.
Dùng ngôn ngữ của đoạn văn. Chỉ trả lời bằng JSON: [{{"question": "...", "answer": "..."}}]

Đoạn văn:
{text}"""

_CHECK = """Chỉ dựa vào đoạn văn, trả lời câu hỏi thật ngắn. Nếu đoạn văn không cho biết, trả lời: KHÔNG RÕ

Đoạn văn:
{text}

Câu hỏi: {question}"""


@dataclass(frozen=True)
class Draft:
    """One question with its answer, and the passage that says so."""

    question: str
    answer: str
    passage: Passage


@dataclass(frozen=True)
class Exam:
    """Rows as `evaluation.files` reads them, and why others were dropped."""

    rows: list[dict[str, Any]]
    dropped: Counter[str] = field(default_factory=Counter)


def write_questions(passages: Sequence[Passage], writer: Writer, *, each: int = 3) -> list[Draft]:
    """Has a model write questions about each passage; what is not JSON of that shape is passed over."""
    said = writer([[{"role": "user", "content": _PROMPT.format(count=each, text=one.text)}] for one in passages], 128 * each)
    return [Draft(*pair, passage) for passage, text in zip(passages, said, strict=True) for pair in _pairs(text)]


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        found = extract_json(text)
    except NoJSON:
        return []
    rows = found if isinstance(found, list) else [found]
    pairs = [(row.get("question"), row.get("answer")) for row in rows if isinstance(row, dict)]
    return [
        (question.strip(), str(answer).strip()) for question, answer in pairs if isinstance(question, str) and answer is not None
    ]


def blank_out(passages: Sequence[Passage]) -> list[Draft]:
    """Questions without a model: each sentence with a number or a name loses the first that stands only once in it."""
    drafts = []
    for passage in passages:
        for sentence in re.split(r"(?<=[.!?…])\s+", passage.text):
            terms = [term for term in _terms(sentence) if sentence.count(term) == 1]
            if terms and len(sentence.split()) >= 6:
                drafts.append(Draft(f"Điền vào chỗ trống: {sentence.replace(terms[0], '____')}", terms[0], passage))
    return drafts


def _terms(sentence: str) -> list[str]:
    """Numbers, then names: neighbouring words with a capital, but not the one that opens the sentence."""
    names: list[tuple[int, int]] = []
    for place, word in enumerate(re.finditer(r"\w+", sentence)):
        if not place or not word[0][0].isupper():
            continue
        if names and sentence[names[-1][1] : word.start()] == " ":
            names[-1] = (names[-1][0], word.end())
        else:
            names.append(word.span())
    return re.findall(r"\d+(?:[.,]\d+)*", sentence) + [sentence[start:end] for start, end in names]


def check_answers(drafts: Sequence[Draft], reader: Writer) -> list[bool]:
    """Whether a model that reads the passage gives each draft's answer."""
    prompts = [[{"role": "user", "content": _CHECK.format(text=one.passage.text, question=one.question)}] for one in drafts]
    said = reader(prompts, 48)
    return [comparable(one.answer) in comparable(text) for one, text in zip(drafts, said, strict=True)]


def make_exam(drafts: Sequence[Draft], *, reader: Writer | None = None, seed: int = 0) -> Exam:
    """Keeps what can be asked, and adds wrong choices.

    Args:
        reader: a model that has to find each answer in its passage; None leaves that check out.

    Raises:
        SmolError: no question is left.
    """
    dropped: Counter[str] = Counter()
    kept = _askable(drafts, dropped)
    if reader and kept:
        found = check_answers(kept, reader)
        dropped["unanswerable"] += found.count(False)
        kept = [one for one, right in zip(kept, found, strict=True) if right]
    rng = random.Random(seed)
    rows: list[dict[str, Any]] = []
    places = [place % CHOICES for place in range(len(kept))]  # the right answer stands in every place equally often
    rng.shuffle(places)
    for draft in kept:
        wrong = _distractors(draft, kept, rng)
        if wrong is None:
            dropped["too few other answers of its kind"] += 1
            continue
        place = places[len(rows)]
        choices = [*wrong[:place], draft.answer, *wrong[place:]]
        source = {"source": draft.passage.where, "evidence": draft.passage.text, "group": draft.passage.where}
        rows.append({"question": draft.question, "choices": choices, "answer": place, **source})
        choice_item(rows[-1])  # whatever is wrong with it, it is wrong here and not in an evaluation
    if not rows:
        why = ", ".join(f"{name}: {count}" for name, count in dropped.items()) or "0"
        raise SmolError(
            f"không có câu hỏi nào dùng được ({why})",
            f"no question can be used ({why})",
            fix="smol eval build DOCS/ --model http://localhost:8080/v1#MODEL",
        )
    return Exam(rows, dropped)


def _askable(drafts: Sequence[Draft], dropped: Counter[str]) -> list[Draft]:
    kept: dict[str, Draft] = {}
    for draft in drafts:
        question, answer = comparable(draft.question), comparable(draft.answer)
        if not question or not answer or len(answer.split()) > _LONGEST_ANSWER:
            dropped["empty or too long"] += 1
        elif answer not in comparable(draft.passage.text):
            dropped["answer not in the text"] += 1
        elif f" {answer} " in f" {question} ":
            dropped["answer in the question"] += 1
        elif question in kept:
            dropped["asked twice"] += 1
        else:
            kept[question] = draft
    return list(kept.values())


def _distractors(draft: Draft, drafts: Sequence[Draft], rng: random.Random) -> list[str] | None:
    """Three other answers of the same kind, all different, none of which the passage holds."""
    text, own = f" {comparable(draft.passage.text)} ", _kind(draft.answer)
    others = {comparable(one.answer): one.answer for one in drafts if _kind(one.answer) == own}
    fitting = [answer for key, answer in others.items() if f" {key} " not in text]
    return rng.sample(fitting, CHOICES - 1) if len(fitting) >= CHOICES - 1 else None


def _kind(answer: str) -> str:
    """Numbers among numbers, names among names, sentences among sentences."""
    if re.search(r"\d", answer):
        return "number"
    words = answer.split()
    return "name" if all(word[:1].isupper() for word in words) else "short" if len(words) <= 3 else "long"

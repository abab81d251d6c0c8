"""Questions and answers out of documents, each with the words of the text that prove it.

The answer must be found again by a reader who is asked the question (Alberti et al. 2019, *Roundtrip Consistency*,
arXiv:1906.05416), and comes with a quotation, as in GopherCite (Menick et al. 2022, arXiv:2203.11147). A program, not the
model, decides what stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from smolcourse.data.text import comparable
from smolcourse.evaluation.documents import read_passages
from smolcourse.synthesis.reading import objects
from smolcourse.synthesis.rows import Draft, Making, Row, drop, keep, said
from smolcourse.synthesis.untrusted import fenced, signs_of_instructions

_PROMPT = {
    "vi": """Đọc đoạn văn và đặt {count} câu hỏi về nội dung của nó. Mỗi câu hỏi phải hiểu được khi không có đoạn văn trước mặt.
Chỉ trả lời bằng JSON: [{{"question": "...", "answer": "...", "evidence": "..."}}]
evidence là một câu chép nguyên văn từ đoạn văn, chứng minh cho answer.

{text}""",
    "en": """Read the passage and ask {count} questions about what it says. Each must make sense without the passage at hand.
Answer with JSON only: [{{"question": "...", "answer": "...", "evidence": "..."}}]
evidence is one sentence copied word for word from the passage that proves the answer.

{text}""",
}
_CHECK = {
    "vi": "Chỉ dựa vào đoạn văn, trả lời câu hỏi. Nếu đoạn văn không cho biết, viết: KHÔNG RÕ\n\n{text}\n\nCâu hỏi: {question}",
    "en": "Answer the question from the passage alone. If the passage does not tell, write: UNKNOWN\n\n{text}\n\nQuestion: "
    "{question}",
}
_POINTING = re.compile(
    r"\b(?:đoạn văn|đoạn trích|bài viết trên|văn bản trên|the passage|the text|the document|the excerpt)\b", re.IGNORECASE
)


def passages(*, folder: Path, size: int | None = None) -> Iterator[Draft]:
    """The passages of a file or a folder of text files; those that carry instructions go no further.

    Args:
        size: at most so many.
    """
    for passage in read_passages(folder)[:size]:
        signs = signs_of_instructions(passage.text)
        data: dict[str, Any] = {"text": passage.text, "where": passage.where, **({"signs": signs} if signs else {})}
        yield Draft(data, dropped="carries instructions" if signs else None)


def questions(
    row: Row, *, count: int = 3, check: bool = True, language: Literal["vi", "en"] = "vi", temperature: float = 0.0
) -> Making:
    """Adds `instruction` (the question), `response` (the answer) and `evidence` (words of `text`).

    Args:
        check: asks each question again, with the passage, and keeps it only if the same answer comes back.
    """
    text = fenced(row.data["text"], language)
    said_json = yield from said(
        _PROMPT[language].format(count=count, text=text),
        temperature=temperature,
        max_new_tokens=160 * count,
        like=_stand_in(row.data["text"], count),
    )
    found = objects(said_json)[:count]
    if not found:
        yield drop(row, "no JSON", said=said_json[:500])
    asked: set[str] = set()
    for one in found:
        question, answer, evidence = (str(one.get(name) or "").strip() for name in ("question", "answer", "evidence"))
        changes = {"instruction": question, "response": answer, "evidence": evidence}
        reason = _refused(question, answer, evidence, row.data["text"], asked)
        asked.add(comparable(question))
        if not reason and check:
            again = yield from said(_CHECK[language].format(text=text, question=question), max_new_tokens=96, like=answer)
            reason = None if _agree(answer, again) else "not found again"
        yield drop(row, reason, **changes) if reason else keep(row, **changes)


def _stand_in(text: str, count: int) -> str:
    """An answer of the right shape, for `--plan`."""
    sentence = max(re.split(r"(?<=[.!?…])\s+", text), key=len)
    pairs = [{"question": f"{place} {sentence}", "answer": sentence, "evidence": sentence} for place in range(count)]
    return json.dumps(pairs, ensure_ascii=False)


def _refused(question: str, answer: str, evidence: str, text: str, asked: set[str]) -> str | None:
    whole, quoted, said_short = comparable(text), comparable(evidence), comparable(answer)
    if not comparable(question) or not said_short:
        return "empty"
    if comparable(question) in asked:
        return "asked twice"
    if len(quoted.split()) < 3 or quoted not in whole:
        return "evidence not in the text"
    if not _supported(said_short, quoted):
        return "evidence does not hold the answer"
    if _POINTING.search(question):
        return "points to the passage"
    if signs_of_instructions(f"{question}\n{answer}\n{evidence}"):
        return "carries instructions"
    return None


def _supported(answer: str, evidence: str) -> bool:
    """Whether the answer stands in the evidence, or four fifths of its words and all of its numbers do."""
    words, there = answer.split(), set(evidence.split())
    numbers = [word for word in words if any(letter.isdigit() for letter in word)]
    return answer in evidence or (
        all(number in there for number in numbers) and sum(word in there for word in words) >= 0.8 * len(words)
    )


def _agree(answer: str, again: str) -> bool:
    mine, other = comparable(answer), comparable(again)
    return mine in other or (bool(other) and other in mine) or _supported(mine, other)

"""Back-translation: good texts exist, and a model writes the instruction that each of them answers; then it grades the pair.

Li et al. 2023, *Self-Alignment with Instruction Backtranslation*, arXiv:2308.06259: self-augmentation (section 2.2),
self-curation on a scale of five (section 2.3). The prompts are our own.
"""

from __future__ import annotations

from typing import Literal

from smolcourse.synthesis.reading import grade
from smolcourse.synthesis.rows import Making, Row, drop, keep, said
from smolcourse.synthesis.untrusted import fenced, signs_of_instructions

_INSTRUCT = {
    "vi": "Văn bản dưới đây là câu trả lời của một trợ lý. Viết yêu cầu của người dùng mà nó trả lời trọn vẹn. Chỉ viết yêu "
    "cầu đó.\n\n{text}",
    "en": "The text below is an assistant's answer. Write the user's request that it answers in full. Write only that "
    "request.\n\n{text}",
}
_CURATE = {
    "vi": "Câu trả lời có đáp ứng đúng yêu cầu, như một trợ lý giỏi viết, không? Cho điểm từ 1 (không liên quan) đến 5 (hoàn "
    "hảo). "
    "Chỉ viết một con số.\n\nYêu cầu:\n{instruction}\n\nCâu trả lời:\n{response}",
    "en": "Does the answer meet the request, the way a good assistant writes? Grade it from 1 (unrelated) to 5 (perfect). "
    "Write only the number.\n\nRequest:\n{instruction}\n\nAnswer:\n{response}",
}


def instruct(row: Row, *, language: Literal["vi", "en"] = "vi", temperature: float = 0.0) -> Making:
    """The request that `text` answers: adds `instruction`, and `response`, which is the text as it stands."""
    text = row.data["text"]
    if signs := signs_of_instructions(text):
        yield drop(row, "carries instructions", signs=signs)
        return
    request = yield from said(
        _INSTRUCT[language].format(text=fenced(text, language)), temperature=temperature, max_new_tokens=128
    )
    reason = "no request" if not request else "copies the text" if request in text else None
    changes = {"instruction": request, "response": text}
    yield drop(row, reason, **changes) if reason else keep(row, **changes)


def curate(row: Row, *, least: int = 4, language: Literal["vi", "en"] = "vi") -> Making:
    """Keeps pairs with a grade of at least so much."""
    prompt = _CURATE[language].format(
        instruction=fenced(row.data["instruction"], language), response=fenced(row.data["response"], language)
    )
    text = yield from said(prompt, max_new_tokens=8, like="5")
    given = grade(text, 1, 5)
    if given is None:
        yield drop(row, "no grade")
    else:
        yield keep(row, {"curation": given}) if given >= least else drop(row, "low grade", {"curation": given})

"""Evol-Instruct: a model makes an instruction harder (in depth), or writes another of its kind (in breadth).

Xu et al. 2023, *WizardLM*, arXiv:2304.12244, sections 3.2 and 3.3: the operations, and when a rewriting has failed. Answers are
evolved as in DEITA (Liu et al. 2023, arXiv:2312.15685, section 2.4: *Evol Quality*). The prompts are our own.
"""

from __future__ import annotations

from random import Random
from typing import Literal

from smolcourse.data.text import comparable
from smolcourse.synthesis.reading import listed
from smolcourse.synthesis.rows import Making, Row, drop, keep, said
from smolcourse.synthesis.untrusted import fenced

Way = Literal["constraint", "depth", "concrete", "reasoning"]

_WAYS: dict[str, dict[str, str]] = {
    "vi": {
        "constraint": "thêm đúng một ràng buộc hoặc điều kiện",
        "depth": "hỏi sâu hơn và rộng hơn về cùng một điều",
        "concrete": "thay những chỗ chung chung bằng chi tiết cụ thể",
        "reasoning": "đòi hỏi suy luận nhiều bước",
    },
    "en": {
        "constraint": "add exactly one constraint or condition",
        "depth": "ask deeper and wider about the same thing",
        "concrete": "replace what is general by something concrete",
        "reasoning": "make it need several steps of reasoning",
    },
}
_DEEPEN = {
    "vi": "Viết lại yêu cầu dưới đây cho khó hơn một chút: {way}. Yêu cầu mới phải hợp lý, con người trả lời được, dài thêm "
    "không quá 20 từ. "
    "Đừng trả lời nó. Chỉ viết yêu cầu mới.\n\n{instruction}",
    "en": "Rewrite the request below so that it is a little harder: {way}. The new request must be reasonable, a person must "
    "be able to "
    "answer it, and it may be at most 20 words longer. Do not answer it. Write only the new request.\n\n{instruction}",
}
_BROADEN = {
    "vi": "Lấy yêu cầu dưới đây làm gợi ý, viết một yêu cầu hoàn toàn mới: cùng lĩnh vực nhưng hiếm gặp hơn, dài và khó "
    "tương đương. "
    "Chỉ viết yêu cầu mới.\n\n{instruction}",
    "en": "Taking the request below as a hint, write a brand-new request: of the same field but rarer, of about the same "
    "length and "
    "difficulty. Write only the new request.\n\n{instruction}",
}
_ASPECTS = {
    "vi": ("hữu ích hơn", "đúng trọng tâm hơn", "sâu hơn", "sáng tạo hơn", "nhiều chi tiết hơn"),
    "en": ("more helpful", "more to the point", "deeper", "more creative", "more detailed"),
}
_BETTER = {
    "vi": "Viết lại câu trả lời cho {aspect}, dài thêm không quá 40 từ. Chỉ viết câu trả lời mới.\n\nYêu "
    "cầu:\n{instruction}\n\nCâu trả lời:\n{response}",
    "en": "Rewrite the answer so that it is {aspect}, at most 40 words longer. Write only the new answer.\n\n"
    "Request:\n{instruction}\n\nAnswer:\n{response}",
}
# A rewriting that speaks of the rewriting, and not of the matter.
_LEAKS = ("yêu cầu mới", "yêu cầu gốc", "yêu cầu được viết lại", "new request", "rewritten", "given prompt", "original request")


def deepen(
    row: Row,
    draw: Random,
    *,
    rounds: int = 1,
    ways: list[Way] = ["constraint", "depth", "concrete", "reasoning"],  # noqa: B006
    language: Literal["vi", "en"] = "vi",
    temperature: float = 0.7,
) -> Making:
    """Makes `instruction` harder so many times; each round is a row. A failed round ends the row, as in the paper."""
    instruction = row.data["instruction"]
    for turn in range(1, rounds + 1):
        way = ways[int(draw.random() * len(ways))]
        text = yield from said(
            _DEEPEN[language].format(way=_WAYS[language][way], instruction=fenced(instruction, language)),
            temperature=temperature,
            max_new_tokens=256,
            like=f"{instruction} … {turn}",
        )
        changes = {"instruction": text, "evolved": way, "round": turn}
        if reason := _failed(text, instruction):
            yield drop(row, reason, **changes)
            return
        yield keep(row, **changes)
        instruction = text


def broaden(row: Row, *, language: Literal["vi", "en"] = "vi", temperature: float = 0.9) -> Making:
    """Another instruction of the kind of `instruction`."""
    instruction = row.data["instruction"]
    text = yield from said(
        _BROADEN[language].format(instruction=fenced(instruction, language)),
        temperature=temperature,
        max_new_tokens=256,
        like=f"… {instruction}",
    )
    text = (listed(text) or [""])[0]
    changes = {"instruction": text, "evolved": "breadth"}
    reason = _failed(text, instruction)
    yield drop(row, reason, **changes) if reason else keep(row, **changes)


def quality(row: Row, draw: Random, *, language: Literal["vi", "en"] = "vi", temperature: float = 0.7) -> Making:
    """A better `response` beside the first one: adds `responses`, the old and the new. Which is better is for a judge to say."""
    aspect = _ASPECTS[language][int(draw.random() * len(_ASPECTS[language]))]
    old = row.data["response"]
    prompt = _BETTER[language].format(
        aspect=aspect, instruction=fenced(row.data["instruction"], language), response=fenced(old, language)
    )
    text = yield from said(prompt, temperature=temperature, max_new_tokens=1024, like=f"{old} …")
    reason = _failed(text, old)
    yield drop(row, reason, responses=[old, text]) if reason else keep(row, responses=[old, text], evolved=aspect)


def _failed(text: str, before: str) -> str | None:
    """Why a rewriting is none (section 3.3): nothing new, about itself, or out of proportion."""
    if not text or comparable(text) == comparable(before):
        return "nothing new"
    if any(leak in text.casefold() and leak not in before.casefold() for leak in _LEAKS):
        return "speaks of the rewriting"
    if len(text.split()) > 3 * len(before.split()) + 60:
        return "too long"
    return None

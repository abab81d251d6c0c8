"""Prompting over a tree of topics, with personas: what is asked covers what was planned, and no two people ask alike.

Trees: Li et al. 2024, *Synthetic Data (Almost) from Scratch: GLAN*, arXiv:2402.13064. Personas: Ge et al. 2024, *Scaling
Synthetic Data Creation with 1,000,000,000 Personas*, arXiv:2406.20094.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from smolcourse.data.text import comparable
from smolcourse.synthesis.reading import listed
from smolcourse.synthesis.rows import Draft, Making, Row, drop, keep, said

_BRANCHES = {
    "vi": "Chia chủ đề “{topic}” thành {count} chủ đề con, không chồng lên nhau. Chỉ viết danh sách, mỗi dòng một chủ đề con.",
    "en": "Split the topic “{topic}” into {count} subtopics that do not overlap. Write only the list, one subtopic a line.",
}
_REQUESTS = {
    "vi": "Bạn là {persona}. Viết {count} yêu cầu khác nhau mà bạn sẽ gửi cho một trợ lý về chủ đề “{topic}”. "
    "Mỗi yêu cầu phải hiểu được khi đứng một mình. Chỉ viết danh sách, mỗi dòng một yêu cầu.",
    "en": "You are {persona}. Write {count} different requests that you would send to an assistant about “{topic}”. "
    "Each must make sense by itself. Write only the list, one request a line.",
}
_ANYONE = {"vi": "một người bình thường", "en": "an ordinary person"}


def leaves(*, tree: dict[str, Any], personas: list[str] = [], per_topic: int = 1) -> Iterator[Draft]:  # noqa: B006
    """One row for each leaf of the tree and each of `per_topic` personas, who take turns.

    Args:
        tree: nested mappings; a leaf is an item of a list, or a name with nothing below.
    """
    turn = 0
    for topic in _leaves(tree, ()):
        for _ in range(per_topic):
            persona = {"persona": personas[turn % len(personas)]} if personas else {}
            turn += 1
            yield Draft({"topic": topic, **persona})


def _leaves(tree: Any, above: tuple[str, ...]) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, below in tree.items():
            yield from _leaves(below, (*above, str(name)))
    elif isinstance(tree, list):
        for item in tree:
            yield from _leaves(item, above) if isinstance(item, dict) else iter((" > ".join((*above, str(item))),))
    else:
        yield " > ".join((*above, str(tree)) if tree is not None else above)


def branch(row: Row, *, count: int = 5, language: Literal["vi", "en"] = "vi", temperature: float = 0.7) -> Making:
    """Lets the model split a topic into subtopics."""
    text = yield from said(
        _BRANCHES[language].format(topic=row.data["topic"], count=count),
        temperature=temperature,
        max_new_tokens=32 * count,
        like="\n".join(f"- … {place}" for place in range(count)),
    )
    names = {comparable(name): name for name in listed(text)}
    for name in list(names.values())[:count]:
        yield keep(row, topic=f"{row.data['topic']} > {name}")
    if not names:
        yield drop(row, "no subtopics")


def requests(row: Row, *, count: int = 3, language: Literal["vi", "en"] = "vi", temperature: float = 0.8) -> Making:
    """What a persona would ask about a topic; adds `instruction`."""
    persona = row.data.get("persona") or _ANYONE[language]
    text = yield from said(
        _REQUESTS[language].format(persona=persona, topic=row.data["topic"], count=count),
        temperature=temperature,
        max_new_tokens=64 * count,
        like="\n".join(f"- … {place}" for place in range(count)),
    )
    found = {comparable(one): one for one in listed(text) if len(one.split()) > 2 or not text.isascii()}
    for one in list(found.values())[:count]:
        yield keep(row, instruction=one)
    if not found:
        yield drop(row, "no requests")

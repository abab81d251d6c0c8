"""Instructions whose keeping a program can check, in the spirit of IFEval (Zhou et al. 2023), with rules and prompts of our own.

An item's gold is a JSON list of [rule, argument]. Its prompt is the question and, in words, each rule.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from itertools import product
from typing import Any

from smolcourse.evaluation.scorers import NoJSON, Scores, extract_json
from smolcourse.evaluation.tasks import Item, Task, ask

_ACCENTED = re.compile("[àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ]", re.IGNORECASE)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _sentences(text: str) -> int:
    return len(re.findall(r"[^.!?…]*\w[^.!?…]*(?:[.!?…]+|$)", text))


def _has(text: str, part: str) -> bool:
    return part.casefold() in unicodedata.normalize("NFC", text).casefold()


def _is_json(text: str, _: Any) -> bool:
    try:
        return isinstance(extract_json(text), dict)
    except NoJSON:
        return False


RULES: dict[str, tuple[Callable[[str, Any], bool], str]] = {
    "max_words": (lambda text, most: 0 < len(_words(text)) <= most, "Trả lời không quá {} từ."),
    "min_words": (lambda text, least: len(_words(text)) >= least, "Trả lời ít nhất {} từ."),
    "sentences": (lambda text, count: _sentences(text) == count, "Trả lời bằng đúng {} câu."),
    "bullets": (lambda text, count: len(re.findall(r"^\s*[-*•] ", text, re.MULTILINE)) == count, "Viết đúng {} gạch đầu dòng."),
    "include": (_has, 'Trong câu trả lời phải có từ "{}".'),
    "exclude": (lambda text, part: bool(text.strip()) and not _has(text, part), 'Không được dùng từ "{}".'),
    "starts_with": (lambda text, part: text.strip().startswith(part), 'Bắt đầu bằng "{}".'),
    "ends_with": (lambda text, part: text.strip().endswith(part), 'Kết thúc bằng "{}".'),
    "upper_case": (lambda text, _: text.isupper(), "Viết toàn bộ bằng chữ in hoa."),
    "no_comma": (lambda text, _: bool(text.strip()) and "," not in text, "Không dùng dấu phẩy."),
    "json": (_is_json, "Chỉ trả lời bằng một object JSON."),
    "vietnamese": (lambda text, _: len(_ACCENTED.findall(text)) >= 3, "Trả lời bằng tiếng Việt có dấu."),
}
"""By name: whether an answer keeps the rule with this argument, and how the rule is said."""


def keeps(answer: str, gold: str) -> Scores:
    """Whether all rules of a gold are kept (`exact_match`), the share that is, and each by its name."""
    kept = {f"rule.{name}": float(RULES[name][0](answer, argument)) for name, argument in json.loads(gold)}
    share = sum(kept.values()) / len(kept)
    return {"exact_match": float(share == 1), "rules": share, **kept}


_SUBJECTS = (
    "Vì sao nên ngủ đủ giấc?",
    "Giới thiệu về món phở.",
    "Làm thế nào để tiết kiệm điện?",
    "Kể về một ngày mưa.",
    "Vì sao trẻ em nên đọc sách?",
    "Hướng dẫn cách pha một ly trà đá.",
    "Nên mang gì khi đi biển?",
    "Tả một con mèo.",
)
_DEMANDS: tuple[tuple[tuple[str, Any], ...], ...] = (
    (("max_words", 30), ("vietnamese", None)),
    (("min_words", 40),),
    (("sentences", 2), ("no_comma", None)),
    (("bullets", 3),),
    (("include", "sức khoẻ"), ("max_words", 60)),
    (("exclude", "và"),),
    (("starts_with", "Thưa bạn"), ("ends_with", "Hết.")),
    (("upper_case", None),),
    (("json", None),),
    (("vietnamese", None), ("sentences", 3)),
)


def instructions() -> Task:
    """Every subject with every demand: 80 items, a dozen rules."""
    items = [_item(subject, demands) for subject, demands in product(_SUBJECTS, _DEMANDS)]
    return Task("instructions", items, keeps, license="Apache-2.0")


def _item(subject: str, demands: tuple[tuple[str, Any], ...]) -> Item:
    said = " ".join(RULES[name][1].format(argument) for name, argument in demands)
    return Item(ask(f"{subject} {said}"), json.dumps(demands, ensure_ascii=False), group=subject)

"""Refusals: answers that say only that there is no answer, which a model learns all too quickly.

What such sentences look like, and that training on them is worth avoiding where they are not meant, is described by Röttger et
al. 2023, *XSTest* (arXiv:2308.01263, section 4). The phrases are our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smolcourse.data.text import comparable
from smolcourse.synthesis.rows import Draft, Row, drop, keep
from smolcourse.synthesis.texts import Part, part_of

_CANNOT = r"(?:cannot|can ?not|can't|can t|am not able to|am unable to|'m unable to|'m not able to|won't|won t|must decline to)"
_ENGLISH = (
    rf"^(?:(?:i'?m |i am |we'?re )?(?:so |very |truly )?sorry|unfortunately|apologies|i apologi[sz]e)\b.{{0,60}}\b{_CANNOT}",
    rf"^(?:as|being) an? (?:ai|artificial|large language|language|virtual).{{0,60}}\b(?:i|we) (?:\w+ )?{_CANNOT}",
    rf"^i(?: \w+)? ?{_CANNOT} (?:\w+ )?"
    r"(?:help|assist|provide|answer|fulfil|fulfill|comply|generate|create|write|do|give|support|complete|discuss|offer|share)",
    r"^as an? (?:ai|artificial intelligence|large language|language)(?: \w+){0,3} i (?:do not|don't|don t) have",
    r"^i(?: do not|'m not| don't| am not) (?:have (?:access|the ability|enough information)|programmed|comfortable|allowed)",
    r"^(?:it is|it's|this is) (?:not appropriate|against my|beyond my)",
)
_VIETNAMESE = (
    r"^(?:(?:dạ|thưa \w+|rất|thật|thành thật|tôi|mình|em|chúng tôi)\s+)*(?:xin lỗi|rất tiếc|tiếc là)\b.{0,80}"
    r"\b(?:không thể|không được phép|chưa thể|không có khả năng|không hỗ trợ|không giúp được)",
    r"^(?:là|với tư cách là|tôi là|vì là) (?:một )?(?:ai|mô hình|trợ lý|trí tuệ nhân tạo|chatbot).{0,80}"
    r"(?:không thể|không có khả năng|không được phép|không có cảm xúc|không có quyền)",
    r"^(?:tôi|mình|em|chúng tôi) (?:\w+ ){0,2}"
    r"(?:không thể|không có khả năng|không được phép|xin (?:phép )?từ chối|phải từ chối)\b"
    r".{0,20}\b(?:giúp|trả lời|cung cấp|thực hiện|hỗ trợ|viết|đáp ứng|tạo|làm|yêu cầu|bàn)",
    r"^(?:tôi|mình|em) không (?:có đủ thông tin|truy cập được)",
)
_PATTERNS = [re.compile(one) for one in (*_ENGLISH, *_VIETNAMESE)]


def is_refusal(text: str) -> bool:
    """Whether a text begins as a refusal does. One that apologises and then answers all the same does not count by its "sorry"
    alone: something must be said to be impossible."""
    start = comparable(text[:400]).replace("’", "'")
    kept = re.sub(r"\s+", " ", text[:400].casefold().replace("’", "'")).strip(" \"'“”*#>-")
    return any(pattern.search(form) for pattern in _PATTERNS for form in (start, kept))


def without(row: Row, *, part: Part = "response") -> Iterator[Draft]:
    """Leaves out refusals, in Vietnamese and English."""
    yield drop(row, "refusal") if is_refusal(part_of(row.data, part)) else keep(row)

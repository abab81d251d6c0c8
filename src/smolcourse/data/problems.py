"""The error of one row: what is wrong, of which kind, and at which key."""

from __future__ import annotations

from smolcourse.errors import SmolError
from smolcourse.language import tr

KINDS = {
    "not_utf8": ("không phải UTF-8", "not UTF-8"),
    "broken_json": ("JSON hỏng", "broken JSON"),
    "not_json": ("giá trị không có trong JSON", "a value JSON does not have"),
    "not_an_object": ("không phải đối tượng {...}", "not an object {...}"),
    "long_row": ("hàng quá dài", "row too long"),
    "broken_csv": ("CSV hỏng", "broken CSV"),
    "ragged_row": ("sai số cột", "wrong number of cells"),
    "unknown_format": ("không nhận ra định dạng", "format not recognised"),
    "missing_key": ("thiếu khoá", "missing key"),
    "mixed_formats": ("lẫn định dạng", "mixed formats"),
    "wrong_type": ("sai kiểu", "wrong type"),
    "unknown_role": ("role lạ", "unknown role"),
    "late_system": ("system đứng sai chỗ", "misplaced system message"),
    "no_messages": ("không có message", "no messages"),
    "no_answer": ("không kết thúc bằng assistant", "does not end with an answer"),
    "no_prompt": ("không có prompt", "no prompt"),
    "empty_text": ("nội dung trống", "empty text"),
    "empty_answer": ("câu trả lời trống", "empty answer"),
    "equal_pair": ("chosen giống rejected", "chosen equals rejected"),
    "half_character": ("nửa ký tự", "half a character"),
    "image_count": ("số ảnh không khớp", "another number of images"),
    "bad_image": ("ảnh không dùng được", "bad image"),
    "template": ("chat template từ chối", "refused by the chat template"),
    "leak": ("lộ tập kiểm thử", "test set leak"),
    "duplicate": ("trùng lặp", "duplicates"),
    "near_duplicate": ("gần trùng", "near duplicates"),
    "other_answer": ("cùng câu hỏi, khác câu trả lời", "same question, other answer"),
    "not_nfc": ("chữ chưa ghép dấu (NFD)", "decomposed letters (NFD)"),
    "misread": ("đọc sai bảng mã", "wrong encoding"),
    "untrimmed": ("khoảng trắng thừa", "stray white space"),
    "over_length": ("dài hơn max_length", "over max_length"),
}
"""Every kind of problem in a few words, Vietnamese and English."""


def describe(kind: str) -> str:
    """A kind of problem in the language in use, with the name that `--format json` gives it."""
    return f"{tr(*KINDS[kind])} ({kind})"


class RowError(SmolError):
    """A row that cannot be used. Errors of one `kind` are counted together by `smol data check`.

    `where` holds only the key path (`messages[0].role`) until `located` puts the file and the row before it.
    """

    def __init__(self, kind: str, vi: str, en: str, *, where: str | None = None, fix: str | None = None) -> None:
        super().__init__(vi, en, where=where, fix=fix)
        self.kind = kind


def located(error: RowError, source: object, row: int) -> RowError:
    """The same error with its place in full: `orders.jsonl:12 messages[0].role`."""
    key = f" {error.where}" if error.where else ""
    return RowError(error.kind, error.vi, error.en, where=f"{source}:{row}{key}", fix=error.fix)

"""Is a native row one that can be trained on? The first thing wrong is raised, with its key path."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError

ROLES = ("system", "developer", "user", "assistant", "tool")
PASSED_ON = ("tools", "chat_template_kwargs")
NATIVE_KEYS = {
    "messages": ("messages",),
    "prompt-completion": ("prompt", "completion"),
    "text": ("text",),
    "preference": ("prompt", "chosen", "rejected"),
}

ROLE_HINTS = {
    "human": "user",
    "customer": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "function": "tool",
    "observation": "tool",
}

_TYPES = {
    str: ("chuỗi", "a string"),
    list: ("danh sách", "a list"),
    dict: ("đối tượng", "an object"),
    bool: ("giá trị đúng/sai", "a boolean"),
    int: ("số", "a number"),
    float: ("số", "a number"),
    type(None): ("null", "null"),
}


def validate(native: Row) -> None:
    """Raises a `RowError` for the first thing that keeps a native row from being trained on."""
    if "messages" in native:
        _check_messages(native["messages"], "messages")
        _check_ends_with_answer(native["messages"], "messages")
    elif "text" in native:
        _check_string(native["text"], "text")
    elif "chosen" in native:
        _check_preference(native)
    else:
        _check_pair(native, "completion")
    tools = native.get("tools")
    if tools is not None and not (isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools)):
        raise RowError("wrong_type", "phải là danh sách các công cụ {...}", "must be a list of tools {...}", where="tools")
    kwargs = native.get("chat_template_kwargs")
    if kwargs is not None and not isinstance(kwargs, dict):
        raise _wrong_type(kwargs, "chat_template_kwargs", "đối tượng", "an object")


def suggested_role(role: str) -> str | None:
    """The role that was probably meant by another name."""
    name = role.strip().lower()
    if name in ROLES:
        return name
    return ROLE_HINTS.get(name) or next(iter(get_close_matches(name, ROLES, n=1, cutoff=0.7)), None)


def _check_preference(native: Row) -> None:
    if not native["prompt"]:
        raise RowError(
            "no_prompt",
            "không có prompt, và chosen với rejected không có phần đầu chung",
            "there is no prompt, and chosen and rejected share no beginning",
            where="prompt",
        )
    for side in ("chosen", "rejected"):
        _check_pair(native, side)


def _check_pair(native: Row, answer: str) -> None:
    """A prompt and its answer: both strings, or both message lists."""
    prompt, reply = native["prompt"], native[answer]
    if isinstance(prompt, str):
        _check_string(prompt, "prompt")
        if not isinstance(reply, str):
            raise _wrong_type(reply, answer, "chuỗi (như prompt)", "a string (as the prompt is)")
        _check_answer(reply, answer)
        return
    _check_messages(prompt, "prompt")
    if not isinstance(reply, list):
        raise _wrong_type(reply, answer, "danh sách message (như prompt)", "a list of messages (as the prompt is)")
    _check_messages(reply, answer, after=prompt)
    _check_ends_with_answer(reply, answer)


def _check_messages(messages: object, key: str, after: list[Any] | None = None) -> None:
    if not isinstance(messages, list):
        raise _wrong_type(messages, key, "danh sách message", "a list of messages")
    if not messages:
        raise RowError("no_messages", "danh sách message trống", "the list of messages is empty", where=key)
    for index, message in enumerate(messages):
        where = f"{key}[{index}]"
        if not isinstance(message, dict):
            raise _wrong_type(message, where, "đối tượng có role và content", "an object with role and content")
        _check_role(message, where)
        _check_content(message, where)
        if message["role"] in ("system", "developer") and (index or after):
            raise RowError(
                "late_system",
                "message system phải đứng đầu và chỉ có một",
                "a system message must come first, and only once",
                where=f"{where}.role",
            )


def _check_role(message: dict[str, Any], where: str) -> None:
    if "role" not in message:
        raise RowError("missing_key", "message thiếu role", "the message has no role", where=f"{where}.role")
    role = message["role"]
    if role in ROLES and isinstance(role, str):
        return
    meant = suggested_role(role) if isinstance(role, str) else None
    raise RowError(
        "unknown_role",
        f"không có role {role!r}" + (f"; có phải ý bạn là {meant!r}?" if meant else ""),
        f"unknown role {role!r}" + (f"; did you mean {meant!r}?" if meant else ""),
        where=f"{where}.role",
        fix=" | ".join(ROLES),
    )


def _check_content(message: dict[str, Any], where: str) -> None:
    where += ".content"
    content = message.get("content")
    if content is None and message["role"] == "assistant" and message.get("tool_calls"):
        return
    if "content" not in message:
        raise RowError("missing_key", "message thiếu content", "the message has no content", where=where)
    if isinstance(content, list):
        _check_parts(content, where)
    elif message["role"] == "assistant" and isinstance(content, str):
        if not message.get("tool_calls"):
            _check_answer(content, where)
    elif message["role"] in ("system", "developer") and content == "":
        return  # an empty system message is a way to say: none
    else:
        _check_string(content, where)


def _check_parts(parts: list[Any], where: str) -> None:
    if not parts:
        raise RowError("empty_text", "content trống", "the content is empty", where=where)
    for index, part in enumerate(parts):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text":
            _check_string(part.get("text"), f"{where}[{index}].text")
        elif kind != "image":
            raise RowError(
                "wrong_type",
                'mỗi phần của content phải là {"type": "text", "text": ...} hoặc {"type": "image"}',
                'each part of a content must be {"type": "text", "text": ...} or {"type": "image"}',
                where=f"{where}[{index}]",
            )


def _check_ends_with_answer(messages: list[Any], key: str) -> None:
    if messages[-1]["role"] != "assistant":
        raise RowError(
            "no_answer",
            f"message cuối là của {messages[-1]['role']}, không phải assistant: không có gì để học",
            f"the last message is from {messages[-1]['role']}, not assistant: there is nothing to learn",
            where=f"{key}[{len(messages) - 1}].role",
        )


def _check_answer(text: str, where: str) -> None:
    if not text.strip():
        raise RowError("empty_answer", "câu trả lời trống", "the answer is empty", where=where)
    _check_encodable(text, where)


def _check_string(value: object, where: str) -> None:
    if not isinstance(value, str):
        raise _wrong_type(value, where, "chuỗi", "a string")
    if not value.strip():
        raise RowError("empty_text", "nội dung trống", "the text is empty", where=where)
    _check_encodable(value, where)


def _check_encodable(text: str, where: str) -> None:
    """Half of a surrogate pair ("\\ud83d" alone) parses as JSON but is no character: no tokenizer and no file takes it."""
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = f"U+{ord(text[error.start]):04X}"
        raise RowError(
            "half_character",
            f"có nửa ký tự {code} (emoji bị cắt đôi?)",
            f"half a character, {code} (an emoji cut in two?)",
            where=where,
        ) from None


def _wrong_type(value: object, where: str, vi: str, en: str) -> RowError:
    is_vi, is_en = _TYPES.get(type(value), (type(value).__name__, type(value).__name__))
    return RowError("wrong_type", f"phải là {vi}, đây là {is_vi}", f"must be {en}, this is {is_en}", where=where)

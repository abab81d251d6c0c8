"""Other people's formats to ours: Alpaca, ShareGPT, "\\n\\nHuman: ... \\n\\nAssistant: ..." dialogues, question/answer."""

from __future__ import annotations

import json
import re
from typing import Any

from smolcourse.data.json_files import Row
from smolcourse.data.problems import RowError

Message = dict[str, Any]

SHAREGPT_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "function_call": "assistant",
    "system": "system",
    "tool": "tool",
    "observation": "tool",
    "function_response": "tool",
}

_QUESTIONS = (
    ("question", "answer"),
    ("prompt", "response"),
    ("query", "response"),
    ("input", "output"),
    ("question", "response"),
    ("question", "answers"),
    ("question", "multiple_choice_answer"),
)
_CAPTIONS = ("text", "caption", "captions")
CAPTION_REQUEST = "Describe the image."
"""Asked of a picture that comes with a caption and no question."""
_TURN = re.compile(r"\n\n(Human|Assistant): ?")


def is_sharegpt(value: object) -> bool:
    """Whether a list holds ShareGPT turns (`from`, `value`)."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "from" in value[0]


def is_dialogue(value: object) -> bool:
    """Whether a string is a dialogue with both speakers marked."""
    return isinstance(value, str) and "\n\nAssistant:" in value and ("\n\nHuman:" in value or value.startswith("Human:"))


def question_keys(row: Row) -> tuple[str, str] | None:
    """The pair of keys that hold the question and the answer."""
    return next((pair for pair in _QUESTIONS if pair[0] in row and pair[1] in row), None)


def from_alpaca(row: Row) -> Row:
    """`instruction`, `input` (or Dolly's `context`), `output` (or `response`), maybe `system` and `history`, to messages."""
    answer_key = "output" if "output" in row else "response"
    context_key = "input" if "input" in row else "context"
    instruction = _string(row, "instruction")
    context = _string(row, context_key) if row.get(context_key) is not None else ""
    messages = _system(row)
    history = row.get("history") or []
    for index, turn in enumerate(history if isinstance(history, list) else [history]):
        if not (isinstance(turn, list) and len(turn) == 2):
            raise RowError(
                "wrong_type",
                "history phải gồm các cặp [hỏi, đáp]",
                "history must hold [question, answer] pairs",
                where=f"history[{index}]",
            )
        messages += [_message("user", turn[0]), _message("assistant", turn[1])]
    question = f"{instruction}\n\n{context}" if context.strip() else instruction
    return {"messages": [*messages, _message("user", question), _message("assistant", _string(row, answer_key))]}


def from_question_answer(row: Row) -> Row:
    """A question and its answer, as in GSM8K, to messages."""
    pair = question_keys(row)
    assert pair is not None
    question, answer = _string(row, pair[0]), _first(row, pair[1])
    return {"messages": [*_system(row), _message("user", question), _message("assistant", answer)]}


def caption_key(row: Row) -> str | None:
    """The key that holds what a picture shows."""
    return next((key for key in _CAPTIONS if row.get(key)), None)


def from_caption(row: Row) -> Row:
    """A picture and its caption, or the first of several, to messages; `prompt` may hold the request."""
    key = caption_key(row)
    assert key is not None
    request = row["prompt"] if isinstance(row.get("prompt"), str) else CAPTION_REQUEST
    return {"messages": [*_system(row), _message("user", request), _message("assistant", _first(row, key))]}


def from_texts(row: Row) -> Row:
    """`texts`, a list of exchanges with `user` and `assistant` (as in the Cauldron's data), to messages."""
    messages = _system(row)
    for index, exchange in enumerate(row["texts"]):
        if not (isinstance(exchange, dict) and "user" in exchange and "assistant" in exchange):
            raise RowError(
                "wrong_type",
                "mỗi mục phải có khoá user và assistant",
                "each entry needs the keys user and assistant",
                where=f"texts[{index}]",
            )
        messages += [_message("user", exchange["user"]), _message("assistant", exchange["assistant"])]
    return {"messages": messages}


def from_sharegpt(row: Row) -> Row:
    """Turns with `from` and `value` to messages; with `chosen` and `rejected` (a turn or a list of turns) to a preference row."""
    key = next((name for name in ("conversations", "conversation", "messages", "prompt") if row.get(name)), "conversations")
    turns = row.get(key)
    if key == "prompt" and isinstance(turns, str):
        turns = [{"from": "human", "value": turns}]
    messages = _system(row) + _turns(turns if turns is not None else [], key)
    if "chosen" not in row:
        return {"messages": messages}
    sides = {side: _turns(row[side] if isinstance(row[side], list) else [row[side]], side) for side in ("chosen", "rejected")}
    return with_explicit_prompt(({"prompt": messages} if messages else {}) | sides)


def from_dialogue(row: Row) -> Row:
    """Dialogues written as one string, as in Anthropic's HH: `text` to messages, `chosen` and `rejected` to a preference row."""
    if "text" in row and "chosen" not in row:
        return {"messages": _dialogue(_string(row, "text"), "text")}
    start = row["prompt"] if isinstance(row.get("prompt"), str) else ""
    return with_explicit_prompt({side: _dialogue(start + _string(row, side), side) for side in ("chosen", "rejected")})


def with_explicit_prompt(row: Row) -> Row:
    """A preference row whose `prompt` is explicit: as given, or what both answers begin with.

    Message lists are cut after the last common message; strings after the last word they share. A prompt that is given and
    also stands at the head of both answers (a column of its own beside whole conversations) is not said twice.
    """
    prompt, chosen, rejected = row.get("prompt"), row["chosen"], row["rejected"]
    if type(chosen) is not type(rejected) or not isinstance(chosen, (str, list)):
        raise RowError(
            "wrong_type",
            "chosen và rejected phải cùng là chuỗi hoặc cùng là danh sách message",
            "chosen and rejected must both be strings or both be lists of messages",
            where="rejected",
        )
    if chosen == rejected:
        raise RowError(
            "equal_pair",
            "chosen và rejected giống hệt nhau: không có gì để học",
            "chosen and rejected are equal: there is nothing to learn",
            where="rejected",
        )
    if isinstance(chosen, list):
        return _split_messages(prompt, chosen, rejected)
    if prompt:
        return {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    cut = _shared_words(chosen, rejected)
    return {"prompt": chosen[:cut], "chosen": chosen[cut:], "rejected": rejected[cut:]}


def _split_messages(prompt: object, chosen: list[Any], rejected: list[Any]) -> Row:
    shared = _shared_messages(chosen, rejected)
    if isinstance(prompt, str) and prompt:
        prompt = next((shared for message in shared if isinstance(message, dict) and message.get("content") == prompt), None) or [
            _message("user", prompt)
        ]
    if prompt and not (isinstance(prompt, list) and shared[: len(prompt)] == prompt):
        shared = []  # both answers really begin alike: what was given is the whole prompt
    return {"prompt": shared or prompt, "chosen": chosen[len(shared) :], "rejected": rejected[len(shared) :]}


def _shared_messages(chosen: list[Any], rejected: list[Any]) -> list[Any]:
    """The messages both begin with; never the last of either, which is its answer."""
    count = 0
    while count < min(len(chosen), len(rejected)) - 1 and chosen[count] == rejected[count]:
        count += 1
    return chosen[:count]


def _shared_words(chosen: str, rejected: str) -> int:
    """Length of the common beginning, cut back to where a word ends, so that the prompt ends as text does."""
    count = 0
    for left, right in zip(chosen, rejected, strict=False):
        if left != right:
            break
        count += 1
    while 0 < count < max(len(chosen), len(rejected)) and not chosen[count - 1 : count].isspace():
        count -= 1
    # The space before a word is the first character of the answer: tokenizers attach it to the word.
    return len(chosen[:count].rstrip(" "))


def _turns(turns: object, key: str) -> list[Message]:
    if not isinstance(turns, list):
        raise RowError("wrong_type", f"{key} phải là danh sách các lượt", f"{key} must be a list of turns", where=key)
    messages: list[Message] = []
    for index, turn in enumerate(turns):
        if isinstance(turn, dict) and "role" in turn and "content" in turn:
            messages.append(turn)
            continue
        if not (isinstance(turn, dict) and "from" in turn and "value" in turn):
            raise RowError(
                "wrong_type",
                "mỗi lượt phải có khoá from và value",
                "each turn needs the keys from and value",
                where=f"{key}[{index}]",
            )
        speaker = str(turn["from"]).lower()
        messages.append(_message(SHAREGPT_ROLES.get(speaker, str(turn["from"])), turn["value"]))
    return messages


def _dialogue(text: str, key: str) -> list[Message]:
    parts = _TURN.split(text if text.startswith("\n") else f"\n\n{text}")
    if parts[0].strip():
        raise RowError("wrong_type", "hội thoại phải bắt đầu bằng 'Human:'", "a dialogue must begin with 'Human:'", where=key)
    roles = {"Human": "user", "Assistant": "assistant"}
    return [_message(roles[speaker], said.strip()) for speaker, said in zip(parts[1::2], parts[2::2], strict=True)]


def _system(row: Row) -> list[Message]:
    system = row.get("system")
    return [_message("system", system)] if isinstance(system, str) and system.strip() else []


def parsed_tools(tools: str) -> list[Any]:
    """The tools of a row that keeps them as a JSON string, as ShareGPT files and Parquet tables do."""
    try:
        value = json.loads(tools) if tools.strip() else []
    except ValueError:
        value = None
    if not isinstance(value, list):
        raise RowError("wrong_type", "tools phải là danh sách JSON", "tools must be a JSON list", where="tools")
    return value


def _string(row: Row, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise RowError("wrong_type", f"{key} phải là chuỗi", f"{key} must be a string", where=key)
    return value


def _first(row: Row, key: str) -> str:
    """A string, or the first of several."""
    value = row[key]
    return _string({key: value[0]} if isinstance(value, list) and value else row, key)


def _message(role: str, content: object) -> Message:
    return {"role": role, "content": content}

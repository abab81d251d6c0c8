"""From an OpenAI request to what llama.cpp is asked, and back where their shapes differ."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any

from smolcourse.inference.engine import Request, greedy
from smolcourse.inference.serving.constraints import check_grammar, check_schema
from smolcourse.inference.serving.keeper import Facts
from smolcourse.inference.serving.pictures import check_count, parts_of
from smolcourse.inference.serving.problems import wrong

_SAME = ("temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty", "stop")
_LARGEST_SEED = 0xFFFFFFFF  # llama.cpp takes this one as "draw one yourself"


def chat_requests(asked: Mapping[str, Any], facts: Facts, system: str | None, lora: list[dict[str, float]]) -> list[Request]:
    """One request for each choice.

    Raises:
        Problem: what the model has not: a chat template, tools, eyes; or two ways at once to constrain the answer.
    """
    if not facts.chat:
        raise wrong("mô hình này không có chat template", "this model has no chat template", "messages", "no_chat_template")
    request = _common(asked, facts, lora)
    messages = [_message(message, f"messages[{place}]", facts) for place, message in enumerate(asked["messages"])]
    check_count(messages)
    if system and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": system})
    request["messages"] = messages
    if limit := asked.get("max_completion_tokens"):
        request["max_tokens"] = int(limit)
    if (wanted := asked.get("response_format")) and wanted["type"] != "text":
        if "grammar" in request:
            raise wrong("grammar và response_format loại trừ nhau", "grammar and response_format exclude each other", "grammar")
        _need(facts, "grammar", "response_format")
        if wanted["type"] == "json_schema":
            check_schema(wanted["json_schema"]["schema"])
        request["response_format"] = wanted
    if asked.get("logprobs"):
        _need(facts, "logprobs", "logprobs")
        request |= {"logprobs": True, "top_logprobs": max(1, int(asked.get("top_logprobs") or 0))}
    elif asked.get("top_logprobs"):
        raise wrong("top_logprobs cần logprobs: true", "top_logprobs needs logprobs: true", "top_logprobs")
    _add_tools(request, asked, facts)
    return _each(request, asked)


def completion_requests(asked: Mapping[str, Any], facts: Facts, lora: list[dict[str, float]]) -> list[Request]:
    """One request for each choice of each prompt, in OpenAI's order."""
    request = _common(asked, facts, lora)
    if asked.get("logprobs") is not None:
        _need(facts, "logprobs", "logprobs")
        request["logprobs"] = max(1, int(asked["logprobs"]))
    prompt = asked["prompt"]
    prompts = [prompt] if isinstance(prompt, str) or isinstance(prompt[0], int | float) else prompt
    return [one | {"prompt": tokens_of(text, facts, "prompt")} for text in prompts for one in _each(request, asked)]


def tokens_of(text: Any, facts: Facts, where: str) -> Any:
    """A text, or token ids that the vocabulary has."""
    if isinstance(text, str):
        return text
    if any(token >= facts.vocabulary for token in text):
        raise wrong(f"{where}: có token id ngoài từ vựng", f"{where}: a token id is outside the vocabulary", where)
    return [int(token) for token in text]


def legacy_logprobs(rows: list[dict[str, Any]], top: int, offset: int) -> dict[str, Any]:
    """The older shape that /v1/completions has. `offset` is where in the answer the first token begins, in characters."""
    tokens = [row["token"] for row in rows]
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token)
    return {
        "tokens": tokens,
        "token_logprobs": [row["logprob"] for row in rows],
        "top_logprobs": [{best["token"]: best["logprob"] for best in row["top_logprobs"][:top]} for row in rows],
        "text_offset": offsets,
    }


def _common(asked: Mapping[str, Any], facts: Facts, lora: list[dict[str, float]]) -> Request:
    request: Request = {key: asked[key] for key in _SAME if asked.get(key) is not None}
    if asked.get("max_tokens") is not None:
        request["max_tokens"] = int(asked["max_tokens"])
    if asked.get("seed") is not None:
        request["seed"] = int(asked["seed"]) % _LARGEST_SEED
    if biases := asked.get("logit_bias"):
        _need(facts, "logprobs", "logit_bias")
        request["logit_bias"] = [[_token(name, facts), float(bias)] for name, bias in biases.items()]
    if grammar := asked.get("grammar"):
        _need(facts, "grammar", "grammar")
        check_grammar(grammar)
        request["grammar"] = grammar
    if lora:
        request["lora"] = lora
    return greedy(request)


def _each(request: Request, asked: Mapping[str, Any]) -> list[Request]:
    """The choices of one prompt: each with a seed of its own, or all would be one."""
    count = int(asked.get("n") or 1)
    if "seed" not in request:
        return [dict(request) for _ in range(count)]
    return [request | {"seed": (request["seed"] + index) % _LARGEST_SEED} for index in range(count)]


def _message(message: Mapping[str, Any], where: str, facts: Facts) -> dict[str, Any]:
    """As templates know it: text in one piece, in the composed form (NFC) that models are trained on."""
    kept = {key: value for key, value in message.items() if key in ("role", "tool_calls", "tool_call_id", "name") and value}
    content = message.get("content")
    for index, call in enumerate(message.get("tool_calls") or ()):
        try:
            json.loads(call["function"]["arguments"])
        except ValueError as error:
            place = f"{where}.tool_calls[{index}].function.arguments"
            raise wrong(f"{place}: không phải JSON", f"{place}: not JSON", place) from error
    text = content if isinstance(content, list) else unicodedata.normalize("NFC", content or "")
    return kept | {
        "role": "system" if message["role"] == "developer" else message["role"],
        "content": parts_of(text, f"{where}.content", facts) if isinstance(text, list) else text,
    }


def _add_tools(request: Request, asked: Mapping[str, Any], facts: Facts) -> None:
    tools, choice = asked.get("tools"), asked.get("tool_choice")
    if not tools or choice == "none":
        return
    if not facts.tools:
        raise wrong(
            "chat template của mô hình này không có tool",
            "the chat template of this model knows no tools",
            "tools",
            "no_tools",
        )
    if asked.get("logprobs") and asked.get("stream"):
        raise wrong("logprobs không đi với tools khi stream", "logprobs do not go with tools in a stream", "logprobs")
    if isinstance(choice, dict):
        name = choice["function"]["name"]
        tools = [tool for tool in tools if tool["function"]["name"] == name]
        if not tools:
            raise wrong(f"tool_choice: không có tool {name}", f"tool_choice: there is no tool {name}", "tool_choice")
        choice = "required"
    for tool in tools:
        check_schema(tool["function"].get("parameters") or {})
    request |= {"tools": tools, "tool_choice": choice or "auto", "parallel_tool_calls": bool(asked.get("parallel_tool_calls"))}


def _token(name: str, facts: Facts) -> int:
    if not (name.isascii() and name.isdigit() and len(name) < 10 and int(name) < facts.vocabulary):
        raise wrong(
            f"logit_bias: {name[:20]!r} không phải token id", f"logit_bias: {name[:20]!r} is not a token id", "logit_bias"
        )
    return int(name)


def _need(facts: Facts, feature: str, param: str) -> None:
    if feature not in facts.features:
        raise wrong(
            f"{param}: mô hình này chạy bằng transformers, không có tính năng này",
            f"{param}: this model runs on transformers, which has not got it",
            param,
            "not_supported",
        )


def compact(value: object) -> bytes:
    """JSON as it goes over the wire."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()

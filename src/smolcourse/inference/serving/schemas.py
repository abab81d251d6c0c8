"""What each endpoint takes, as JSON schemas. Requests are held against them, and /openapi.json shows them."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

MOST_CHOICES = 16
LONGEST_GRAMMAR = 20_000  # characters


def _maybe(schema: Schema) -> Schema:
    """OpenAI's clients send null for what was not set."""
    return {"anyOf": [schema, {"type": "null"}]}


def _object(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _number(low: float, high: float, about: str = "") -> Schema:
    return {"type": "number", "minimum": low, "maximum": high} | ({"description": about} if about else {})


def _integer(low: int, high: int, about: str = "") -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high} | ({"description": about} if about else {})


_TEXT: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 64}
_FREE: Schema = {"type": "object", "additionalProperties": True}
_STOP: Schema = {"type": "string", "minLength": 1, "maxLength": 200}
_IGNORED: Schema = {"description": "accepted from OpenAI's clients, without effect"}

_PART = _object(("type", "text"), type={"enum": ["text"]}, text=_TEXT)
_IMAGE = _object(
    ("type", "image_url"),
    type={"enum": ["image_url"]},
    image_url=_object(
        ("url",),
        url={"type": "string", "description": "data:image/png;base64,... (or jpeg, webp, gif); nothing is fetched"},
        detail=_maybe({"enum": ["auto", "low", "high"], "description": "without effect"}),
    ),
)


def _content(part: Schema) -> Schema:
    return {"anyOf": [_TEXT, {"type": "array", "items": part, "minItems": 1, "maxItems": 100}]}


_CONTENT = _content(_PART)
_SHOWN = _content({"anyOf": [_PART, _IMAGE]})
_CALL = _object(
    ("id", "type", "function"),
    id=_TEXT,
    type={"enum": ["function"]},
    function=_object(("name", "arguments"), name=_NAME, arguments=_TEXT),
)
_MESSAGE: Schema = {
    "anyOf": [
        _object(("role", "content"), role={"enum": ["system", "developer"]}, content=_CONTENT, name=_maybe(_NAME)),
        _object(("role", "content"), role={"enum": ["user"]}, content=_SHOWN, name=_maybe(_NAME)),
        _object(("role", "content", "tool_call_id"), role={"enum": ["tool"]}, content=_CONTENT, tool_call_id=_TEXT),
        _object(
            ("role",),
            role={"enum": ["assistant"]},
            content=_maybe(_CONTENT),
            name=_maybe(_NAME),
            refusal={"type": "null"},
            tool_calls=_maybe({"type": "array", "items": _CALL, "maxItems": 32}),
            **dict.fromkeys(("audio", "function_call", "annotations", "reasoning_content", "parsed"), _IGNORED),
        ),
    ]
}
_TOOL = _object(
    ("type", "function"),
    type={"enum": ["function"]},
    function=_object(
        ("name",), name=_NAME, description=_maybe(_TEXT), parameters=_maybe(_FREE), strict=_maybe({"type": "boolean"})
    ),
)
_TOOL_CHOICE: Schema = {
    "anyOf": [
        {"enum": ["none", "auto", "required"]},
        _object(("type", "function"), type={"enum": ["function"]}, function=_object(("name",), name=_NAME)),
    ]
}
_FORMAT: Schema = {
    "anyOf": [
        _object(("type",), type={"enum": ["text", "json_object"]}),
        _object(
            ("type", "json_schema"),
            type={"enum": ["json_schema"]},
            json_schema=_object(
                ("name", "schema"), name=_NAME, schema=_FREE, description=_maybe(_TEXT), strict=_maybe({"type": "boolean"})
            ),
        ),
    ]
}


def _common(most_tokens: int) -> dict[str, Schema]:
    """What chat and text completions share."""
    return {
        "max_tokens": _maybe(_integer(1, most_tokens, "of the answer; more than the context has left is cut there")),
        "temperature": _maybe(_number(0, 2, "0, the likeliest token each time, unless given")),
        "top_p": _maybe(_number(0, 1)),
        "top_k": _maybe(_integer(0, 1000, "0 for all; not OpenAI's")),
        "min_p": _maybe(_number(0, 1, "not OpenAI's")),
        "presence_penalty": _maybe(_number(-2, 2)),
        "frequency_penalty": _maybe(_number(-2, 2)),
        "logit_bias": _maybe({"type": "object", "additionalProperties": _number(-100, 100), "maxProperties": 300}),
        "seed": _maybe(_integer(-(2**63), 2**63 - 1)),
        "stop": _maybe({"anyOf": [_STOP, {"type": "array", "items": _STOP, "maxItems": 16}]}),
        "n": _maybe(_integer(1, MOST_CHOICES)),
        "stream": _maybe({"type": "boolean"}),
        "stream_options": _maybe(
            _object(include_usage=_maybe({"type": "boolean"}), include_obfuscation=_maybe({"type": "boolean"}))
        ),
        "grammar": _maybe(
            {
                "type": "string",
                "minLength": 1,
                "maxLength": LONGEST_GRAMMAR,
                "description": "GBNF, llama.cpp's grammars; instead of response_format; not OpenAI's",
            }
        ),
        "user": _maybe(_TEXT),
    }


def chat(most_tokens: int) -> Schema:
    """Of /v1/chat/completions."""
    common = _common(most_tokens)
    ignored = ("metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "reasoning_effort", "verbosity")
    return _object(
        ("model", "messages"),
        model=_TEXT,
        messages={"type": "array", "items": _MESSAGE, "minItems": 1, "maxItems": 1000},
        max_completion_tokens=common["max_tokens"],
        response_format=_maybe(_FORMAT),
        logprobs=_maybe({"type": "boolean"}),
        top_logprobs=_maybe(_integer(0, 20)),
        tools=_maybe({"type": "array", "items": _TOOL, "maxItems": 64}),
        tool_choice=_maybe(_TOOL_CHOICE),
        parallel_tool_calls=_maybe({"type": "boolean"}),
        modalities=_maybe({"type": "array", "items": {"enum": ["text"]}}),
        **common,
        **dict.fromkeys(ignored, _IGNORED),
    )


def completion(most_tokens: int) -> Schema:
    """Of /v1/completions."""
    tokens: Schema = {"type": "array", "items": _integer(0, 2**31 - 1), "minItems": 1}
    prompt: Schema = {"type": "string", "minLength": 1}
    several: Schema = {"type": "array", "items": {"anyOf": [prompt, tokens]}, "minItems": 1, "maxItems": MOST_CHOICES}
    return _object(
        ("model", "prompt"),
        model=_TEXT,
        prompt={"anyOf": [prompt, tokens, several]},
        logprobs=_maybe(_integer(0, 20)),
        echo=_maybe({"enum": [False]}),
        best_of=_maybe({"enum": [1]}),
        suffix={"type": "null"},
        **_common(most_tokens),
    )


def embeddings() -> Schema:
    """Of /v1/embeddings."""
    tokens: Schema = {"type": "array", "items": _integer(0, 2**31 - 1), "minItems": 1}
    text: Schema = {"type": "string", "minLength": 1}
    several: Schema = {"type": "array", "items": {"anyOf": [text, tokens]}, "minItems": 1, "maxItems": 256}
    return _object(
        ("model", "input"),
        model=_TEXT,
        input={"anyOf": [text, tokens, several]},
        encoding_format=_maybe({"enum": ["float", "base64"]}),
        user=_maybe(_TEXT),
    )

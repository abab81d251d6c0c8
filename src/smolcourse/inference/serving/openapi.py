"""The server's description of itself: what /openapi.json shows."""

from __future__ import annotations

from typing import Any

from smolcourse import __version__
from smolcourse.inference.serving import schemas
from smolcourse.inference.serving.schemas import Schema

_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_CHOICES: Schema = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices", "usage"],
    "properties": {
        "choices": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["index", "finish_reason"]}}
    },
}
_EVENT: Schema = {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}}
_LIST: Schema = {"type": "object", "required": ["object", "data"], "properties": {"data": {"type": "array"}}}
_MODEL: Schema = {"type": "object", "required": ["id", "object", "created", "owned_by"]}
_ANY: Schema = {"type": "object"}
_REFUSALS = {
    400: "wrong request",
    408: "it came too slowly",
    413: "too large",
    415: "not JSON by its Content-Type",
    429: "the queue is full; Retry-After says when to come back",
    500: "the model failed",
    503: "the model is being started; Retry-After says when to come back",
    504: "no whole answer in time",
}


def describe(models: list[str], most_tokens: int, keys: bool) -> dict[str, Any]:
    """The OpenAPI document of a server with these models."""
    name: Schema = {"type": "string", "enum": models}

    def takes(schema: Schema) -> Schema:
        return schema | {"properties": schema["properties"] | {"model": name}}

    asked = {
        "/v1/chat/completions": ("chat", takes(schemas.chat(most_tokens)), _CHOICES, True),
        "/v1/completions": ("completions", takes(schemas.completion(most_tokens)), _CHOICES, True),
        "/v1/embeddings": ("embeddings", takes(schemas.embeddings()), _LIST, False),
    }
    paths: dict[str, Any] = {
        path: {"post": _operation(label, result, keys, body, streams)} for path, (label, body, result, streams) in asked.items()
    }
    paths["/v1/embeddings"]["post"]["responses"]["501"] = _response("this model gives none", _ERROR)
    paths["/v1/models"] = {"get": _operation("models", _LIST, keys)}
    paths["/v1/models/{model}"] = {"get": _operation("model", _MODEL, keys)}
    paths["/v1/models/{model}"]["get"]["parameters"] = [
        {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    ]
    paths["/v1/models/{model}"]["get"]["responses"]["404"] = _response("no such model", _ERROR)
    paths["/health"] = {"get": _operation("health", _ANY, False)}
    paths["/ready"] = {"get": _operation("ready", _ANY, False)}
    paths["/ready"]["get"]["responses"]["503"] = _response("a model is being started", _ANY)
    return {
        "openapi": "3.1.0",
        "info": {"title": "smolcourse", "version": __version__, "description": "OpenAI's interface to small models"},
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _operation(label: str, result: Schema, keys: bool, body: Schema | None = None, streams: bool = False) -> dict[str, Any]:
    responses = {"200": _response("the answer", result)}
    if streams:
        responses["200"]["content"]["text/event-stream"] = {"schema": _EVENT}
    if keys:
        responses["401"] = _response("no key, or a wrong one", _ERROR)
    operation: dict[str, Any] = {"operationId": label, "responses": responses}
    if body:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        responses |= {str(status): _response(why, _ERROR) for status, why in _REFUSALS.items()}
        responses["404"] = _response("no such model", _ERROR)
    return operation | ({"security": [{"key": []}]} if keys else {})


def _response(about: str, schema: Schema) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": schema}}}

"""What nobody should send, and what comes back: one error in OpenAI's shape, no crash, no restart."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket

import pytest

pytestmark = pytest.mark.bad_input

CHAT = "/v1/chat/completions"
JSON = {"Content-Type": "application/json"}
GOOD = {"model": "tiny", "messages": [{"role": "user", "content": "Xin chào"}], "max_tokens": 2}
CALL = {"name": "f", "arguments": "{"}
TOOL = {"type": "function", "function": {"name": "f"}}


def send(server, path=CHAT, body=b"", headers=None, method="POST"):
    """Status, body, headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=300)
    connection.request(method, path, body, JSON if headers is None else headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text, reply.headers


def refused(server, expected, *arguments, **more):
    """The request is refused with that status, in the right shape; returns the error."""
    status, text, headers = send(server, *arguments, **more)
    assert status == expected, text
    assert headers["Content-Type"].startswith("application/json")
    assert headers["x-request-id"]
    error = json.loads(text)["error"]
    assert set(error) == {"message", "type", "param", "code"} and error["message"]
    return error


@pytest.fixture(autouse=True)
def _still_there(server):
    """The worker lives through all of it."""
    before = server.figure("smolcourse_worker_restarts_total")
    yield
    assert server.figure("smolcourse_worker_restarts_total") == before
    assert send(server, body=json.dumps(GOOD).encode())[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"x"', "invalid_json"),
        (b"[" * 10_000 + b"]" * 10_000, "too_deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (json.dumps(GOOD).encode()[:-1] + b', "temperature": NaN}', "invalid_json"),
        (json.dumps(GOOD).encode()[:-1] + b', "temperature": Infinity}', "invalid_json"),
        (json.dumps(GOOD).encode()[:-1] + b', "temperature": 1e400}', "invalid_json"),
        (json.dumps(GOOD).encode()[:-1] + b', "seed": ' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"model": "tiny", "messages": [{"role": "user", "content": "\\ud83d"}]}', "invalid_json"),
        (b'{"model": "tiny\xff"}', "invalid_utf8"),
        (b'\xef\xbb\xbf{"model": "tiny"}', "invalid_json"),
        (b"\x00" * 100, "invalid_json"),
    ],
)
def test_what_is_not_json(server, body, code):
    assert refused(server, 400, body=body)["code"] == code


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]},
            "messages[0].content[0].image_url",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": "x", "extra": 1}]}, "messages[0].extra"),
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"n": 0}, "n"),
        ({"n": 1000}, "n"),
        ({"seed": 2**70}, "seed"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": ["x"] * 100}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 99}, "top_logprobs"),
        ({"logit_bias": {"-1": 5}}, "logit_bias"),
        ({"logit_bias": {"99999999": 5}}, "logit_bias"),
        ({"logit_bias": {"x": 5}}, "logit_bias"),
        ({"wrong_key": 1}, "wrong_key"),
        ({"id_slot": 0}, "id_slot"),
        ({"lora": [{"id": 0, "scale": 9}]}, "lora"),
        ({"__proto__": {}}, "__proto__"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_object"}, "grammar": 'root ::= "a"'}, "grammar"),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "tool_choice"),
        ({"tools": [TOOL | {"type": "retrieval"}]}, "tools[0].type"),
        ({"tools": "all"}, "tools"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": CALL}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_wrong_keys_and_values(server, change, param):
    assert refused(server, 400, body=json.dumps(GOOD | change).encode())["param"] == param


@pytest.mark.parametrize(
    "grammar",
    [
        "root ::= (",
        "nothing",
        "root ::= root",
        "root ::= [z-a]",
        'root ::= "a"{5,2}',
        'root ::= "a"{99999999999999999999}',
        "root ::= <[2]>",
        "root ::= " + "(" * 5000 + '"a"' + ")" * 5000,
    ],
)
def test_grammars_that_would_take_the_process_down(server, grammar):
    refused(server, 400, body=json.dumps(GOOD | {"grammar": grammar}).encode())


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1/x"},
        {"type": "array", "minItems": 5, "maxItems": 2},
        {"type": "string", "minLength": 10**9},
        {"type": "string", "pattern": "^[z-a]$"},
        {"type": "string", "pattern": "^" + "(" * 3000 + ")" * 3000 + "$"},
        {"type": "object", "properties": {f"key{number}": {} for number in range(3000)}},
        {"type": "nonsense"},
    ],
)
def test_schemas_that_would_take_the_process_down(server, schema):
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    refused(server, 400, body=json.dumps(GOOD | {"response_format": wanted}).encode())


@pytest.mark.parametrize(
    "model", ["nobody", "../../etc/passwd", "/etc/passwd", "tiny\x00", "tiny/../tiny", "", "a" * 10_000, "%2e%2e"]
)
def test_models_that_are_not_there(server, model):
    assert refused(server, 404, body=json.dumps(GOOD | {"model": model}).encode())["code"] == "model_not_found"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/models/nobody", 404),
        ("/v1/models/..%2f..%2fetc%2fpasswd", 404),
        ("/v1/models/../../etc/passwd", 404),
        ("/v1/models/tiny%00", 404),
        ("/v1/models/%ff", 404),
        ("/etc/passwd", 404),
        ("//etc/passwd", 404),
        ("/v1/chat/completions/", 404),
        ("/v1/chat/completions", 405),
        ("/slots", 404),
        ("/lora-adapters", 404),
    ],
)
def test_paths_that_are_not_there(server, path, status):
    refused(server, status, path, method="GET", headers={})


def test_a_prompt_longer_than_the_context(server):
    long = [{"role": "user", "content": "trà sữa " * 2000}]
    assert refused(server, 400, body=json.dumps(GOOD | {"messages": long}).encode())["code"] == "context_length_exceeded"
    assert (
        refused(server, 400, body=json.dumps(GOOD | {"messages": long, "stream": True}).encode())["code"]
        == "context_length_exceeded"
    )


def test_token_ids_outside_the_vocabulary(server):
    for prompt in ([10**9], [-1], [[10**9]]):
        refused(server, 400, "/v1/completions", json.dumps({"model": "tiny", "prompt": prompt}).encode())
        refused(server, 400, "/v1/embeddings", json.dumps({"model": "tiny", "input": prompt}).encode())


def test_other_content_types(server):
    """A page of another site can send text/plain without asking the browser; it cannot send JSON."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        refused(server, 415, body=json.dumps(GOOD).encode(), headers={"Content-Type": kind})
    refused(server, 415, body=b"x", headers=JSON | {"Content-Encoding": "gzip"})


def test_a_name_that_was_made_to_point_here(server):
    assert refused(server, 403, body=json.dumps(GOOD).encode(), headers=JSON | {"Host": "evil.example"})["code"] == "wrong_host"
    assert send(server, body=json.dumps(GOOD).encode(), headers=JSON | {"Host": "localhost:8000"})[0] == 200


def test_a_body_of_100_mb_is_refused_before_it_is_read(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as wire:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
        wire.sendall(head.encode() + b'{"model"')
        assert b" 413 " in wire.recv(4096)


def test_a_body_without_a_length_is_cut_off(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as wire:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire.sendall(head.encode())
        for _ in range(21):  # of 10 kB: one more than is let in, and nothing after it, lest it cross the refusal
            wire.sendall(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        assert b" 413 " in wire.recv(4096)


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00", b"GET\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"A" * 100_000]
)
def test_what_is_not_http(server, noise):
    with socket.create_connection(("127.0.0.1", server.port), timeout=300) as wire:
        with contextlib.suppress(ConnectionError):  # refused before all of it is sent
            wire.sendall(noise + b"\r\n\r\n")
        assert b" 400 " in wire.recv(4096)

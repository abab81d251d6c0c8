"""A server that times out, fails, talks nonsense, trickles or refuses; and one that answers."""

import contextlib
import dataclasses
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smolcourse.errors import SmolError
from smolcourse.evaluation.answers import remembering
from smolcourse.evaluation.compare import examine
from smolcourse.evaluation.examinee import Examinee
from smolcourse.evaluation.solvers import choose
from smolcourse.evaluation.tasks import Item, Task, ask
from smolcourse.inference.endpoint import Endpoint, endpoint, endpoint_examinee

PATIENCE = 0.3  # where nothing comes; where something does, a slow machine has a minute


def completion(text):
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@pytest.fixture
def serve():
    """Starts a server whose behaviours are used up one a request; the last stays. Returns its address and what it was asked."""
    servers, over = [], threading.Event()

    def start(*behaviours):
        left, asked = list(behaviours), []

        class Handler(BaseHTTPRequestHandler):
            ended = over

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                behaviour = left.pop(0) if len(left) > 1 else left[0]
                asked.append((self.path, body, self.headers.get("Authorization")))
                with contextlib.suppress(OSError):
                    behaviour(self, body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/v1", asked

    yield start
    over.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def reply(data, code=200, **headers):
    def behave(handler, _):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return behave


def good(handler, body):
    reply(completion(f"đáp: {body['messages'][-1]['content']}"))(handler, body)


def silent(handler, _):
    handler.ended.wait()


def trickle(handler, _):
    handler.send_response(200)
    handler.end_headers()
    while not handler.ended.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def hang_up(handler, _):
    handler.connection.close()


def quick(url, **settings):
    return Endpoint(url, "m", **{"timeout": 60, "pause": 0.01, "retries": 2, **settings})


def until(true):
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def impatient_at_first(monkeypatch, asked):
    """The first try ends after `PATIENCE`, but not before the server has it; those after it have all the time they need."""
    real = Endpoint._try

    def tried(self, *arguments):
        if asked:
            return real(self, *arguments)
        try:
            return real(dataclasses.replace(self, timeout=PATIENCE), *arguments)
        finally:
            until(lambda: asked)

    monkeypatch.setattr(Endpoint, "_try", tried)


def test_answers_come_in_order(serve, monkeypatch):
    url, asked = serve(good)
    monkeypatch.setenv("SMOLCOURSE_API_KEY", "abc")
    assert quick(url).answers([f"câu {n}" for n in range(9)]) == [f"đáp: câu {n}" for n in range(9)]
    path, body, key = asked[0]
    assert path == "/v1/chat/completions" and key == "Bearer abc"
    assert body["model"] == "m" and body["temperature"] == 0 and body["max_tokens"] == 512


FAULTS = {
    "500": (reply(b"boom", 500), "HTTP 500 boom"),
    "429": (reply(b"", 429, Retry_After="0"), "HTTP 429"),
    "garbage": (reply(b"<html>\xff"), "không đúng dạng"),
    "no choices": (reply(b'{"choices": []}'), "không đúng dạng"),
    "null": (reply(json.dumps({"choices": [{"message": {"content": None}}]}).encode()), "không đúng dạng"),
    "silence": (silent, "giây"),
    "trickle": (trickle, "giây"),
    "hang up": (hang_up, "không kết nối"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_is_got_over_and_a_lasting_one_is_clear(serve, fault, monkeypatch):
    behaviour, said = FAULTS[fault]
    slow = behaviour in (silent, trickle)
    url, asked = serve(behaviour, good)
    with monkeypatch.context() as patch:
        if slow:
            impatient_at_first(patch, asked)
        assert quick(url).chat("?") == "đáp: ?" and len(asked) == 2
    url, asked = serve(behaviour)
    with pytest.raises(SmolError, match=said) as error:
        quick(url, retries=1, timeout=PATIENCE if slow else 60).chat("?")
    until(lambda: len(asked) == 2)
    assert url in str(error.value)


@pytest.mark.parametrize(("code", "hint"), [(401, "SMOLCOURSE_API_KEY"), (404, "/v1"), (302, "từ chối")])
def test_a_refusal_is_not_repeated(serve, code, hint):
    url, asked = serve(reply(b"no", code, Location="http://127.0.0.1:1/"))
    with pytest.raises(SmolError, match=hint):
        quick(url).chat("?")
    assert len(asked) == 1


def test_nobody_there():
    with pytest.raises(SmolError, match="không kết nối"):
        Endpoint("http://127.0.0.1:9/v1", retries=0).chat("?")


def test_what_was_answered_before_a_failure_is_kept(serve, tmp_path, monkeypatch):
    monkeypatch.setattr("smolcourse.inference.endpoint.endpoint", lambda name: Endpoint(name, retries=0, parallel=1, pause=0))
    task = Task("t", [Item(ask(f"câu {n}"), f"đáp: câu {n}") for n in range(12)])
    url, first = serve(*[good] * 8, reply(b"", 500))
    with pytest.raises(SmolError), remembering(endpoint_examinee(url), tmp_path) as examinee:
        examine(task, examinee)
    assert len(first) >= 9
    again, second = serve(good)
    with remembering(Examinee(url, url, Endpoint(again).answers), tmp_path) as examinee:
        assert examine(task, examinee).interval().value == 1
    assert len(second) == 12 - 8


def test_likelihoods_are_not_to_be_had(serve):
    task = Task("t", [Item(ask("?"), "a", ("a", "b"))], solver=choose)
    with pytest.raises(SmolError, match="xác suất"):
        examine(task, endpoint_examinee(serve(good)[0]))


def test_addresses():
    found = endpoint("http://localhost:8080/v1#qwen")
    assert (found.url, found.model) == ("http://localhost:8080/v1", "qwen")

"""A server under load: what is counted, and what happens when it refuses or breaks off."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from smolcourse.errors import SmolError
from smolcourse.inference.bench import Client, Heard, Level, bench, measure, percentile
from smolcourse.inference.served import served
from smolcourse.training.energy import energy_from

HELLO = [{"role": "user", "content": "Xin chào"}]


def event(**values: object) -> bytes:
    return b"data: " + json.dumps(values).encode() + b"\n\n"


def piece(text: str | None) -> bytes:
    return event(choices=[{"delta": {"role": "assistant"} if text is None else {"content": text}}])


ANSWER = [
    piece(None),
    piece("một"),
    piece(""),
    piece(" hai"),
    event(choices=[], usage={"completion_tokens": 5}),
    b"data: [DONE]\n\n",
]


class Pretender(ThreadingHTTPServer):
    """Says what it is told to: a list of (status, headers, parts), the last of them again and again."""

    def __init__(self, *said: tuple[int, dict[str, str], list[bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.said = list(said)
        self.asked: list[dict] = []
        self.at_once = self.most_at_once = 0
        self.together = 1  # nobody is answered before so many have asked at once
        self.lock = threading.Condition()


class _Handler(BaseHTTPRequestHandler):
    server: Pretender

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append({**asked, "path": self.path, "key": self.headers.get("Authorization")})
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
            self.server.lock.notify_all()
            self.server.lock.wait_for(lambda: self.server.most_at_once >= self.server.together, 120)
            status, headers, parts = self.server.said.pop(0) if len(self.server.said) > 1 else self.server.said[0]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for part in parts:
            self.wfile.write(part)
        with self.server.lock:
            self.server.at_once -= 1

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def pretend() -> Iterator[Callable[..., tuple[Pretender, str]]]:
    """Starts such servers: the server, and its address."""
    running = []

    def start(*said: tuple[int, dict[str, str], list[bytes]]) -> tuple[Pretender, str]:
        server = Pretender(*said)
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server, f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def test_percentiles():
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([], 50) == 0.0


def test_what_a_level_counts():
    heard = (Heard(4, (0.1, 0.2, 0.4), 0.5), Heard(6, (0.3,), 0.5, refused=2))
    found = Level(2, heard, 2.0, energy_from(0.001, measured=False)).figures()
    assert found["tokens_per_second"] == 5 and found["requests_per_second"] == 1 and found["refused"] == 2
    assert found["first_token_ms_p50"] == pytest.approx(100) and found["first_token_ms_p95"] == pytest.approx(300)
    assert found["gap_ms_p50"] == pytest.approx(100) and found["gap_ms_p99"] == pytest.approx(200)
    assert found["wh_per_1000_tokens"] == pytest.approx(0.1)
    assert "wh_per_1000_tokens" not in Level(2, heard, 2.0).figures()


def test_pieces_and_tokens_are_counted_apart(pretend, monkeypatch):
    monkeypatch.setenv("SMOLCOURSE_API_KEY", "hoa-sen")
    server, url = pretend((200, {}, ANSWER))
    heard = Client(f"{url}#orders", 32).ask(HELLO)
    assert heard.tokens == 5 and len(heard.pieces) == 2 and heard.refused == 0
    assert 0 < heard.pieces[0] <= heard.pieces[1] <= heard.seconds
    (asked,) = server.asked
    assert asked["model"] == "orders" and asked["max_tokens"] == 32 and asked["stream"] and asked["messages"] == HELLO
    assert asked["path"] == "/v1/chat/completions" and asked["key"] == "Bearer hoa-sen"


def test_a_server_that_counts_no_tokens(pretend):
    _, url = pretend((200, {}, [part for part in ANSWER if b"usage" not in part]))
    assert Client(url, 32).ask(HELLO).tokens == 2


def test_a_refusal_is_waited_out(pretend):
    full = (429, {"Retry-After": "0"}, [])
    server, url = pretend(full, full, (200, {}, ANSWER))
    heard = Client(url, 32).ask(HELLO)
    assert heard.refused == 2 and heard.tokens == 5 and len(server.asked) == 3


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((500, {}, [b"out of luck"]), "HTTP 500 out of luck"),
        ((200, {}, ANSWER[:-1]), "broke off"),
        ((200, {}, [piece("một"), event(error={"message": "the worker died"})]), "the worker died"),
    ],
)
def test_a_server_that_fails(pretend, said, reason):
    _, url = pretend(said)
    with pytest.raises(SmolError) as error:
        Client(url, 32).ask(HELLO)
    assert reason in error.value.en and error.value.where == url


def test_nobody_there():
    with pytest.raises(SmolError, match=r"127\.0\.0\.1:9"):
        Client("http://127.0.0.1:9/v1", 32).ask(HELLO)


def test_as_many_at_once_as_there_are_clients(pretend):
    server, url = pretend((200, {}, ANSWER))
    server.together = 3
    level = measure(Client(url, 32), [HELLO] * 9, 3)
    assert server.most_at_once == 3 and len(level.heard) == 9 and level.tokens == 45 and level.energy is None


def test_each_level_asks_what_the_one_before_did_not(pretend):
    server, url = pretend((200, {}, ANSWER))
    levels = bench(url, clients=(1, 2), requests=4)
    assert [(level.clients, len(level.heard)) for level in levels] == [(1, 4), (2, 4)]
    asked = [request["messages"][-1]["content"] for request in server.asked]
    assert len(asked) == len(set(asked)) == 11  # one more a client warms its level


def test_a_server_of_our_own(tiny_gguf):
    with served(str(tiny_gguf), "--slots", "2", "--context", "512", "--threads", "1") as server:
        (level,) = bench(server.url, clients=(2,), requests=4, max_tokens=8, server=server)
        assert level.tokens > 8 and level.energy and level.energy.wh > 0
        process = server.process
        assert len(process.children()) == 1
    assert server.peak > 20e6 and server.seconds > 0
    assert not process.is_running()


def test_a_server_that_does_not_start(tmp_path):
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and nothing more")
    with pytest.raises(SmolError, match=r"broken\.gguf"), served(str(tmp_path / "broken.gguf")):
        pass


def test_the_command(smol, pretend):
    _, url = pretend((200, {}, ANSWER))
    done = smol("bench", url, "--clients", "1,2", "--requests", "2", "--json")
    assert done.returncode == 0, done.stderr
    assert [level["clients"] for level in json.loads(done.stdout)["levels"]] == [1, 2]
    shown = smol("bench", url, "--clients", "2", "--requests", "2", env={"SMOLCOURSE_LANG": "en"})
    assert shown.returncode == 0 and "tokens/s" in shown.stdout
    wrong = smol("bench", url, "--clients", "1,none")
    assert wrong.returncode == 2 and "--clients 1,4,16" in wrong.stderr


def test_pictures_go_along(pretend, tmp_path):
    from PIL import Image

    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    server, address = pretend((200, {"Connection": "close"}, ANSWER))
    parts = [{"type": "image", "image": str(tmp_path / "red.png")}, {"type": "text", "text": "Màu gì?"}]
    assert Client(address, 4).ask([{"role": "user", "content": parts}]).tokens == 5
    shown, said = server.asked[0]["messages"][0]["content"]
    assert shown["image_url"]["url"].startswith("data:image/png;base64,") and said == parts[1]

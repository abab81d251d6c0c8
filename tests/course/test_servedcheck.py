"""A deployed model: its server is asked what the run in memory is asked, and neither is believed."""

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

from smolcourse.course import servedcheck
from smolcourse.course.checker import Result
from smolcourse.course.lessons import Exercise, Goal, find_exercises
from smolcourse.course.runcheck import fresh_items

RUN: Any = SimpleNamespace(name="a run", recipe=dict)
GOAL = Goal(recipe="smollm2-135m/sft/lora", task="milk-tea:unseen", score=0.5, minutes=10, size=10, drop=0.1)
SEED = 3


@pytest.fixture
def serve() -> Iterator[Callable[[int], str]]:
    """Starts a server that answers all items but the first so many rightly; returns its address."""
    running = []

    def start(wrong: int) -> str:
        task = fresh_items(RUN, GOAL, SEED)
        gold = {json.dumps(item.messages): item.gold if number >= wrong else "[]" for number, item in enumerate(task.items)}

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = gold[json.dumps(body["messages"])]
                data = json.dumps({"choices": [{"message": {"role": "assistant", "content": answer}}]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        running.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


def check(url: str, here: float, monkeypatch: pytest.MonkeyPatch) -> Result:
    exercise: Exercise = next(exercise for exercise in find_exercises() if exercise.run)
    monkeypatch.setattr(servedcheck, "score", lambda *_: here)
    return servedcheck.check_served(exercise, dataclasses.replace(GOAL, served=url), RUN, lambda _: None, SEED)


def test_a_server_that_keeps_the_score_passes(serve: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    result = check(serve(1), 1.0, monkeypatch)
    assert result.state == "passing" and "90.0%" in result.got and "100.0%" in result.got


def test_a_score_that_is_lost_on_the_way_is_named(serve: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    result = check(serve(2), 1.0, monkeypatch)
    assert (result.state, result.name) == ("failing", "score-lost") and "20.0" in result.text.en


def test_a_faithful_copy_of_a_poor_model_is_not_enough(serve: Callable[[int], str], monkeypatch: pytest.MonkeyPatch) -> None:
    result = check(serve(6), 0.4, monkeypatch)
    assert (result.state, result.name) == ("failing", "score-too-low")


def test_no_server_is_a_state_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    result = check("http://127.0.0.1:9/v1", 1.0, monkeypatch)
    assert (result.state, result.name, result.wanted) == ("needs a run", "no-server", "smol serve latest")

"""Servers that fail, throttle, lie about usage or talk nonsense: the run goes on with what it has, says so, and is resumed."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from smolcourse.errors import SmolError
from smolcourse.synthesis import sources
from smolcourse.synthesis.engine import Outcome, run
from smolcourse.synthesis.limits import Budget, Limiter, Meter, Spent, Stopped, believed, guess_tokens
from smolcourse.synthesis.pipeline import Pipeline, SourceSettings, Step
from smolcourse.synthesis.rows import Ask, Draft, Making, Row, ask, keep, said
from smolcourse.synthesis.sources import Local, Pool, Request, Server
from tests.synthesis.fakes import Fake
from tests.synthesis.servers import Handler, echo, question, serving


def numbers(*, size: int = 20) -> Iterator[Draft]:
    for number in range(size):
        yield Draft({"instruction": f"câu {number}"})


def respond(row: Row, *, temperature: float = 0.0) -> Making:
    text = yield from said(row.data["instruction"], temperature=temperature, max_new_tokens=64)
    yield keep(row, response=text)


def make(folder: Path, address: str, *, size: int = 20, budget: Budget | None = None, **settings: Any) -> Outcome:
    source = SourceSettings(f"{address}#m", **{"timeout": 120.0, "retries": 2, **settings})
    pipeline = Pipeline("test", [Step(numbers, {"size": size}), Step(respond)], {"s": source}, 0, budget or Budget())
    return run(pipeline, folder)


def answers(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between tries are those that servers ask for, and a hundredth of ours."""
    monkeypatch.setattr(sources, "PAUSE", 0.01)


def test_a_good_server_is_asked_each_question_once(tmp_path: Path) -> None:
    with serving(echo) as (address, log):
        outcome = make(tmp_path, address)
        assert outcome.whole and log.tries.total() == 20 == len(log.tries) == outcome.requests
        assert make(tmp_path, address).whole and log.tries.total() == 20
    assert {line["model"] for line in answers(tmp_path)} == {f"{address}#m"}
    assert log.bodies[0]["model"] == "m" and log.bodies[0]["max_tokens"] == 64


def test_failures_are_tried_again_and_isolated_ones_cost_one_row(tmp_path: Path) -> None:
    seen: dict[str, int] = {}

    def shaky(handler: Handler, body: dict[str, Any]) -> None:
        text = question(body)
        seen[text] = seen.get(text, 0) + 1
        if text == "câu 7" or (seen[text] == 1 and text in ("câu 1", "câu 2")):
            handler.send(500, b"oh no")
        elif seen[text] == 1 and text == "câu 3":
            handler.send(200, b"data: {garbage\n\n\xff\xfe")
        elif seen[text] == 1 and text == "câu 4":
            handler.send(200, b"[" * 100_000)
        elif seen[text] == 1 and text == "câu 5":
            handler.connection.close()
        else:
            echo(handler, body)

    with serving(shaky) as (address, log):
        outcome = make(tmp_path, address)
        assert outcome.steps[1].failed == 1 and outcome.rows == 19 and "500" in str(outcome.steps[1].error)
        assert log.tries.total() == 20 + 5 + 2
        again = make(tmp_path, address)
        assert again.steps[1].redone == 1 and again.steps[1].failed == 1 and log.tries.total() == 27 + 3


def test_a_server_that_only_fails_is_given_up_on(tmp_path: Path) -> None:
    with serving(lambda handler, body: handler.send(503, b"")) as (address, log):
        outcome = make(tmp_path, address, size=60, retries=0, parallel=2)
        assert outcome.steps[1].failed == 60 and log.tries.total() < 20
    assert not outcome.whole and outcome.rows == 0


def test_throttling_is_heeded(tmp_path: Path) -> None:
    times: list[float] = []
    lock = threading.Lock()

    def throttle(handler: Handler, body: dict[str, Any]) -> None:
        with lock:
            times.append(time.monotonic())
            first = len(times) == 1
        if first:
            handler.send(429, b"slow down", Retry_After="1")
        else:
            echo(handler, body)

    with serving(throttle) as (address, log):
        assert make(tmp_path, address, parallel=1).whole
    assert times[1] - times[0] >= 1.0 and log.tries.total() == 21


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 10**9, "completion_tokens": 10**9},
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": -5, "completion_tokens": "many"},
        {"prompt_tokens": True, "completion_tokens": 1.5},
        [1, 2],
    ],
)
def test_a_count_that_cannot_be_is_replaced_by_ours(usage: Any, tmp_path: Path) -> None:
    with serving(lambda handler, body: handler.say("được rồi nhé", usage)) as (address, _):
        outcome = make(tmp_path, address, size=3, price=[1e6, 1e6])
    assert outcome.doubtful == 3 and 0 < outcome.tokens < 200 and outcome.usd == outcome.tokens
    assert all(line["doubtful"] for line in answers(tmp_path))


def test_an_honest_count_is_believed(tmp_path: Path) -> None:
    honest = {"prompt_tokens": 12, "completion_tokens": 4}
    with serving(lambda handler, body: handler.say("được rồi nhé", honest)) as (address, _):
        outcome = make(tmp_path, address, size=3, price=[1.0, 2.0])
    assert outcome.doubtful == 0 and outcome.tokens == 48 and outcome.usd == pytest.approx(3 * (12 + 8) / 1e6)
    assert believed(5, "") == (5, False) and believed(None, "abcdef") == (2, True) and believed(0, "abc")[1]


def test_a_budget_holds_over_stops_and_in_parallel(tmp_path: Path) -> None:
    with serving(echo) as (address, log):
        outcome = make(tmp_path, address, budget=Budget(requests=8), parallel=4)
        assert log.tries.total() == 8 and outcome.rows == 8 and "8" in str(outcome.steps[1].error)
        make(tmp_path, address, budget=Budget(requests=8), parallel=4)
        assert log.tries.total() == 8
        assert make(tmp_path, address, budget=Budget(requests=20), parallel=4).whole and log.tries.total() == 20


def test_a_budget_of_tokens_or_money_is_never_overrun(tmp_path: Path) -> None:
    """However many requests the machine really lets run at once."""
    most = guess_tokens([{"role": "user", "content": "câu 19"}]) + 64

    def longest(handler: Handler, body: dict[str, Any]) -> None:
        handler.say("abc" * 64)  # all 64 tokens that were asked for

    for name, budget in (("tokens", Budget(tokens=10 * most)), ("usd", Budget(usd=10 * most / 1e6))):
        with serving(longest) as (address, log):
            outcome = make(tmp_path / name, address, budget=budget, parallel=8, price=[1.0, 1.0])
        assert not outcome.whole and outcome.rows == log.tries.total() == 10
        assert 9 * most < outcome.tokens <= 10 * most and outcome.usd <= 10 * most / 1e6 + 1e-9


def test_what_short_answers_leave_of_a_budget_is_spent_on_others(tmp_path: Path) -> None:
    most = guess_tokens([{"role": "user", "content": "câu 19"}]) + 64
    with serving(echo) as (address, log):
        outcome = make(tmp_path, address, budget=Budget(tokens=3 * most), parallel=1)
    assert not outcome.whole and 3 < log.tries.total() < 20 and 2 * most < outcome.tokens <= 3 * most


def test_where_one_of_a_pool_fails_the_others_answer(tmp_path: Path) -> None:
    with serving(echo) as (good, kept), serving(lambda handler, body: handler.send(400, b"no")) as (bad, refused):
        settings = {
            "good": SourceSettings(f"{good}#a"),
            "bad": SourceSettings(f"{bad}#b"),
            "both": SourceSettings(pool=["good", "bad"]),
        }
        steps = [Step(numbers, {"size": 40}), Step(respond, source="both")]
        assert run(Pipeline("p", steps, settings), tmp_path).whole
        assert kept.answered.total() == 40 and 0 < refused.tries.total() < 40
    assert {line["model"] for line in answers(tmp_path)} == {f"{good}#a"}


def test_each_server_gets_its_own_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: dict[str, set[str]] = {"one": set(), "two": set()}

    def listens(name: str) -> Any:
        def behave(handler: Handler, body: dict[str, Any]) -> None:
            keys[name].add(str(handler.headers["Authorization"]))
            echo(handler, body)

        return behave

    monkeypatch.setenv("SMOLCOURSE_API_KEY", "first")
    monkeypatch.setenv("OTHER_KEY", "second")
    with serving(listens("one")) as (one, _), serving(listens("two")) as (two, _):
        settings = {"a": SourceSettings(one), "b": SourceSettings(two, key="OTHER_KEY"), "both": SourceSettings(pool=["a", "b"])}
        assert run(Pipeline("p", [Step(numbers, {"size": 60}), Step(respond, source="both")], settings), tmp_path).whole
    assert keys == {"one": {"Bearer first"}, "two": {"Bearer second"}}


def test_a_pool_shares_the_questions(tmp_path: Path) -> None:
    with serving(echo) as (one, first), serving(echo) as (two, second):
        settings = {"a": SourceSettings(one), "b": SourceSettings(two), "both": SourceSettings(pool=["a", "b"])}
        assert run(Pipeline("p", [Step(numbers, {"size": 40}), Step(respond, source="both")], settings), tmp_path).whole
    assert first.answered.total() + second.answered.total() == 40 and min(first.answered.total(), second.answered.total()) > 5


def test_requests_are_spaced_evenly_and_all_wait_where_the_server_says_so() -> None:
    now, slept = [0.0], []

    def wait(seconds: float) -> bool:
        slept.append(seconds)
        now[0] += seconds
        return False

    limiter = Limiter(60, 6000, clock=lambda: now[0], wait=wait)
    limiter.admit(10)
    limiter.admit(300)  # 3 seconds' worth of tokens
    limiter.admit(10)
    assert now[0] == pytest.approx(4.0)
    limiter.correct(10, 10)
    limiter.hold(30)
    limiter.admit(10)
    assert now[0] == pytest.approx(34.0)
    stopping = Limiter(1)
    stopping.admit(1)
    stopping.stop()
    with pytest.raises(Stopped):
        stopping.admit(1)


def test_a_meter_sets_aside_before_it_spends() -> None:
    meter = Meter(Budget(tokens=100))
    meter.reserve(60, 0.0)
    with pytest.raises(Spent):
        meter.reserve(60, 0.0)
    meter.settle(60, 0.0, None)
    meter.reserve(60, 0.0)


def test_magpie_needs_a_local_model(tmp_path: Path) -> None:
    def turns(*, count: int = 2) -> Making:
        yield from said(Ask((), opens="user"))

    with serving(echo) as (address, log):
        outcome = run(Pipeline("p", [Step(turns)], {"s": SourceSettings(address)}), tmp_path)
    assert log.tries.total() == 0 and "Magpie" in str(outcome.steps[0].error)


def test_a_local_model_answers_in_batches_each_draw_by_its_own_seed(tiny_model: Path, tmp_path: Path) -> None:
    from smolcourse.inference.loading import load_model

    loads = []

    def load() -> Any:
        loads.append(1)
        return load_model(str(tiny_model))

    def both(row: Row) -> Making:
        greedy = yield from said(row.data["instruction"], max_new_tokens=4)
        drawn = yield from said(row.data["instruction"], max_new_tokens=4, temperature=1.0)
        turn = yield from said(Ask(({"role": "system", "content": "s"},), 4, 1.0, opens="user"))
        yield keep(row, response=f"{greedy}|{drawn}|{turn}")

    def texts(folder: Path, together: int) -> list[str]:
        pipeline = Pipeline("p", [Step(numbers, {"size": 5}), Step(both)], {"s": SourceSettings("m")})
        assert run(pipeline, folder, sources={"s": Local("tiny", "tiny", load, together=together)}).whole
        rows = [json.loads(line) for line in (folder / "data.jsonl").read_text(encoding="utf-8").splitlines()]
        return [row["messages"][1]["content"] for row in rows]

    assert texts(tmp_path / "five", 5) == texts(tmp_path / "two", 2) and len(loads) == 2
    from smolcourse.data.templates import user_opening

    _, tokenizer = load_model(str(tiny_model))
    system = {"role": "system", "content": "s"}
    assert user_opening(tokenizer, [system]) == "<|im_start|>system\ns<|im_end|>\n<|im_start|>user\n"
    turns = [line for line in answers(tmp_path / "five") if line["asked"]["opens"] == "user"]
    assert len(turns) == 1  # one question, asked five times


def test_a_prompt_too_long_for_the_model_costs_its_row_only(tiny_model: Path, tmp_path: Path) -> None:
    from smolcourse.inference.loading import load_model

    def long(row: Row) -> Making:
        text = row.data["instruction"] * (2000 if row.data["instruction"] == "câu 1" else 1)
        yield keep(row, response=(yield from said(text, max_new_tokens=2)))

    local = Local("tiny", "tiny", lambda: load_model(str(tiny_model)))
    pipeline = Pipeline("p", [Step(numbers, {"size": 4}), Step(long)], {"s": SourceSettings("m")})
    outcome = run(pipeline, tmp_path, sources={"s": local})
    assert outcome.steps[1].failed == 1 and outcome.rows == 3 and "token" in str(outcome.steps[1].error)


def test_members_of_a_pool_pass_on_to_a_model_in_this_process(tmp_path: Path) -> None:
    with serving(lambda handler, body: handler.send(400, b"no")) as (bad, _):
        local = Fake()
        server = Server(bad, Meter(Budget()), Limiter())
        pool = Pool([server, local])
        outcome = run(
            Pipeline("p", [Step(numbers), Step(respond)], {"s": SourceSettings("m")}), tmp_path, sources={"s": pool, "x": server}
        )
    assert outcome.whole and local.asked.total() == 20


def test_questions_may_be_handed_over_while_a_local_model_chooses_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of the same pool fails in threads of its own, at any moment."""

    def load() -> Any:
        raise SmolError("đã chọn xong", "the batch is chosen")

    local, kind = Local("tiny", "tiny", load), sources._kind

    def submit() -> None:
        local.submit(Request("k", ask("câu"), 0, lambda *_: None, lambda *_: None))

    def meanwhile(asked: Ask) -> tuple[float, float]:
        submit()
        return kind(asked)

    submit()
    monkeypatch.setattr(sources, "_kind", meanwhile)
    with pytest.raises(SmolError, match="đã chọn xong"):
        local.work()


KILLED = """
    import sys
    from pathlib import Path
    from smolcourse.synthesis.engine import run
    from smolcourse.synthesis.pipeline import load_pipeline
    outcome = run(load_pipeline(sys.argv[1]), Path(sys.argv[2]))
    sys.exit(0 if outcome.whole else 3)
"""


def test_killed_twenty_times_no_row_is_lost_none_twice_and_none_paid_twice(tmp_path: Path) -> None:
    """`kill -9` after random answers. What was on its way when the process died is asked again under the same name."""
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps({"instruction": f"câu {n}"}) + "\n" for n in range(80)))
    steps = [
        {"use": "starts.read", "file": "seeds.jsonl"},
        {"use": "evol.deepen", "rounds": 2},
        {"use": "answering.respond"},
    ]
    left, due, killed = 10**9, threading.Event(), threading.Event()  # so many answers until the next kill is due

    def some(handler: Handler, body: dict[str, Any]) -> None:
        nonlocal left
        with handler.log.lock:
            left, mine, over = left - 1, left, killed
        if mine <= 0:
            over.wait(300)  # never answered: the process dies meanwhile
            return
        handler.say(f"{question(body)[-40:]} {len(question(body))}")
        if mine == 1:
            due.set()

    with serving(some) as (address, log):
        recipe = tmp_path / "p.yaml"
        recipe.write_text(yaml.safe_dump({"sources": {"s": {"model": address, "parallel": 4}}, "steps": steps}))
        draw, kills = random.Random(0), 20
        for _ in range(kills):
            left, killed = draw.randrange(1, 16), threading.Event()
            due.clear()
            process = start(recipe, tmp_path / "killed")
            while not due.wait(0.05):
                assert process.poll() is None
            time.sleep(draw.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            killed.set()
        left = 10**9
        assert start(recipe, tmp_path / "killed").wait() == 0
        questions, tries = len(log.tries), log.tries.total()
        assert tries <= questions + 4 * kills  # only what was on its way: four at once
        lines = answers(tmp_path / "killed")
        assert len(lines) == len({line["key"] for line in lines}) == questions
        assert start(recipe, tmp_path / "killed").wait() == 0 and log.tries.total() == tries
    with serving(some) as (address, log):
        recipe.write_text(yaml.safe_dump({"sources": {"s": {"model": address, "parallel": 4}}, "steps": steps}))
        assert start(recipe, tmp_path / "whole").wait() == 0 and log.tries.total() == questions
    said_killed, said_whole = (contents(tmp_path / name) for name in ("killed", "whole"))
    assert said_killed == said_whole and len(said_whole) > 80


def test_ctrl_c_waits_for_the_answers_on_their_way(tmp_path: Path) -> None:
    """They are paid for already."""
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps({"instruction": f"câu {n}"}) + "\n" for n in range(40)))
    steps = [{"use": "starts.read", "file": "seeds.jsonl"}, {"use": "answering.respond"}]

    begun, stopped = itertools.count(1), threading.Event()

    def slow(handler: Handler, body: dict[str, Any]) -> None:
        if next(begun) > 6:
            stopped.wait(300)
        echo(handler, body)

    with serving(slow) as (address, log):
        recipe = tmp_path / "p.yaml"
        recipe.write_text(yaml.safe_dump({"sources": {"s": {"model": address, "parallel": 4}}, "steps": steps}))
        process = subprocess.Popen(
            [sys.executable, "-m", "smolcourse.cli.main", "synth", str(recipe), "-o", str(tmp_path / "run"), "--lang", "en"],
            stderr=subprocess.PIPE,
            text=True,
        )
        while log.answered.total() < 6 and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        stopped.set()
        _, said_last = process.communicate()
        assert process.returncode == 130 and "Stopped. Go on: smol synth" in said_last
        assert log.answered.total() == log.tries.total() == len(answers(tmp_path / "run")) < 40
        assert start(recipe, tmp_path / "run").wait() == 0 and log.tries.total() == 40


def start(recipe: Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(recipe), str(folder)]
    return subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})


def contents(folder: Path) -> list[Any]:
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len(rows)
    return [row["messages"] for row in rows]

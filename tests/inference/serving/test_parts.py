"""The server's small parts, each alone: the gate, deadlines, keys, metrics, stop texts, sources, constraints."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os

import pytest
import uvicorn

from smolcourse.errors import SmolError
from smolcourse.inference.serving import auth, protocol, sources
from smolcourse.inference.serving.app import Generation, Server
from smolcourse.inference.serving.constraints import check_grammar, check_schema
from smolcourse.inference.serving.gate import Gate
from smolcourse.inference.serving.generation import Job
from smolcourse.inference.serving.guard import Limits, Log
from smolcourse.inference.serving.house import House, Served
from smolcourse.inference.serving.keeper import Worker
from smolcourse.inference.serving.metrics import Metrics
from smolcourse.inference.serving.plain_backend import until
from smolcourse.inference.serving.problems import Problem
from smolcourse.inference.serving.sources import find_all


def test_the_gate_lets_in_by_turns_and_refuses_beyond_its_line():
    async def scene():
        gate, order = Gate(slots=2, waiting=2), []

        async def pass_by(name, leave):
            gate.expect(1)
            async with gate.pass_through():
                order.append(name)
                await leave.wait()

        leaves = [asyncio.Event() for _ in range(4)]
        tasks = []
        for name, leave in enumerate(leaves):
            tasks.append(asyncio.create_task(pass_by(name, leave)))
            await asyncio.sleep(0)
        assert order == [0, 1] and gate.inside == 2 and gate.queued == 2
        with pytest.raises(Problem) as caught:
            gate.expect(1)
        assert caught.value.status == 429 and int(caught.value.headers["Retry-After"]) >= 1
        tasks[2].cancel()  # who gives up waiting leaves the line
        await asyncio.sleep(0)
        assert gate.queued == 1
        leaves[0].set()
        await asyncio.sleep(0.01)
        assert order == [0, 1, 3] and gate.inside == 2
        for leave in leaves:
            leave.set()
        await asyncio.wait(tasks)
        assert gate.inside == gate.queued == 0

    asyncio.run(scene())


def test_who_is_cancelled_just_when_its_turn_comes_gives_it_on():
    async def scene():
        gate = Gate(1, 5)

        async def pass_by():
            async with gate.pass_through():
                await asyncio.sleep(0)

        async with gate.pass_through():
            first, second = asyncio.create_task(pass_by()), asyncio.create_task(pass_by())
            await asyncio.sleep(0)
        first.cancel()  # its turn was given to it in the line above; it has not run since
        await asyncio.wait([first, second])
        assert second.exception() is None
        assert gate.inside == gate.queued == 0

    asyncio.run(scene())


def test_a_model_is_not_taken_from_a_request_that_is_on_its_way_to_the_line():
    """A reload may fall between the moment that a request finds its model by name and the moment that it stands in the line."""

    async def scene():
        worker, ended = Worker({"name": "x"}, Gate(1, 1), lambda *_, **__: None), asyncio.Event()
        worker.stop = lambda: asyncio.sleep(0, ended.set())
        answer = Generation(Job(Served("x", worker, None), "chat", [{}]), False, 60.0)
        asking = asyncio.create_task(answer({}, asyncio.Event().wait, lambda message: asyncio.sleep(0)))
        draining = asyncio.create_task(worker.drain())
        await asyncio.sleep(0)
        assert worker.gate.inside == worker.gate.queued == 0, "not the moment that is meant"
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert worker.gate.inside == 1 and not ended.is_set()
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.wait_for(draining, 60)
        assert ended.is_set()

    asyncio.run(scene())


def test_more_choices_than_places_are_let_into_an_empty_house():
    Gate(1, 2).expect(16)


@contextlib.asynccontextmanager
async def listening(limits=Limits()):  # noqa: B008
    """The app without models, in this process; yields a function that opens a connection, and the connections it sees."""
    house = House(lambda: [], {"slots": 1}, 1, Log(quiet=True))

    async def reload():
        pass

    server = Server(house, Log(quiet=True), reload, limits)
    http = uvicorn.Server(
        uvicorn.Config(
            server.app(),
            port=0,
            http=protocol.PatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_keep_alive=10_000,
        )
    )
    running = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.01)
    port = http.servers[0].sockets[0].getsockname()[1]
    yield lambda: asyncio.open_connection("127.0.0.1", port), http.server_state.connections
    http.should_exit = True
    await running


async def read_all(reader):
    return await asyncio.wait_for(reader.read(), 120)


def clock():
    """A function that puts the loop's clock forward: deadlines pass when a test says so, and not because a machine is slow."""
    loop, ahead = asyncio.get_running_loop(), 0.0
    real = loop.time
    loop.time = lambda: real() + ahead

    def forward(seconds):
        nonlocal ahead
        ahead += seconds

    return forward


async def holds(true):
    while not true():
        await asyncio.sleep(0.01)


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.bad_input
def test_a_slow_loris_is_shown_out(monkeypatch):
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 1000)

    async def scene():
        forward = clock()
        async with listening(Limits(body_seconds=1000)) as (connect, seen):
            reader, writer = await connect()
            await holds(lambda: seen)
            forward(1001)
            assert await read_all(reader) == b"", "silent from the start"
            await holds(lambda: not seen)
            reader, writer = await connect()
            for piece in (b"GET /health HTTP/1.1\r\nX-A: ", b"a"):  # a byte now and then does not stretch it
                writer.write(piece)
                await holds(lambda piece=piece: [c for c in seen if c.conn.trailing_data[0].endswith(piece)])
                forward(600)
            assert (await read_all(reader)).startswith(b"HTTP/1.1 408 ")
            await holds(lambda: not seen)
            reader, writer = await connect()
            writer.write(HEAD + b"Content-Length: 50\r\n\r\n{")
            await holds(lambda: [c for c in seen if c.cycle])
            answer = asyncio.create_task(reader.read())  # ends with the connection, though the body never does
            for _ in range(10_000):
                forward(1001)
                await asyncio.wait([answer], timeout=0.01)
                if answer.done():
                    break
            assert answer.result().startswith(b"HTTP/1.1 408 ")

    asyncio.run(scene())


def test_a_connection_that_is_only_idle_is_kept(monkeypatch):
    monkeypatch.setattr(protocol, "HEADER_SECONDS", 1000)

    async def scene():
        forward = clock()
        async with listening() as (connect, _):
            reader, writer = await connect()
            for _ in range(2):
                writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 120)
                assert b" 200 " in head
                await reader.readexactly(len(b'{"status":"ok"}'))
                forward(2000)
            writer.close()

    asyncio.run(scene())


@pytest.mark.bad_input
def test_too_many_connections_are_dropped(monkeypatch):
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 2)

    async def scene():
        async with listening() as (connect, _):
            kept = [await connect() for _ in range(2)]
            reader, _ = await connect()
            with contextlib.suppress(ConnectionResetError):
                assert await read_all(reader) == b""
            kept[0][1].write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b" 200 " in await kept[0][0].readuntil(b"\r\n")
            for _, writer in kept:
                writer.close()

    asyncio.run(scene())


@pytest.mark.bad_input
def test_files_of_keys(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv(auth.KEY, raising=False)
    assert auth.read_keys(None) == ()
    monkeypatch.setenv(auth.KEY, "a" * 16 + ", " + "b" * 16)
    assert len(auth.read_keys(None)) == 2
    file = tmp_path / "keys"
    for content in (b"", b"# nothing\n\n", b"short\n", b"\xff\xfe"):
        file.write_bytes(content)
        file.chmod(0o600)
        with pytest.raises(SmolError):
            auth.read_keys(file)
    file.write_text("c" * 20 + "  # mine\n", encoding="utf-8")
    keys = auth.read_keys(file)
    auth.check_key("Bearer " + "c" * 20, keys)
    for header in ("", "Bearer", "Bearer " + "c" * 19, "Basic " + "c" * 20, "c" * 20):
        with pytest.raises(Problem):
            auth.check_key(header, keys)
    capsys.readouterr()
    auth.read_keys(file)
    assert capsys.readouterr().err == ""
    file.chmod(0o644)
    auth.read_keys(file)
    assert os.name != "posix" or "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:80", "127.9.9.9:1"])
def test_names_of_this_machine(host):
    auth.check_host(host)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:80", "localhost.evil.example", "10.0.0.1", "[2001:db8::1]:80", "127.0.0.1.x"]
)
def test_names_that_are_not(host):
    with pytest.raises(Problem):
        auth.check_host(host)


def test_metrics_read_as_prometheus_wants():
    metrics = Metrics()
    metrics.add("smolcourse_requests_total", path="/x", status="200")
    metrics.add("smolcourse_requests_total", path="/x", status="200")
    for seconds in (0.01, 0.3, 500):
        metrics.observe("smolcourse_request_seconds", seconds, model="m")
    lines = metrics.text().splitlines()
    assert 'smolcourse_requests_total{path="/x",status="200"} 2' in lines
    assert 'smolcourse_request_seconds_bucket{model="m",le="0.5"} 2' in lines
    assert 'smolcourse_request_seconds_bucket{model="m",le="120"} 2' in lines
    assert 'smolcourse_request_seconds_bucket{model="m",le="+Inf"} 3' in lines
    assert 'smolcourse_request_seconds_count{model="m"} 3' in lines


@pytest.mark.parametrize(
    ("pieces", "stops", "told"),
    [
        (["Xin ", "chào", "!"], [], "Xin chào!"),
        (["ab", "cSTO", "P no"], ["STOP"], "abc"),
        (["abcSTO"], ["STOP"], "abcSTO"),
        (["aSTbST", "OPx"], ["STOP"], "aSTb"),
        (["one two"], ["two", "one"], ""),
        (["aa", "ab"], ["aab"], "a"),
    ],
)
def test_a_text_up_to_its_stop(pieces, stops, told):
    assert "".join(until(iter(pieces), stops)) == told


def test_sources(exported, tmp_path):
    file = exported / "tiny-q8_0.gguf"
    assert [source.name for source in find_all(f"{file}, other={file}")] == ["tiny-q8_0", "other"]
    folder = find_all(f"orders={exported}")[0]
    assert folder.path == str(file) and folder.system == "Bạn ghi đơn." and set(folder.adapters) == {"loud"}
    assert find_all(f"orders={exported}", system="")[0].system is None
    assert find_all(f"orders={exported}", system="Khác")[0].system == "Khác"
    several = tmp_path / "several"
    several.mkdir()
    for kind in ("q4_0", "q8_0", "f16"):
        (several / f"model-{kind}.gguf").write_bytes(file.read_bytes()[:8])
    assert find_all(str(several))[0].path.endswith("model-q8_0.gguf")


def test_a_model_is_exported_once_for_its_content(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("SMOLCOURSE_HOME", str(tmp_path / "home"))
    made = []

    def export(reference, folder):
        made.append(reference)
        folder.mkdir(parents=True)
        (folder / "model-q8_0.gguf").write_bytes((exported / "tiny-q8_0.gguf").read_bytes()[:8])

    monkeypatch.setattr(sources, "_export", export)
    model = tmp_path / "mine"
    model.mkdir()
    (model / "config.json").write_text("{}", encoding="utf-8")
    (model / "model.safetensors").write_bytes(b"weights")
    first = find_all(str(model))[0]
    assert first.name == "mine" and first.kind == "gguf"
    assert find_all(f"other={model}")[0].name == "other"
    assert find_all(str(model))[0].path == first.path
    assert len(made) == 1
    (model / "model.safetensors").write_bytes(b"other weights")
    assert find_all(str(model))[0].path != first.path
    assert len(made) == 2


@pytest.mark.parametrize(
    "grammar",
    [
        'root ::= "<" [<>] "{5,2}" # <[1]> (((',
        'root ::= [^"\\]\\\\a-z\\x41-\\x5A] ("a" | "b"){2,3}',
        r'root ::= [\n\t -]+ "\"("',
        "root ::= [-a] [a-] [^-]",
    ],
)
def test_grammars_that_only_look_dangerous(grammar):
    check_grammar(grammar)


@pytest.mark.bad_input
def test_schemas_and_grammars_that_are(subtests):
    check_schema({"type": "array", "minItems": 1, "maxItems": 1000, "items": {"enum": list(range(300))}})
    for schema in ({"a": [{"maxLength": -1}]}, {"x": {"minItems": 3, "maxItems": 1}}, {"enum": list(range(500))}):
        with subtests.test(schema=json.dumps(schema)[:40]), pytest.raises(Problem):
            check_schema(schema)
    for grammar in (r"root ::= [\x42-\x41]", "root ::= [^z-a]", 'root ::= "a"{2000}', 'root ::= "a" <[3]>', "root ::= !<think>"):
        with subtests.test(grammar=grammar), pytest.raises(Problem):
            check_grammar(grammar)

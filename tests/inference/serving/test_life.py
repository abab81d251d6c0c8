"""The server's life: its worker killed, its queue full, its clients gone, itself told to stop or to reload; keys and logs."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import openai
import psutil
import pytest

from tests.inference.serving.conftest import eventually

HELLO = [{"role": "user", "content": "Xin chào"}]
LONG = {"model": "tiny", "messages": HELLO, "max_tokens": 450, "logit_bias": {"0": -100, "2": -100}}


def client_of(server, key="x"):
    return openai.OpenAI(base_url=server.url + "/v1", api_key=key, max_retries=0, timeout=300)


def ended(process):
    """Whether it is no more; one that nobody has buried yet counts as ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def short(client, **more):
    return client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=3, **more).choices[0].message.content


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_killed_worker_is_started_again_and_everyone_is_told(serve):
    server = serve()
    client = client_of(server)
    before = short(client)
    answering, told, waited = threading.Event(), [], []

    def whole():
        try:
            answer = client.chat.completions.create(**LONG, n=8)
            waited.append(answer.usage.completion_tokens == 8 * 450)
        except openai.APIStatusError as error:
            waited.append((error.status_code, error.response.headers.get("retry-after")) == (503, "2"))

    def streamed():
        try:
            pieces = iter(client.chat.completions.create(**LONG, n=16, stream=True))
            next(pieces)
            os.kill(server.worker(), signal.SIGSTOP)  # it is not done before it is killed
            answering.set()
            for _ in pieces:
                pass
        except openai.APIError as error:
            told.append(error.code)

    threads = [threading.Thread(target=work) for work in (streamed, whole)]
    threads[0].start()
    assert answering.wait(180)
    before_it = server.figure("smolcourse_queued")
    threads[1].start()
    eventually(lambda: server.figure("smolcourse_queued") > before_it)
    os.kill(server.worker(), signal.SIGKILL)
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive(), "a client hangs"
    assert told == ["model_restarting"]
    assert waited == [True], "who was only waiting is answered by the new one, or told"
    eventually(lambda: len(server.events("worker_ready")) == 2)
    assert short(client) == before
    assert server.figure("smolcourse_worker_restarts_total") == 1
    assert server.figure("smolcourse_in_flight") == 0


@pytest.mark.skipif(os.name != "posix", reason="SIGSTOP")
def test_a_full_queue_sends_away_and_loses_nobody(serve):
    server = serve("--queue", "1", "--slots", "1")
    client = client_of(server)
    with ThreadPoolExecutor(2) as pool:
        with server.paused():
            answers = [pool.submit(client.chat.completions.create, **LONG)]
            eventually(lambda: server.figure("smolcourse_in_flight") == 1)
            answers.append(pool.submit(client.chat.completions.create, **LONG))
            eventually(lambda: server.figure("smolcourse_queued") == 1)
            for _ in range(6):
                with pytest.raises(openai.RateLimitError) as caught:
                    short(client)
                assert int(caught.value.response.headers["retry-after"]) >= 1
        assert [answer.result(300).usage.completion_tokens for answer in answers] == [450, 450]
    assert short(client)


@pytest.mark.skipif(os.name != "posix", reason="SIGSTOP")
def test_who_hangs_up_is_not_computed_for(serve):
    server = serve("--slots", "1")
    client = client_of(server)
    short(client)

    def asked():
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("POST", "/v1/chat/completions", json.dumps(LONG), {"Content-Type": "application/json"})
        return connection

    def gone():
        return sum(event.get("outcome") == "client_gone" for event in server.events("request"))

    stream = client.chat.completions.create(**LONG, n=16, stream=True)
    next(iter(stream))
    with server.paused():
        before = server.figure("smolcourse_queued")
        waiting = asked()
        eventually(lambda: server.figure("smolcourse_queued") == before + 1)
        waiting.close()
        eventually(lambda: server.figure("smolcourse_queued") == before)
        stream.close()
        eventually(lambda: server.figure("smolcourse_in_flight") == 0 == server.figure("smolcourse_queued"))
        eventually(lambda: gone() == 2)
        whole = asked()
        eventually(lambda: server.figure("smolcourse_in_flight") == 1)
        whole.close()
        eventually(lambda: gone() == 3)
    assert server.figure("smolcourse_in_flight") == 0
    assert server.figure("smolcourse_tokens_total") < 300, "the answers were written to their ends"
    assert short(client)


@pytest.mark.skipif(os.name != "posix", reason="SIGSTOP")
def test_an_answer_that_takes_too_long_is_cut_with_an_error(serve):
    server = serve("--timeout", "1", "--slots", "1")
    client = client_of(server)
    with server.paused(), pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(**LONG)
    assert caught.value.status_code == 504 and caught.value.code == "timeout"
    eventually(lambda: server.figure("smolcourse_in_flight") == 0)


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM")
def test_told_to_stop_it_finishes_what_it_began(serve):
    server = serve()
    worker = psutil.Process(server.worker())
    pieces = iter(client_of(server).chat.completions.create(**LONG, stream=True, stream_options={"include_usage": True}))
    next(pieces)
    server.process.terminate()
    assert list(pieces)[-1].usage.completion_tokens == 450
    assert server.process.wait(180) == 0
    eventually(lambda: ended(worker))


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_killed_server_leaves_no_worker_behind(serve):
    server = serve()
    worker = psutil.Process(server.worker())
    server.process.kill()
    eventually(lambda: ended(worker))


@pytest.mark.skipif(os.name != "posix", reason="SIGHUP")
@pytest.mark.parametrize("how", ["SIGHUP", "POST /reload"])
def test_a_reload_drops_no_request(serve, how):
    server = serve()
    client, old = client_of(server), server.worker()
    long = iter(client.chat.completions.create(**LONG, stream=True, stream_options={"include_usage": True}))
    next(long)
    if how == "SIGHUP":
        os.kill(server.process.pid, signal.SIGHUP)
    else:
        client.post("/../reload", cast_to=object)
    while not server.events("reloaded"):
        assert short(client)
    assert short(client)
    assert list(long)[-1].usage.completion_tokens == 450, "a request on the old worker was cut"
    eventually(lambda: not psutil.pid_exists(old))
    assert server.worker() != old
    assert server.figure("smolcourse_worker_restarts_total") == 0


def test_a_reload_that_fails_changes_nothing(serve, exported, tmp_path):
    model = tmp_path / "mine.gguf"
    model.write_bytes((exported / "tiny-q8_0.gguf").read_bytes())
    server = serve(models=f"tiny={model}")
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF, but not really")
    other.replace(model)  # as whatever writes models should: the old file is still read from
    with pytest.raises(openai.BadRequestError):
        client_of(server).post("/../reload", cast_to=object)
    assert short(client_of(server))


def test_keys(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("# mine\nsk-0123456789abcdef\nsk-another-key-000000\n", encoding="utf-8")
    keys.chmod(0o600)
    server = serve("--api-key-file", str(keys))
    assert short(client_of(server, "sk-0123456789abcdef")) == short(client_of(server, "sk-another-key-000000"))
    for wrong in ("sk-0123456789abcdeF", "sk", "# mine", "ké"):
        with pytest.raises((openai.AuthenticationError, UnicodeEncodeError)):
            short(client_of(server, wrong))
    assert server.get("/v1/models")[0] == 401
    assert server.get("/metrics")[0] == 401
    assert server.get("/health")[0] == server.get("/ready")[0] == 200
    assert "sk-0123456789abcdef" not in "\n".join(server.lines)


def test_the_log_tells_of_requests_and_not_what_was_asked(serve):
    secret = [{"role": "user", "content": "bí mật của tôi"}]
    for arguments, shown in (((), False), (("--log-prompts",), True)):
        server = serve(*arguments)
        client_of(server).chat.completions.create(model="tiny", messages=secret, max_tokens=2)
        eventually(lambda server=server: server.events("request"))
        event = server.events("request")[-1]
        assert event["status"] == 200 and event["completion_tokens"] == 2 and event["first_token_ms"] > 0
        assert ("bí mật" in json.dumps(event, ensure_ascii=False)) is shown
        server.stop()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nobody.gguf"], "no such file"),
        (["no-such-model"], "no model, folder or run"),
        (["{gguf}", "--host", "0.0.0.0"], "API key is needed"),
        (["{gguf}", "--api-key-file", "nowhere"], "cannot be read"),
        (["a={gguf},a={gguf}"], "is taken"),
        (["../x={gguf}"], "cannot be a model's name"),
        (["{bad}"], "cannot"),
        ([","], "no model was named"),
    ],
)
def test_what_cannot_be_served_is_one_error(exported, tmp_path, arguments, said):
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 40)
    words = [word.format(gguf=exported / "tiny-q8_0.gguf", bad=bad) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "smolcourse.cli.main", "--lang", "en", "serve", *words, "--port", "0"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2, done.stderr
    assert said in done.stderr and "Traceback" not in done.stderr


def test_the_path_to_the_first_token_imports_nothing_heavy():
    """torch alone takes longer than the first token may."""
    program = (
        "import sys, smolcourse.cli.main, smolcourse.cli.commands, smolcourse.inference.serving.serve, "
        "smolcourse.inference.serving.app, smolcourse.inference.serving.protocol, smolcourse.inference.serving.worker, "
        "smolcourse.inference.engine, smolcourse.hardware.facts; "
        "print([name for name in ('torch', 'transformers', 'numpy', 'datasets', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "[]", done.stderr


def test_pieces_come_while_the_answer_is_written(server, client):
    """Not in a lump at its end. If this process was kept waiting that long, it is tried again."""
    for _ in range(20):
        eventually(lambda: server.figure("smolcourse_in_flight") == 0)
        pieces = iter(client.chat.completions.create(**LONG, stream=True))
        next(pieces)
        written_on = server.figure("smolcourse_in_flight") == 1
        assert len(list(pieces)) > 400
        if written_on:
            return
    pytest.fail("the first piece came when the last was written")

"""llama.cpp through `Engine`: text, streams, cancelling, adapters, grammar, likelihoods, embeddings, and what it refuses."""

from __future__ import annotations

import json
import math
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import smolcourse
from smolcourse.errors import SmolError
from smolcourse.inference.engine import Engine, EngineError

HELLO = [{"role": "user", "content": "Xin chào"}]


@pytest.fixture(scope="module")
def engine(tiny_gguf):
    adapters = {"loud": tiny_gguf.parent / "adapters" / "loud.gguf"}
    with Engine(tiny_gguf, slots=2, context=256, threads=1, adapters=adapters, name="tiny") as running:
        yield running


def said(answer):
    return answer["choices"][0]["message"]["content"]


def test_an_answer_is_the_same_whole_streamed_and_beside_others(engine):
    asked = {"messages": HELLO, "max_tokens": 8}
    whole = engine.chat(asked)
    assert whole["model"] == "tiny"
    assert whole["usage"]["completion_tokens"] == 8
    chunks = list(engine.stream_chat(asked))
    assert "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks) == said(whole)
    with ThreadPoolExecutor(4) as pool:
        assert {said(answer) for answer in pool.map(engine.chat, [asked] * 4)} == {said(whole)}


def test_closing_a_stream_frees_its_slot(engine):
    for _ in range(20):  # again if this process was kept waiting until the answer was whole
        stream = engine.stream_chat({"messages": HELLO, "max_tokens": 200, "ignore_eos": True})
        next(stream)
        if any(slot["is_processing"] for slot in engine.ask("/slots")):
            break
    else:
        pytest.fail("the first piece came when the last was written")
    stream.close()
    end = time.monotonic() + 180
    while any(slot["is_processing"] for slot in engine.ask("/slots")):
        assert time.monotonic() < end, "still computing for nobody"
        time.sleep(0.02)


def test_tokens_there_and_back_as_the_tokenizer_has_them(engine, tokenizer):
    text = "Trà sữa 2 ly, ít đường 🧋<|im_end|>"
    ids = engine.tokenize(text)
    assert ids == tokenizer(text)["input_ids"]
    assert engine.detokenize(ids) == text
    assert len(engine.tokenize(text, special=False)) > len(ids)


def test_the_template_is_rendered_with_the_opening_of_the_answer(engine):
    assert engine.render(HELLO) == "<|im_start|>user\nXin chào<|im_end|>\n<|im_start|>assistant\n"


def test_likelihoods_agree_with_the_whole_row_of_the_next_token(engine):
    """Also of half a character and of a token that ends an answer, which llama.cpp never reports as written."""
    ids = engine.tokenize("trà đ<|im_end|>")
    found = engine.logprobs(ids)
    assert len(found) == len(ids) - 1 == 4
    for place in (len(ids) - 1, len(ids) - 2):
        row = dict(engine.next_logprobs(ids[:place], 49152))
        assert math.isclose(sum(map(math.exp, row.values())), 1, abs_tol=1e-3)
        assert math.isclose(row[ids[place]], found[place - 1], abs_tol=0.02)


def test_a_grammar_and_a_schema_bind_the_answer(engine):
    assert said(engine.chat({"messages": HELLO, "grammar": 'root ::= "có" | "không"'})) in ("có", "không")
    schema = {"type": "object", "properties": {"size": {"enum": ["M", "L"]}}, "required": ["size"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "order", "schema": schema}}
    assert json.loads(said(engine.chat({"messages": HELLO, "response_format": wanted})))["size"] in ("M", "L")


def test_an_adapter_is_worn_by_the_request_that_asks(engine):
    asked = {"messages": HELLO, "max_tokens": 8}
    bare = said(engine.chat(asked))
    assert said(engine.chat(asked | {"lora": engine.wearing("loud")})) != bare
    assert said(engine.chat(asked | {"lora": engine.wearing(None)})) == bare
    assert said(engine.chat(asked)) == bare


def test_embeddings_have_length_one_and_tell_texts_apart(engine):
    first, again, other = engine.embed(["trà sữa", "trà sữa", "xe đạp"])
    assert math.isclose(sum(x * x for x in first), 1, abs_tol=1e-3)
    assert sum(x * y for x, y in zip(first, again, strict=True)) > sum(x * y for x, y in zip(first, other, strict=True))


def test_guessing_ahead_changes_no_greedy_answer(engine, tiny_gguf):
    asked = {"messages": [{"role": "user", "content": "một hai ba một hai ba một hai"}], "max_tokens": 40}
    with Engine(tiny_gguf, slots=1, context=256, threads=1, lookup=8) as guessing:
        assert said(guessing.chat(asked)) == said(engine.chat(asked))


def test_the_signals_of_the_program_stay_its_own(engine):
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        time.sleep(1)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "asked",
    [
        {"messages": HELLO, "max_tokens": -5},
        {"messages": [{"role": "user", "content": "a " * 1000}]},
        {"messages": HELLO, "grammar": "root ::= ("},
        {"messages": "hello"},
    ],
)
def test_what_llama_refuses_is_one_error(engine, asked):
    with pytest.raises(EngineError) as caught:
        engine.chat(asked)
    assert caught.value.status == 400


@pytest.mark.bad_input
@pytest.mark.parametrize("content", [None, b"", b"not a model", b"GGUF\x03\x00\x00\x00" + b"\xff" * 40])
def test_a_file_that_is_no_model_is_one_error(tmp_path, content):
    file = tmp_path / "bad.gguf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SmolError) as caught:
        Engine(file)
    assert caught.value.where == str(file)


def test_one_file_knows_xllamacpp():
    """Its interface changes from release to release."""
    source = Path(smolcourse.__file__).parent
    knowing = [
        file.name for file in source.rglob("*.py") if re.search(r"^\s*(import|from) xllamacpp", file.read_text("utf-8"), re.M)
    ]
    assert knowing == ["engine.py"]

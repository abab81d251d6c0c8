"""The official client, unchanged, on every endpoint."""

from __future__ import annotations

import base64
import json
import math
import struct

import openai
import pytest

HELLO = [{"role": "user", "content": "Xin chào"}]
SCHEMA = {
    "type": "object",
    "properties": {"size": {"enum": ["M", "L"]}, "count": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["size", "count"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "order",
        "description": "Ghi một món",
        "parameters": {"type": "object", "properties": {"size": {"enum": ["M", "L"]}}, "required": ["size"]},
    },
}


def chat(client, **asked):
    return client.chat.completions.create(**{"model": "tiny", "messages": HELLO, "max_tokens": 8} | asked)


def text(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_models_by_name(client):
    assert [model.id for model in client.models.list()] == ["tiny", "loud", "caller"]
    assert client.models.retrieve("loud").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


def test_chat(client):
    answer = chat(client)
    assert answer.model == "tiny" and answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant" and answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_a_stream_is_the_same_answer_in_pieces(client):
    chunks = list(chat(client, stream=True))
    assert text(chunks) == chat(client).choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "length"
    assert len({chunk.id for chunk in chunks}) == 1
    assert all(chunk.usage is None for chunk in chunks)


def test_a_stream_with_usage(client):
    chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == 8
    assert chunks[-1].usage.prompt_tokens == chat(client).usage.prompt_tokens


def test_the_system_prompt_of_the_export_stands_before_a_conversation_without_one(client):
    told = [{"role": "system", "content": "Bạn ghi đơn."}, *HELLO]
    assert chat(client).choices[0].message.content == chat(client, messages=told).choices[0].message.content
    other = chat(client, messages=[{"role": "developer", "content": "Khác."}, *HELLO])
    assert other.usage.prompt_tokens != chat(client).usage.prompt_tokens


def test_text_in_parts_and_in_decomposed_letters_is_the_same_question(client):
    parts = [{"role": "user", "content": [{"type": "text", "text": "Xin "}, {"type": "text", "text": "cha\u0300o"}]}]
    assert chat(client, messages=parts).choices[0].message.content == chat(client).choices[0].message.content


def test_stop(client):
    whole = chat(client).choices[0].message.content
    stop = whole[3:6]
    answer = chat(client, stop=[stop])
    assert answer.choices[0].message.content == whole[: whole.index(stop)]
    assert answer.choices[0].finish_reason == "stop"
    assert text(chat(client, stop=stop, stream=True)) == answer.choices[0].message.content


def test_seed_and_n(client):
    def drawn(seed):
        answer = chat(client, seed=seed, temperature=1.5, n=3)
        assert [choice.index for choice in answer.choices] == [0, 1, 2]
        assert answer.usage.completion_tokens == 24
        assert answer.usage.prompt_tokens == chat(client).usage.prompt_tokens
        return [choice.message.content for choice in answer.choices]

    first = drawn(7)
    assert len(set(first)) == 3
    assert drawn(7) == first
    assert drawn(8) != first


def test_a_stream_of_several_choices(client):
    chunks = list(chat(client, n=2, temperature=1.5, seed=7, stream=True, stream_options={"include_usage": True}))
    whole = chat(client, n=2, temperature=1.5, seed=7)
    for choice in whole.choices:
        pieces = [c.delta.content or "" for chunk in chunks for c in chunk.choices if c.index == choice.index]
        assert "".join(pieces) == choice.message.content
    assert chunks[-1].usage.completion_tokens == 16


def test_logprobs(client):
    rows = chat(client, logprobs=True, top_logprobs=3, max_tokens=4).choices[0].logprobs.content
    assert len(rows) == 4
    for row in rows:
        assert row.logprob <= 0 and len(row.top_logprobs) == 3
        assert math.isclose(row.logprob, row.top_logprobs[0].logprob, abs_tol=1e-4), "greedy takes the likeliest"
    streamed = [row for chunk in chat(client, logprobs=True, max_tokens=4, stream=True) for row in _rows(chunk)]
    assert [row.token for row in streamed] == [row.token for row in rows]


def _rows(chunk):
    found = chunk.choices[0].logprobs
    return found.content if found else []


def test_logit_bias(client):
    def first(**more):
        return chat(client, max_tokens=1, logprobs=True, **more).choices[0].logprobs.content[0].token

    usual = first()
    assert first(logit_bias={"81": 100}) == "a" != usual


@pytest.mark.parametrize("stream", [False, True])
def test_a_json_schema_binds_the_answer(client, stream):
    wanted = {"type": "json_schema", "json_schema": {"name": "order", "strict": True, "schema": SCHEMA}}
    answer = chat(client, response_format=wanted, max_tokens=100, stream=stream)
    said = json.loads(text(answer) if stream else answer.choices[0].message.content)
    assert said["size"] in ("M", "L") and 1 <= said["count"] <= 9


def test_a_grammar_binds_the_answer(client):
    answer = chat(client, extra_body={"grammar": 'root ::= "có" | "không"'})
    assert answer.choices[0].message.content in ("có", "không")


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "order"}}])
def test_a_tool_is_called(client, choice):
    other = {"type": "function", "function": {"name": "sing", "parameters": {"type": "object", "properties": {}}}}
    tools = [TOOL] if choice == "required" else [other, TOOL]
    asked = {"model": "caller", "tools": tools, "tool_choice": choice, "max_tokens": 200, "logit_bias": {"2": 100}}
    answer = chat(client, **asked)
    call = answer.choices[0].message.tool_calls[0]
    assert call.function.name == "order"
    assert json.loads(call.function.arguments)["size"] in ("M", "L")
    assert answer.choices[0].finish_reason == "tool_calls"
    told = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "xong"},
    ]
    assert chat(client, messages=told, tools=tools).choices
    chunks = list(chat(client, **asked, stream=True))
    calls = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or []]
    assert "".join(piece.function.name or "" for piece in calls) == "order"
    assert json.loads("".join(piece.function.arguments or "" for piece in calls))["size"] in ("M", "L")


def test_an_adapter_by_its_name(client):
    bare = chat(client).choices[0].message.content
    loud = chat(client, model="loud")
    assert loud.model == "loud" and loud.choices[0].message.content != bare
    chunks = list(chat(client, model="loud", stream=True))
    assert text(chunks) == loud.choices[0].message.content
    assert {chunk.model for chunk in chunks} == {"loud"}
    assert chat(client).choices[0].message.content == bare


def test_completions(client):
    answer = client.completions.create(model="tiny", prompt="Ngày xửa", max_tokens=5)
    assert answer.object == "text_completion" and answer.choices[0].text
    assert answer.usage.completion_tokens == 5
    pieces = client.completions.create(model="tiny", prompt="Ngày xửa", max_tokens=5, stream=True)
    assert "".join(chunk.choices[0].text for chunk in pieces) == answer.choices[0].text


def test_completions_of_several_prompts_and_of_token_ids(client):
    answer = client.completions.create(model="tiny", prompt=["Ngày xửa", "Một"], n=2, max_tokens=3, temperature=1.5, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.usage.completion_tokens == 12
    ids = client.completions.create(model="tiny", prompt=[81, 82, 83], max_tokens=3)
    assert ids.usage.prompt_tokens == 3


def test_completions_with_logprobs_have_their_older_shape(client):
    answer = client.completions.create(model="tiny", prompt="a", max_tokens=4, logprobs=2)
    found = answer.choices[0].logprobs
    assert len(found.tokens) == len(found.token_logprobs) == len(found.top_logprobs) == len(found.text_offset) == 4
    assert all(len(row) == 2 for row in found.top_logprobs)
    assert found.text_offset[0] == 0
    assert "".join(found.tokens) == answer.choices[0].text
    streamed = list(client.completions.create(model="tiny", prompt="a", max_tokens=4, logprobs=2, stream=True))
    rows = [chunk.choices[0].logprobs for chunk in streamed if chunk.choices[0].logprobs]
    assert [token for row in rows for token in row.tokens] == found.tokens
    assert [offset for row in rows for offset in row.text_offset] == found.text_offset


def test_embeddings(client):
    rows = client.embeddings.create(model="tiny", input=["trà sữa", "xe đạp"]).data
    assert [row.index for row in rows] == [0, 1]
    assert math.isclose(sum(x * x for x in rows[0].embedding), 1, abs_tol=1e-3)
    one = client.embeddings.create(model="tiny", input="trà sữa", encoding_format="float")
    assert one.usage.prompt_tokens > 0
    assert one.data[0].embedding == pytest.approx(rows[0].embedding, abs=1e-5)
    packed = client.embeddings.with_raw_response.create(model="tiny", input="trà sữa", encoding_format="base64")
    raw = base64.b64decode(json.loads(packed.text)["data"][0]["embedding"])
    assert struct.unpack(f"<{len(raw) // 4}f", raw) == pytest.approx(rows[0].embedding, abs=1e-5)


def test_async_client(server):
    import asyncio

    async def ask():
        async with openai.AsyncOpenAI(base_url=server.url + "/v1", api_key="x" * 16, max_retries=0) as client:
            answers = await asyncio.gather(*(chat(client) for _ in range(8)))
            return {answer.choices[0].message.content for answer in answers}

    assert len(asyncio.run(ask())) == 1


def test_default_is_the_first_model(client):
    assert chat(client, model="default").choices[0].message.content == chat(client).choices[0].message.content

"""A model without GGUF behind the same interface, on transformers."""

from __future__ import annotations

import openai
import pytest

HELLO = [{"role": "user", "content": "Xin chào"}]


@pytest.fixture(scope="module")
def plain(tiny_model):
    from tests.inference.serving.conftest import Running

    running = Running(f"plain={tiny_model}", "--backend", "transformers")
    yield openai.OpenAI(base_url=running.url + "/v1", api_key="x", max_retries=0, timeout=120)
    assert running.stop() == 0


def test_it_says_what_the_model_in_memory_says(plain, tiny_model):
    from smolcourse.inference.generate import generate
    from smolcourse.inference.loading import load_model

    answer = plain.chat.completions.create(model="plain", messages=HELLO, max_tokens=8)
    model, tokenizer = load_model(str(tiny_model))
    assert answer.choices[0].message.content == generate(model, tokenizer, [HELLO], max_new_tokens=8)[0]
    chunks = plain.chat.completions.create(
        model="plain", messages=HELLO, max_tokens=8, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(chunks)
    assert (
        "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == answer.choices[0].message.content
    )
    assert chunks[-1].usage.prompt_tokens == answer.usage.prompt_tokens > 0
    text = plain.completions.create(model="plain", prompt="Xin", max_tokens=4)
    assert text.choices[0].text and text.choices[0].finish_reason in ("length", "stop")
    drawn = [
        plain.chat.completions.create(model="plain", messages=HELLO, max_tokens=8, temperature=1, seed=seed)
        .choices[0]
        .message.content
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "asked",
    [
        {"logprobs": True},
        {"extra_body": {"grammar": 'root ::= "a"'}},
        {"response_format": {"type": "json_object"}},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": "trà " * 3000}]},
    ],
)
def test_what_it_has_not_is_refused(plain, asked):
    with pytest.raises(openai.BadRequestError):
        plain.chat.completions.create(**{"model": "plain", "messages": HELLO, "max_tokens": 4} | asked)


def test_embeddings_are_not_there(plain):
    with pytest.raises(openai.APIStatusError) as caught:
        plain.embeddings.create(model="plain", input="x")
    assert caught.value.status_code == 501

"""A conversation keeps what was said, and stops when it is told to."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from smolcourse.errors import SmolError
from smolcourse.inference.chat import Chat
from smolcourse.inference.generate import Streamer, generate


@pytest.fixture
def model(tokenizer):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, initializer_range=0.3, max_position_embeddings=200, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def test_turns_and_system_prompt_reach_the_model(model, tokenizer):
    chat = Chat(Streamer(model, tokenizer), "Ngắn gọn.", max_new_tokens=6)
    first = "".join(chat.reply(" chào "))
    second = "".join(chat.reply("tiếp"))
    conversation = [{"role": "system", "content": "Ngắn gọn."}, {"role": "user", "content": "chào"}]
    assert generate(model, tokenizer, [conversation], max_new_tokens=6) == [first]
    conversation += [{"role": "assistant", "content": first}, {"role": "user", "content": "tiếp"}]
    assert generate(model, tokenizer, [conversation], max_new_tokens=6) == [second]


def test_letters_typed_in_parts_are_joined(model, tokenizer):
    chat = Chat(Streamer(model, tokenizer), max_new_tokens=2)
    list(chat.reply("tra\u0300"))
    assert chat.turns[0]["content"] == "trà"


def test_a_stopped_answer_is_kept_as_far_as_it_came(model, tokenizer):
    chat = Chat(Streamer(model, tokenizer), max_new_tokens=50)
    pieces = chat.reply("chào")
    said = next(pieces)
    pieces.close()
    assert chat.turns[1]["content"] == said
    assert "".join(chat.reply("tiếp"))


def test_reset(model, tokenizer):
    chat = Chat(Streamer(model, tokenizer), "a", max_new_tokens=2)
    list(chat.reply("chào"))
    chat.reset()
    assert chat.turns == [] and chat.system == "a"
    chat.reset("b")
    assert chat.system == "b"
    chat.reset("")
    assert chat.system is None


def test_a_conversation_that_has_grown_too_long(model, tokenizer):
    chat = Chat(Streamer(model, tokenizer), max_new_tokens=20)
    with pytest.raises(SmolError, match="/reset"):
        for _ in range(20):
            list(chat.reply("thêm một ly trà đào nữa nhé"))
    chat.reset()
    assert list(chat.reply("chào"))


def test_nothing_asked(model, tokenizer):
    chat = Chat(Streamer(model, tokenizer))
    with pytest.raises(SmolError):
        next(chat.reply("  "))
    assert chat.turns == []

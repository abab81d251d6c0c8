"""Our decoder against transformers' own generation, token by token, and what makes it fast must not change an answer."""

import copy

import pytest
import torch
from peft import IA3Config, LoraConfig, PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from smolcourse.errors import SmolError
from smolcourse.inference.generate import Streamer, generate, stream
from smolcourse.inference.llama import LlamaDecoder
from smolcourse.inference.merged import Unsupported
from smolcourse.inference.prompts import TextPieces, encode_prompt, shared_length, stop_ids

SYSTEM = {"role": "system", "content": "Đọc đơn trà sữa, chỉ trả lời JSON."}
ORDERS = [
    "cho mình 1 trà đào",
    "2 trà sữa size L ít đá, thêm trân châu và thạch dừa nhé",
    "hi",
    "một ly hồng trà",
    "trà xanh 30% đường",
]


def conversations(count=5):
    return [[SYSTEM, {"role": "user", "content": ORDERS[index % 5] + " ạ" * index}] for index in range(count)]


@pytest.fixture
def model(tokenizer):
    """Random weights, but large ones and an untied head: small ones only repeat the last token."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.3, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def reference(model, tokenizer, prompts, limit):
    """One prompt at a time through `transformers`: no padding, no sharing. The stop token is left out."""
    texts = []
    for prompt in prompts:
        ids = torch.tensor([encode_prompt(prompt, tokenizer)])
        with torch.inference_mode():
            written = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=limit)
        tokens = written[0, ids.shape[1] :].tolist()
        stopped = tokens[-1] in stop_ids(model, tokenizer)
        texts.append(tokenizer.decode(tokens[:-1] if stopped else tokens, skip_special_tokens=True))
    return texts


def stop_early(model, tokenizer, prompts):
    """Makes every 16th token a stop token, so that answers end at different times."""
    model.generation_config.eos_token_id = list(range(0, len(tokenizer), 16))
    return reference(model, tokenizer, prompts, 40)


@pytest.mark.parametrize(("batch_size", "copy_from", "block"), [(None, 1, 32), (None, 99, 2), (1, 1, 32), (3, 1, 2), (2, 99, 32)])
def test_greedy_answers_equal_transformers(model, tokenizer, monkeypatch, batch_size, copy_from, block):
    monkeypatch.setattr("smolcourse.inference.generate._WORTH_A_COPY", copy_from)
    monkeypatch.setattr("smolcourse.inference.llama._BLOCK", block)
    prompts = conversations(7)
    expected = stop_early(model, tokenizer, prompts)
    assert len({len(tokenizer(text)["input_ids"]) for text in expected}) > 3, "the test needs answers that end at different times"
    assert generate(model, tokenizer, prompts, max_new_tokens=40, batch_size=batch_size) == expected


def test_real_model_greedy_answers_equal_transformers(real_model, tokenizer):
    model = AutoModelForCausalLM.from_pretrained(real_model)
    prompts = [[{"role": "user", "content": text}] for text in ("Say hi.", "What is 2 + 3? Answer with a number.")]
    expected = reference(model, tokenizer, prompts, 8)
    assert generate(model, tokenizer, prompts, max_new_tokens=8) == expected


def test_prompts_without_a_common_beginning(model, tokenizer):
    prompts = ["Trà đào", "Một hai ba bốn năm sáu bảy", "x"]
    assert generate(model, tokenizer, prompts, max_new_tokens=6) == reference(model, tokenizer, prompts, 6)


def test_same_prompt_twice_and_one_the_beginning_of_another(model, tokenizer):
    prompts = ["trà đào cam sả", "trà đào", "trà đào"]
    assert generate(model, tokenizer, prompts, max_new_tokens=6) == reference(model, tokenizer, prompts, 6)


def test_answers_do_not_depend_on_the_cache_growing(model, tokenizer):
    prompts = conversations(3)
    assert generate(model, tokenizer, prompts, max_new_tokens=150) == reference(model, tokenizer, prompts, 150)


def test_qwen2_with_biases(tokenizer):
    config = Qwen2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.3,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    torch.manual_seed(1)
    model = Qwen2ForCausalLM(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter)
    prompts = conversations(3)
    for joined in (False, True):
        LlamaDecoder(model, joined=joined)  # not the plain road
    expected = reference(model, tokenizer, prompts, 8)
    assert generate(model, tokenizer, prompts, max_new_tokens=8) == expected
    assert generate(model, tokenizer, prompts * 3, max_new_tokens=8) == expected * 3


def test_other_architectures_take_the_plain_road(tokenizer):
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, eos_token_id=tokenizer.eos_token_id, pad_token_id=2
    )
    model = GPT2LMHeadModel(config).train()
    with pytest.raises(Unsupported):
        LlamaDecoder(model)
    prompts = conversations(4)
    model.eval()
    expected = reference(model, tokenizer, prompts, 8)
    model.train()  # dropout must not reach the answers, and the mode must come back
    assert generate(model, tokenizer, prompts, max_new_tokens=8, batch_size=3) == expected
    assert "".join(stream(model, tokenizer, prompts[1], max_new_tokens=8)) == expected[1]
    assert model.training


def test_lora_is_merged_into_the_copy_only(model, tokenizer):
    prompts = conversations(3)
    before = generate(model, tokenizer, prompts, max_new_tokens=8)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    torch.manual_seed(0)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    weights = copy.deepcopy(adapted.state_dict())
    adapted.eval()
    LlamaDecoder(adapted)  # not the plain road
    after = generate(adapted, tokenizer, prompts, max_new_tokens=8)
    assert after == reference(adapted, tokenizer, prompts, 8)
    assert after != before
    assert all(torch.equal(value, weights[name]) for name, value in adapted.state_dict().items())
    with adapted.disable_adapter():
        assert generate(adapted, tokenizer, prompts, max_new_tokens=8) == before


KINDS = {
    "dora": lambda: LoraConfig(r=2, target_modules="all-linear", use_dora=True, task_type="CAUSAL_LM"),
    "ia3": lambda: IA3Config(
        target_modules=["q_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"], task_type="CAUSAL_LM"
    ),
    "prompt tuning": lambda: PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
    "p-tuning": lambda: PromptEncoderConfig(num_virtual_tokens=3, encoder_hidden_size=16, task_type="CAUSAL_LM"),
    "prefix tuning": lambda: PrefixTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_adapter_takes_the_fast_road(model, tokenizer, kind):
    prompts = conversations(4)
    before = generate(model, tokenizer, prompts, max_new_tokens=8)
    adapted = get_peft_model(model, KINDS[kind]()).eval()
    torch.manual_seed(1)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data.add_(torch.randn_like(parameter), alpha=0.3)
    LlamaDecoder(adapted)
    expected = reference(adapted, tokenizer, prompts, 8)
    assert expected != before
    assert generate(adapted, tokenizer, prompts, max_new_tokens=8, batch_size=2) == expected
    streamer = Streamer(adapted, tokenizer)
    assert ["".join(streamer.stream(prompt, max_new_tokens=8)) for prompt in prompts] == expected
    with adapted.disable_adapter():
        assert generate(adapted, tokenizer, prompts, max_new_tokens=8) == before


def test_another_variant_of_lora_takes_the_plain_road(model, tokenizer):
    adapted = get_peft_model(model, LoraConfig(r=2, target_modules="all-linear", lora_bias=True, task_type="CAUSAL_LM")).eval()
    with pytest.raises(Unsupported):
        LlamaDecoder(adapted)
    prompts = conversations(2)
    assert generate(adapted, tokenizer, prompts, max_new_tokens=5) == reference(adapted, tokenizer, prompts, 5)


def test_each_conversation_may_have_its_own_limit(model, tokenizer):
    prompts = conversations(4)
    expected = [reference(model, tokenizer, [prompt], limit)[0] for prompt, limit in zip(prompts, (3, 9, 1, 5), strict=True)]
    assert generate(model, tokenizer, prompts, max_new_tokens=[3, 9, 1, 5], batch_size=2) == expected


def test_on_done_tells_each_answer_once(model, tokenizer):
    told = {}
    answers = generate(model, tokenizer, conversations(5), max_new_tokens=4, batch_size=2, on_done=told.__setitem__)
    assert [told[index] for index in range(5)] == answers


def test_sampling_depends_on_seed_and_place_not_on_the_batch(model, tokenizer):
    def sample(**settings):
        return generate(model, tokenizer, conversations(5), max_new_tokens=10, temperature=1.0, **settings)

    assert sample(seed=3, batch_size=5) == sample(seed=3, batch_size=2)
    assert sample(seed=3) != sample(seed=4)
    same = generate(model, tokenizer, conversations(1) * 2, max_new_tokens=10, temperature=1.0)
    assert same[0] != same[1], "two samples of one prompt must differ"


def test_a_conversation_with_its_own_seed_is_drawn_alike_in_any_company(model, tokenizer, monkeypatch):
    settings = {"max_new_tokens": 8, "temperature": 1.0}
    prompts = conversations(3)
    for unsupported in (False, True):
        if unsupported:
            monkeypatch.setattr("smolcourse.inference.generate.LlamaDecoder", _refuse)
        together = generate(model, tokenizer, prompts, seed=[7, 8, 7], **settings)
        assert generate(model, tokenizer, [prompts[2], prompts[1]], seed=[7, 8], **settings) == [together[2], together[1]]
        assert generate(model, tokenizer, [prompts[2]], seed=[9], **settings) != [together[2]]


def _refuse(*_, **__):
    raise Unsupported


def test_stream_gives_what_generate_gives_over_several_turns(model, tokenizer):
    streamer = Streamer(model, tokenizer)
    turns = conversations(1)[0]
    for question in ("thêm một ly nữa", "bớt đường", "xong rồi"):
        answer = "".join(streamer.stream(turns, max_new_tokens=12))
        assert answer == reference(model, tokenizer, [turns], 12)[0]
        turns = [*turns, {"role": "assistant", "content": answer}, {"role": "user", "content": question}]
    # Another conversation, which shares only the system prompt.
    assert (
        "".join(streamer.stream(conversations(3)[2], max_new_tokens=12))
        == reference(model, tokenizer, conversations(3)[2:], 12)[0]
    )


def test_a_stream_closed_early_leaves_the_streamer_usable(model, tokenizer):
    streamer = Streamer(model, tokenizer)
    pieces = streamer.stream(conversations(1)[0], max_new_tokens=50)
    next(pieces)
    pieces.close()
    prompt = conversations(2)[1]
    assert "".join(streamer.stream(prompt, max_new_tokens=12)) == reference(model, tokenizer, [prompt], 12)[0]


def test_sampled_stream_is_the_first_of_a_sampled_batch(model, tokenizer):
    prompt = conversations(1)[0]
    batch = generate(model, tokenizer, [prompt], max_new_tokens=12, temperature=0.8, top_p=0.9, seed=5)
    assert "".join(stream(model, tokenizer, prompt, max_new_tokens=12, temperature=0.8, top_p=0.9, seed=5)) == batch[0]


def test_characters_split_over_tokens_come_whole(tokenizer):
    text = "Trà sữa trân châu đường đen, ít đá 🧋🇻🇳 – 30 %, cảm ơn ạ!"
    ids = tokenizer(text)["input_ids"]
    pieces = TextPieces(tokenizer)
    parts = [pieces.add(token) for token in ids] + [pieces.end()]
    assert len(ids) > len(text) * 0.6, "the test needs characters that take several tokens"
    assert "".join(parts) == text
    assert not any("\ufffd" in part for part in parts)


def test_broken_bytes_do_not_hold_the_text_back(tokenizer):
    lone = tokenizer("ữ")["input_ids"][0]  # the first of several byte tokens
    pieces = TextPieces(tokenizer)
    parts = [pieces.add(token) for token in [lone] * 20 + tokenizer(" hết")["input_ids"]] + [pieces.end()]
    assert "".join(parts) == tokenizer.decode([lone] * 20 + tokenizer(" hết")["input_ids"])
    assert any(parts[:20])


def test_no_conversations(model, tokenizer):
    assert generate(model, tokenizer, []) == []


def test_shared_length():
    assert shared_length([[1, 2, 3], [1, 2], [1, 2, 4]]) == 2
    assert shared_length([[1, 2], [2, 1]]) == 0
    assert shared_length([[], [1]]) == 0
    assert shared_length([[5, 6]]) == 2


def test_stop_ids_join_model_and_tokenizer(model, tokenizer):
    model.generation_config.eos_token_id = [7, 8]
    assert stop_ids(model, tokenizer) == {7, 8, tokenizer.eos_token_id}


@pytest.mark.parametrize("prompt", ["", "  \n", [], [SYSTEM], [SYSTEM, {"role": "user", "content": " "}]])
def test_empty_prompts_are_refused(model, tokenizer, prompt):
    with pytest.raises(SmolError, match=r"prompt trống|không có gì"):
        generate(model, tokenizer, [prompt])


def test_a_prompt_longer_than_the_context_is_refused(model, tokenizer):
    with pytest.raises(SmolError, match="2048"):
        generate(model, tokenizer, ["trà " * 3000])


def test_answers_end_at_the_context(model, tokenizer):
    model.config.max_position_embeddings = 40
    prompt = [{"role": "user", "content": "hi"}]
    length = len(encode_prompt(prompt, tokenizer))
    answer = generate(model, tokenizer, [prompt], max_new_tokens=100)[0]
    model.config.max_position_embeddings = 2048
    assert answer == reference(model, tokenizer, [prompt], 40 - length)[0]


def test_no_chat_template(model, tokenizer):
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    with pytest.raises(SmolError, match="chat template"):
        generate(model, bare, conversations(1))
    assert generate(model, bare, ["trà"], max_new_tokens=2)


@pytest.mark.parametrize(
    "settings", [{"temperature": -1}, {"temperature": float("nan")}, {"top_p": 0}, {"top_p": 1.5}, {"max_new_tokens": 0}]
)
def test_settings_out_of_range_are_refused(model, tokenizer, settings):
    with pytest.raises(SmolError) as error:
        generate(model, tokenizer, ["trà"], **settings)
    assert next(iter(settings)) in str(error.value)

"""Log-likelihoods held against one forward pass of transformers for each choice, on its own and without any sharing."""

import pytest
import torch
from peft import LoraConfig, PrefixTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel

from smolcourse.errors import SmolError
from smolcourse.inference import loglik
from smolcourse.inference.loglik import Likelihood, Reader

QUESTION = "Question: Where do bees live?\nAnswer:"
REQUESTS = [
    (QUESTION, [" in a hive", " in a tree", " in a hive of wax", " under water"]),
    ("Câu hỏi: Thủ đô của Việt Nam là gì?\nTrả lời:", [" Hà Nội", " Huế", " Thành phố Hồ Chí Minh"]),
    ("2 + 2 = ", ["4", "5"]),  # the space goes to the continuation
    ("A", [" B"]),
    ("", ["Xin chào", "Hello"]),
    ([{"role": "user", "content": "Trà hay cà phê?"}], ["Trà", "Cà phê", "Trà sữa"]),
    ("Long " * 90 + "end.\nAnswer:", [" A", " B", " C"]),
]


@pytest.fixture(scope="module")
def model(tiny_model):
    return AutoModelForCausalLM.from_pretrained(tiny_model).eval()


@torch.inference_mode()
def one_by_one(model, tokenizer, requests):
    """lm-eval's rules, spelt out: encode the context, encode the whole, one pass a choice."""
    found = []
    for prompt, continuations in requests:
        if not isinstance(prompt, str):
            prompt = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
        row = []
        for continuation in continuations:
            context = tokenizer(prompt.rstrip())["input_ids"] if prompt else [tokenizer.bos_token_id]
            behind = tokenizer(prompt + continuation)["input_ids"][len(context) if prompt else 0 :]
            logs = model(torch.tensor([context + behind])).logits[0].log_softmax(-1)
            row.append(Likelihood(sum(float(logs[len(context) - 1 + i, t]) for i, t in enumerate(behind)), len(behind)))
        found.append(row)
    return found


def same(found, wanted, tolerance=2e-4):
    assert [[one.tokens for one in row] for row in found] == [[one.tokens for one in row] for row in wanted]
    for row, other in zip(found, wanted, strict=True):
        assert [one.log for one in row] == pytest.approx([one.log for one in other], abs=tolerance)


def test_equals_one_pass_a_choice(model, tokenizer):
    same(Reader(model, tokenizer).loglikelihoods(REQUESTS), one_by_one(model, tokenizer, REQUESTS))


def test_other_architectures(tokenizer):
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(tokenizer), n_embd=32, n_layer=2, n_head=2, n_positions=256)).eval()
    requests = [request for request in REQUESTS if not str(request[0]).startswith("Long")]
    same(Reader(model, tokenizer).loglikelihoods(requests), one_by_one(model, tokenizer, requests))


@pytest.mark.parametrize(
    "config",
    [LoraConfig(r=4, target_modules="all-linear"), PrefixTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM")],
    ids=["lora", "prefix tuning"],
)
def test_with_an_adapter(tiny_model, tokenizer, config):
    torch.manual_seed(1)
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), config)
    for weight in adapted.parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, std=0.1)
    adapted.eval()
    same(Reader(adapted, tokenizer).loglikelihoods(REQUESTS[:3]), one_by_one(adapted, tokenizer, REQUESTS[:3]))


def test_a_shared_beginning_and_small_batches_change_nothing(model, tokenizer, monkeypatch):
    shots = "Question: What is ice?\nAnswer: water\n\n" * 3
    requests = [(shots + f"Question: {n} + {n}?\nAnswer:", [f" {2 * n}", f" {n}", f" {2 * n} or so"]) for n in range(12)]
    wanted = one_by_one(model, tokenizer, requests)
    reader = Reader(model, tokenizer)
    same(reader.loglikelihoods(requests), wanted)
    monkeypatch.setattr(loglik, "_BATCH_TOKENS", 40)
    monkeypatch.setattr(loglik, "_HEAD_ROWS", 3)
    same(reader.loglikelihoods(requests), wanted)
    assert reader.loglikelihoods([]) == []


def test_too_long_a_context_is_cut_on_the_left(model, tokenizer, monkeypatch):
    reader = Reader(model, tokenizer)
    reader._longest = 16
    ids = tokenizer("word " * 30 + "end")["input_ids"]
    (found,) = reader.loglikelihoods([("word " * 30 + "end", [" of it", " of"])])
    behind = tokenizer(" of it")["input_ids"]
    kept = ids[-(17 - len(behind)) :]
    logs = model(torch.tensor([kept + behind])).logits[0].log_softmax(-1)
    wanted = sum(float(logs[len(kept) - 1 + i, t]) for i, t in enumerate(behind))
    assert found[0].log == pytest.approx(wanted, abs=2e-4)


def test_texts_in_windows(model, tokenizer):
    text = "Trời hôm nay đẹp quá, mình đi uống trà sữa nhé?"
    ids = tokenizer(text)["input_ids"]
    reader = Reader(model, tokenizer)

    def by_hand(window):
        total = 0.0
        for at in range(0, len(ids), window):
            before = ids[at - 1] if at else tokenizer.bos_token_id
            part = ids[at : at + window]
            logs = model(torch.tensor([[before, *part]])).logits[0].log_softmax(-1)
            total += sum(float(logs[i, token]) for i, token in enumerate(part))
        return total

    for window in (2048, 7):
        reader._longest = window
        (found, empty) = reader.texts([text, ""])
        assert found == (pytest.approx(by_hand(window), abs=2e-4), len(ids))
        assert empty == (0.0, 0)


def test_progress_counts_every_request_once(model, tokenizer):
    done = []
    Reader(model, tokenizer).loglikelihoods(REQUESTS, done.append)
    assert sum(done) == len(REQUESTS)


def test_a_continuation_of_no_tokens(model, tokenizer):
    with pytest.raises(SmolError, match="lựa chọn 2"):
        Reader(model, tokenizer).loglikelihoods([("What?", [" this", ""])])

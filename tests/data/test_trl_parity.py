"""Tokens and targets held against TRL's SFTTrainer on the same rows, and the places where we part from it on purpose."""

import copy

import pytest

from smolcourse.data.chat import encode, load_tokenizer
from smolcourse.errors import SmolError

trl = pytest.importorskip("trl")

SYSTEM = {"role": "system", "content": "Trả lời bằng JSON."}
CHATS = [
    [
        {"role": "user", "content": "cho mình 1 trà sữa  \nít đường ạ"},
        {"role": "assistant", "content": '{"món": "trà sữa", "đường": 30}'},
    ],
    [
        {"role": "user", "content": "mot ly matcha"},
        {"role": "assistant", "content": "Dạ, có ngay!\n\nCảm ơn bạn."},
        {"role": "user", "content": "thêm trân châu"},
        {"role": "assistant", "content": " Dạ 😀 "},
    ],
    [
        {"role": "user", "content": "<|im_end|> là gì?"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "\nDạ."},
    ],
]


@pytest.fixture(scope="module")
def model(tiny_model):
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model)


def theirs(rows, tokenizer, model, tmp_path, **settings):
    """Token ids and targets of TRL's prepared dataset: [(input_ids, 1 where the label is not -100), ...]."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    settings = SFTConfig(
        output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none", max_length=None, shuffle_dataset=False, **settings
    )
    trainer = SFTTrainer(
        model=model, args=settings, train_dataset=Dataset.from_list(rows), processing_class=copy.deepcopy(tokenizer)
    )
    return [(row["input_ids"], [int(label != -100) for label in row["labels"]]) for row in trainer.train_dataset]


def ours(rows, tokenizer):
    return [tuple(encode(row, tokenizer)) for row in rows]


def test_prompt_and_completion_messages(tokenizer, model, tmp_path):
    rows = [{"prompt": chat[:-1], "completion": chat[-1:]} for chat in CHATS]
    rows += [{"prompt": [SYSTEM, *chat[:-1]], "completion": chat[-1:]} for chat in CHATS]
    assert ours(rows, tokenizer) == theirs(rows, tokenizer, model, tmp_path)


def test_prompt_and_completion_strings(tokenizer, model, tmp_path):
    texts = [
        ("Món: trà", " sữa"),
        ("Xin ch", "ào bạn"),
        ("tr", "à"),
        ("", "chào"),
        ("a\n", "\nb<|im_end|>"),
        ("Hỏi: 1+1?\nĐáp:", " 2"),
    ]
    rows = [{"prompt": prompt, "completion": completion} for prompt, completion in texts]
    assert ours(rows, tokenizer) == theirs(rows, tokenizer, model, tmp_path)


def test_text(tokenizer, model, tmp_path):
    rows = [{"text": text} for text in ("một hai ba", "trà sữa<|im_end|>", "  \n", "😀")]
    assert ours(rows, tokenizer) == theirs(rows, tokenizer, model, tmp_path)


def test_bos_of_the_tokenizer(tokenizer, model, tmp_path):
    """Tokenizers that put bos before plain text (Llama): it is read in prompt/completion, and a target in text."""
    from tokenizers.processors import TemplateProcessing

    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", 0)]
    )
    assert tokenizer("a")["input_ids"][0] == 0
    for rows in ([{"text": "trà sữa"}], [{"prompt": "trà", "completion": " sữa"}, {"prompt": "", "completion": "a"}]):
        assert ours(rows, tokenizer) == theirs(rows, tokenizer, model, tmp_path)
    rows = [{"prompt": chat[:-1], "completion": chat[-1:]} for chat in CHATS]
    assert ours(rows, tokenizer) == theirs(rows, tokenizer, model, tmp_path)


def test_messages_with_generation_markers(tokenizer_dir, model, tmp_path):
    tokenizer = load_tokenizer(tokenizer_dir, "chatml")
    rows = [{"messages": [SYSTEM, *chat]} for chat in CHATS] + [{"messages": chat} for chat in CHATS]
    assert ours(rows, tokenizer) == theirs(rows, tokenizer, model, tmp_path, assistant_only_loss=True)


@pytest.mark.parametrize("name", ["llama3", "gemma", "qwen2_5", "phi3"])
def test_messages_without_markers_where_trl_knows_the_template(tokenizer, model, tmp_path, name):
    """TRL swaps in a marked copy of templates it knows. Tokens agree; so do targets, but for blank space around an answer:
    its copies of Gemma, Phi-3 and Qwen2.5 also train the newline after the end of turn (Qwen2.5: the one before the answer).
    """
    from trl import chat_template_utils

    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = getattr(chat_template_utils, f"{name}_chat_template")
    roles = ("<|user|>", "<|assistant|>", "<|start_header_id|>", "<|end_header_id|>", "<start_of_turn>")
    special = [*roles, "<|eot_id|>", "<end_of_turn>", "<|end|>"]
    tokenizer.add_special_tokens({"extra_special_tokens": special})
    rows = [{"messages": chat} for chat in CHATS[:2]]
    for (our_ids, our_mask), (ids, mask) in zip(
        ours(rows, tokenizer), theirs(rows, tokenizer, model, tmp_path, assistant_only_loss=True), strict=True
    ):
        assert our_ids == ids
        apart = [tokenizer.decode([token]) for token, us, trl_s in zip(ids, our_mask, mask, strict=True) if us != trl_s]
        if name == "llama3":
            assert apart == []
        else:
            assert all(text.isspace() for text in apart)
            assert all(us <= trl_s for us, trl_s in zip(our_mask, mask, strict=True))


def test_trl_cannot_mask_messages_under_the_smollm2_template(tokenizer, model, tmp_path):
    """Hence no TRL mask to equal there; ours is that of the same conversation under the marked template (see test_chat)."""
    with pytest.raises(ValueError, match="not training-compatible"):
        theirs([{"messages": CHATS[0]}], tokenizer, model, tmp_path, assistant_only_loss=True)


def test_one_newline_parts_messages_from_prompt_and_completion(tokenizer):
    """As in TRL, a completion runs to the end of the text; the newline after the end of turn is nobody's answer in messages."""
    chat = CHATS[0]
    messages = encode({"messages": chat}, tokenizer)
    completion = encode({"prompt": chat[:1], "completion": chat[1:]}, tokenizer)
    assert messages.input_ids == completion.input_ids
    assert messages.loss_mask[:-1] == completion.loss_mask[:-1]
    assert (messages.loss_mask[-1], completion.loss_mask[-1]) == (0, 1)
    assert tokenizer.decode(messages.input_ids[-1:]) == "\n"


def test_a_prompt_that_reads_differently_before_an_answer_is_an_error_not_a_wrong_mask(tokenizer):
    """TRL lets such a completion start inside the prompt, with a warning."""
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = (
        "{{ messages | length }}|{% for m in messages %}{{ m.role + ':' + m.content + '<|im_end|>' }}{% endfor %}"
        "{% if add_generation_prompt %}assistant:{% endif %}"
    )
    with pytest.raises(SmolError) as caught:
        encode({"prompt": CHATS[0][:1], "completion": CHATS[0][1:]}, tokenizer)
    assert caught.value.where == "prompt"

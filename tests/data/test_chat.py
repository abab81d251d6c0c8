"""The loss mask: only what the assistant wrote, its end of turn included, under every kind of chat template."""

import copy
import json
import random

import chat_templates as templates
import pytest

from smolcourse.data.chat import encode, encode_batch, load_tokenizer, plan, render
from smolcourse.data.masks import assistant_spans
from smolcourse.data.stop_token import check_stop_token, model_eos_ids
from smolcourse.errors import SmolError

SYSTEM = {"role": "system", "content": "Bạn là nhân viên quán trà sữa."}
TURNS = [
    {"role": "user", "content": "cho mình 1 trà sữa ít đường ạ"},
    {"role": "assistant", "content": '{"món": "trà sữa", "đường": 30}'},
    {"role": "user", "content": "thêm trân châu\n\nnhé  "},
    {"role": "assistant", "content": "Dạ, có ngay!\nCảm ơn bạn."},
    {"role": "user", "content": "cảm ơn"},
    {"role": "assistant", "content": "Dạ."},
]
ANSWERS = [turn["content"] for turn in TURNS if turn["role"] == "assistant"]
TOOLS = [{"type": "function", "function": {"name": "gia", "parameters": {"type": "object", "properties": {}}}}]


def with_template(tokenizer, template):
    changed = copy.deepcopy(tokenizer)
    changed.chat_template = template
    changed.add_special_tokens({"extra_special_tokens": templates.SPECIAL_TOKENS})
    return changed


def targets(row, tokenizer):
    """The text of each run of target tokens, and a check that the tokens are those of the whole text."""
    encoded = encode(row, tokenizer)
    assert len(encoded.input_ids) == len(encoded.loss_mask)
    runs, previous = [], 0
    for token, target in zip(encoded.input_ids, encoded.loss_mask, strict=True):
        if target:
            runs = [*runs, [token]] if not previous else [*runs[:-1], [*runs[-1], token]]
        previous = target
    return [tokenizer.decode(run) for run in runs]


@pytest.mark.parametrize(
    ("template", "ending"),
    [
        (None, "<|im_end|>"),
        (templates.CHATML, "<|im_end|>"),
        (templates.LLAMA3, "<|eot_id|>"),
        (templates.GEMMA, "<end_of_turn>"),
        (templates.MISTRAL, "<|im_end|>"),  # its eos token
        (templates.OPENS_THOUGHT, "<|im_end|>"),
    ],
    ids=["smollm2", "chatml", "llama3", "gemma", "mistral", "opens-thought"],
)
def test_every_answer_and_its_end_of_turn_carry_loss_and_nothing_else(tokenizer, template, ending):
    tokenizer = with_template(tokenizer, template or tokenizer.chat_template)
    found = targets({"messages": TURNS}, tokenizer)
    space = " " if template == templates.MISTRAL else ""
    assert found == [space + answer + ending for answer in ANSWERS]
    whole = tokenizer(render(TURNS, tokenizer), add_special_tokens=False)["input_ids"]
    assert encode({"messages": TURNS}, tokenizer).input_ids == whole


@pytest.mark.parametrize("template", [None, templates.LLAMA3, templates.MISTRAL], ids=["smollm2", "llama3", "mistral"])
def test_system_and_tools_never_carry_loss(tokenizer, template):
    tokenizer = with_template(tokenizer, template or tokenizer.chat_template)
    found = targets({"messages": [SYSTEM, *TURNS], "tools": TOOLS}, tokenizer)
    assert [text.strip()[: len(answer)] for text, answer in zip(found, ANSWERS, strict=True)] == ANSWERS


def test_tool_calls_carry_loss_and_tool_results_do_not(tokenizer):
    tokenizer = with_template(tokenizer, templates.LLAMA3)
    call = {"type": "function", "function": {"name": "gia", "arguments": {"mon": "trà sữa"}}}
    messages = [
        TURNS[0],
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "45000"},
        {"role": "assistant", "content": "45.000 đồng ạ"},
    ]
    found = targets({"messages": messages, "tools": json.dumps(TOOLS)}, tokenizer)
    assert found == [json.dumps(call["function"], ensure_ascii=False) + "<|eot_id|>", "45.000 đồng ạ<|eot_id|>"]
    row = {"prompt": messages[:1], "completion": messages[1:], "tools": TOOLS}
    assert targets(row, tokenizer) == found


def test_history_that_the_template_rewrites_is_masked_as_it_stands(tokenizer):
    tokenizer = with_template(tokenizer, templates.THINKING)
    messages = [
        TURNS[0],
        {"role": "assistant", "content": "<think>\nmột ly\n</think>\n\nDạ một ly."},
        TURNS[2],
        {"role": "assistant", "content": "<think>\nthêm gì\n</think>\n\nDạ thêm rồi."},
    ]
    assert targets({"messages": messages}, tokenizer) == [
        "Dạ một ly.<|im_end|>",
        "<think>\nthêm gì\n</think>\n\nDạ thêm rồi.<|im_end|>",
    ]
    assert plan({"messages": messages}, tokenizer).rewritten
    assert not plan({"messages": messages[:2]}, tokenizer).rewritten
    assert not plan({"messages": TURNS}, with_template(tokenizer, templates.CHATML)).rewritten


def test_rewritten_answers_that_quote_the_template_are_not_confused(tokenizer):
    tokenizer = with_template(tokenizer, templates.THINKING)
    trap = "Dạ.<|im_end|>\n<|im_start|>user\nDạ.<|im_end|>\n<|im_start|>assistant\nDạ."
    messages = [
        {"role": "user", "content": trap},
        {"role": "assistant", "content": "<think>\na\n</think>\n\n" + trap},
        {"role": "user", "content": trap},
        {"role": "assistant", "content": trap},
    ]
    marked = assistant_spans(messages, tokenizer)
    assert [marked.text[start:end] for start, end in marked.spans] == [
        trap + "<|im_end|>",
        "<think>\n\n</think>\n\n" + trap + "<|im_end|>",
    ]


def test_a_conversation_that_the_assistant_opens(tokenizer):
    assert targets({"messages": [TURNS[1], *TURNS[2:4]]}, tokenizer) == [ANSWERS[0] + "<|im_end|>", ANSWERS[1] + "<|im_end|>"]


def test_a_header_that_no_generation_prompt_writes_carries_no_loss(tokenizer):
    tokenizer = with_template(tokenizer, templates.NO_PROMPT)
    assert targets({"messages": TURNS}, tokenizer) == [" " + ANSWERS[0] + "\n", " " + ANSWERS[1] + "\n", " " + ANSWERS[2] + "\n"]


@pytest.mark.parametrize("template", [templates.LATE_EOS, templates.SHOUTS], ids=["late-eos", "shouts"])
def test_a_mask_that_would_be_wrong_is_an_error(tokenizer, template):
    with pytest.raises(SmolError, match="generation"):
        encode({"messages": TURNS}, with_template(tokenizer, template))


def test_generation_markers_decide_when_there_are_some(tokenizer, tokenizer_dir):
    marked = load_tokenizer(tokenizer_dir, "chatml")
    found = targets({"messages": [SYSTEM, *TURNS]}, marked)
    assert found == [answer + "<|im_end|>" for answer in ANSWERS]
    assert encode({"messages": [SYSTEM, *TURNS]}, marked) == encode({"messages": [SYSTEM, *TURNS]}, tokenizer)


@pytest.mark.parametrize("name", ["CHATML", "LLAMA3", "GEMMA", "MISTRAL", "THINKING", "OPENS_THOUGHT"])
def test_spans_hold_the_answers_of_random_conversations(tokenizer, name):
    """Any text, whitespace at the edges, template tokens inside it: each span is the answer as rendered, or it is an error."""
    tokenizer = with_template(tokenizer, getattr(templates, name))
    choose = random.Random(0)
    parts = ["Dạ", " ", "\n", "trà sữa", "<|im_end|>", "<|im_start|>assistant\n", "[/INST]", "😀", "ữ", "<|eot_id|>", "user"]
    for _ in range(60):
        texts = ["".join(choose.choices(parts, k=choose.randint(1, 6))) + f"#{turn}" for turn in range(choose.randint(2, 6))]
        messages = [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(texts)]
        marked = assistant_spans(messages, tokenizer)
        held = [marked.text[start:end] for start, end in marked.spans]
        assert [[f"#{turn}" in text for turn in range(len(texts))] for text in held] == [
            [turn == answer for turn in range(len(texts))] for answer in range(1, len(texts), 2)
        ]
        for text, answer in zip(held, texts[1::2], strict=True):
            before, _, after = text.rpartition(answer.strip())
            assert after.strip() and not before.replace("<think>\n\n</think>", "").strip()


def test_batches_equal_single_rows(tokenizer):
    rows = [
        {"messages": TURNS},
        {"text": "một hai ba"},
        {"prompt": "Xin ch", "completion": "ào bạn"},
        {"prompt": "", "completion": "chào"},
        {"prompt": TURNS[:1], "completion": TURNS[1:2]},
        {"messages": [SYSTEM, *TURNS[:2]]},
    ]
    assert encode_batch([plan(row, tokenizer) for row in rows], tokenizer) == [encode(row, tokenizer) for row in rows]


def test_a_letter_of_several_byte_tokens_is_wholly_inside_or_outside(tokenizer):
    tokenizer = with_template(tokenizer, "{% for m in messages %}{{ m.content }}{% endfor %}")
    row = {"messages": [{"role": "user", "content": "ữ"}, {"role": "assistant", "content": "ữ"}]}
    encoded = encode(row, tokenizer)
    half = len(encoded.input_ids) // 2
    assert half > 1
    assert encoded.loss_mask == [0] * half + [1] * half


def test_truncation_leaves_out_whole_turns(tokenizer):
    row = {"messages": [SYSTEM, *TURNS]}
    full, last = encode(row, tokenizer), encode({"messages": [SYSTEM, *TURNS[4:]]}, tokenizer)
    two = encode({"messages": [SYSTEM, *TURNS[2:]]}, tokenizer)
    assert encode(row, tokenizer, len(full.input_ids)) == full
    assert encode(row, tokenizer, len(full.input_ids) - 1, truncation="drop_turns") == two
    assert encode(row, tokenizer, len(last.input_ids), truncation="drop_turns") == last
    prompt = {"prompt": [SYSTEM, *TURNS[:5]], "completion": TURNS[5:]}
    shorter = encode({"prompt": [SYSTEM, TURNS[4]], "completion": TURNS[5:]}, tokenizer)
    assert encode(prompt, tokenizer, len(shorter.input_ids), truncation="drop_turns") == shorter
    for truncation in ("error", "drop_turns"):
        with pytest.raises(SmolError, match=f"max_length={len(last.input_ids) - 1}"):
            encode(row, tokenizer, len(last.input_ids) - 1, truncation=truncation)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("row", "where"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "xin chào"}, "messages"),
        ({"messages": ["xin chào"]}, "messages[0]"),
        ({"messages": [{"role": "bot", "content": "a"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "a"}]}, "messages[0].role"),
        ({"messages": [TURNS[0], {"role": "assistant", "content": 5}]}, "messages[1].content"),
        ({"messages": [TURNS[0], {"role": "assistant", "content": None}]}, "messages[1].content"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": TURNS[:1]}, "messages"),
        ({"messages": TURNS, "tools": "{"}, "tools"),
        ({"messages": TURNS, "tools": ["gia"]}, "tools"),
        ({"messages": TURNS, "chat_template_kwargs": 1}, "chat_template_kwargs"),
        ({"messages": TURNS, "chat_template_kwargs": {"tools": 1}}, "chat_template_kwargs.tools"),
        ({"prompt": TURNS[:1], "completion": "Dạ"}, "completion"),
        ({"prompt": TURNS[:1], "completion": TURNS[:1]}, "completion"),
        ({"prompt": 1, "completion": "Dạ"}, "prompt"),
        ({"text": 5}, None),
        ({"question": "a"}, None),
        ({}, None),
        ({"messages": [TURNS[0], {"role": "assistant", "content": "\ud800"}]}, None),
    ],
)
def test_bad_rows_are_named(tokenizer, row, where):
    with pytest.raises(SmolError) as caught:
        encode(row, tokenizer)
    assert caught.value.where == where
    assert caught.value.vi != caught.value.en


@pytest.mark.bad_input
def test_templates_that_fail_say_why(tokenizer, tokenizer_dir, tmp_path):
    with pytest.raises(SmolError, match="System role not supported"):
        encode({"messages": [SYSTEM, *TURNS]}, with_template(tokenizer, templates.GEMMA))
    with pytest.raises(SmolError, match="chatml"):
        encode({"messages": TURNS}, with_template(tokenizer, None))
    for failing in ("{{ 1 // 0 }}", "{% for i in range(10 ** 9) %}{% endfor %}", "{{ messages[0].content.x.y }}"):
        with pytest.raises(SmolError):
            encode({"messages": TURNS}, with_template(tokenizer, failing))
    broken = tmp_path / "broken.jinja"
    broken.write_text("{% for m in messages %}\n{{ m.content }}\n{% endif %}\n", encoding="utf-8")
    with pytest.raises(SmolError) as caught:
        load_tokenizer(tokenizer_dir, broken)
    assert caught.value.where == f"{broken}:3"
    with pytest.raises(SmolError, match=r"missing\.jinja"):
        load_tokenizer(tokenizer_dir, tmp_path / "missing.jinja")
    binary = tmp_path / "binary.jinja"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SmolError, match="UTF-8"):
        load_tokenizer(tokenizer_dir, binary)
    with pytest.raises(SmolError, match="nowhere"):
        load_tokenizer(tmp_path / "nowhere")


def test_a_template_from_windows_renders_the_same(tokenizer, tokenizer_dir, tmp_path):
    file = tmp_path / "windows.jinja"
    file.write_bytes(b"\xef\xbb\xbf" + templates.CHATML.replace("\n", "\r\n").encode())
    assert render(TURNS, load_tokenizer(tokenizer_dir, file)) == render(TURNS, with_template(tokenizer, templates.CHATML))


def test_stop_token(tokenizer, tokenizer_dir):
    eos = model_eos_ids(tokenizer_dir, tokenizer)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert eos == [end]
    for row in (
        None,
        {"messages": TURNS},
        {"prompt": TURNS[:1], "completion": TURNS[1:2]},
        {"text": "a"},
        {"prompt": "a", "completion": "b"},
    ):
        check = check_stop_token(tokenizer, eos, row)
        assert check.ok and check.token_id == end and check.carries_loss and check.stops_generation, row
    elsewhere = check_stop_token(tokenizer, [0])
    assert not elsewhere.ok and elsewhere.carries_loss and not elsewhere.stops_generation and str(end) in elsewhere.fix
    # Markers that leave the end of turn out: the mistake that makes a model talk for ever.
    forgets = templates.CHATML.replace(
        "m['content'] + '<|im_end|>\n' }}", "'' }}{% generation %}{{ m['content'] }}{% endgeneration %}<|im_end|>\n"
    )
    check = check_stop_token(with_template(tokenizer, forgets), eos)
    assert not check.ok and not check.carries_loss and check.token == "<|im_end|>"
    endless = check_stop_token(with_template(tokenizer, "{% for m in messages %}{{ m.content }}{% endfor %}"), eos)
    assert not endless.ok and endless.token is None
    newline = check_stop_token(with_template(tokenizer, templates.NO_PROMPT), eos)
    assert not newline.ok and newline.carries_loss and not newline.stops_generation

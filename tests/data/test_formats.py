"""Rows of every common shape become the same native rows; rows that nobody can train on say why, and at which key."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

import smolcourse.data as data_room
from smolcourse.data.formats import Format, detect, native_format, to_native
from smolcourse.data.problems import KINDS, RowError
from smolcourse.data.reading import read_rows

Message = dict[str, Any]


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def system(text: str) -> Message:
    return {"role": "system", "content": text}


MESSAGES = {"messages": [user("q"), assistant("a")]}
PAIR = {"prompt": [user("q")], "chosen": [assistant("a")], "rejected": [assistant("b")]}
TURNS = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
HUMAN = "\n\nHuman: hi\n\nAssistant: hello\n\nHuman: q\n\nAssistant:"
HELD = [user("hi"), assistant("hello"), user("q")]

CONVERSIONS: dict[str, tuple[dict[str, Any], Format, dict[str, Any]]] = {
    "messages": (MESSAGES | {"id": 7}, Format.MESSAGES, MESSAGES),
    "with system and tools": (
        {"messages": [system("s"), user("q"), assistant("a")], "tools": [{"name": "t"}]},
        Format.MESSAGES,
        {"messages": [system("s"), user("q"), assistant("a")], "tools": [{"name": "t"}]},
    ),
    "tools as JSON": (MESSAGES | {"tools": '[{"name": "t"}]'}, Format.MESSAGES, MESSAGES | {"tools": [{"name": "t"}]}),
    "a null column of a table": (MESSAGES | {"tools": None}, Format.MESSAGES, MESSAGES),
    "strings": ({"prompt": "q", "completion": " a"}, Format.PROMPT_COMPLETION, {"prompt": "q", "completion": " a"}),
    "message lists": (
        {"prompt": [user("q")], "completion": [assistant("a")]},
        Format.PROMPT_COMPLETION,
        {"prompt": [user("q")], "completion": [assistant("a")]},
    ),
    "text": ({"text": "x", "source": "y"}, Format.TEXT, {"text": "x"}),
    "alpaca": ({"instruction": "q", "input": "", "output": "a", "text": "all of it"}, Format.ALPACA, MESSAGES),
    "alpaca with input": (
        {"instruction": "q", "input": "x", "output": "a"},
        Format.ALPACA,
        {"messages": [user("q\n\nx"), assistant("a")]},
    ),
    "alpaca with history": (
        {"instruction": "q", "output": "a", "system": "s", "history": [["h", "r"]]},
        Format.ALPACA,
        {"messages": [system("s"), user("h"), assistant("r"), user("q"), assistant("a")]},
    ),
    "dolly": ({"instruction": "q", "context": "", "response": "a", "category": "c"}, Format.ALPACA, MESSAGES),
    "sharegpt": ({"conversations": TURNS}, Format.SHAREGPT, MESSAGES),
    "sharegpt with system": (
        {"conversations": TURNS, "system": "s"},
        Format.SHAREGPT,
        {"messages": [system("s"), *MESSAGES["messages"]]},
    ),
    "sharegpt, openai keys": ({"conversations": MESSAGES["messages"]}, Format.SHAREGPT, MESSAGES),
    "sharegpt under messages": ({"messages": TURNS}, Format.SHAREGPT, MESSAGES),
    "sharegpt pair": (
        {"conversations": TURNS[:1], "chosen": TURNS[1], "rejected": {"from": "gpt", "value": "b"}},
        Format.SHAREGPT,
        PAIR,
    ),
    "sharegpt pair, whole": ({"chosen": TURNS, "rejected": [TURNS[0], {"from": "gpt", "value": "b"}]}, Format.SHAREGPT, PAIR),
    "question": ({"question": "q", "answer": "a"}, Format.QUESTION_ANSWER, MESSAGES),
    "prompt and response": ({"prompt": "q", "response": "a"}, Format.QUESTION_ANSWER, MESSAGES),
    "dialogue": ({"text": HUMAN + " a"}, Format.DIALOGUE, {"messages": [*HELD, assistant("a")]}),
    "dialogue pair": (
        {"chosen": HUMAN + " a b", "rejected": HUMAN + " a c"},
        Format.DIALOGUE,
        {"prompt": HELD, "chosen": [assistant("a b")], "rejected": [assistant("a c")]},
    ),
    "dialogue pair that parts early": (
        {"chosen": HUMAN + " a", "rejected": "\n\nHuman: hi\n\nAssistant: go away"},
        Format.DIALOGUE,
        {"prompt": HELD[:1], "chosen": [assistant("hello"), user("q"), assistant("a")], "rejected": [assistant("go away")]},
    ),
    "dialogue pair with prompt": (
        {"prompt": HUMAN, "chosen": " a", "rejected": " b"},
        Format.DIALOGUE,
        {"prompt": HELD, "chosen": [assistant("a")], "rejected": [assistant("b")]},
    ),
    "explicit prompt": (PAIR, Format.PREFERENCE, PAIR),
    "implicit prompt": (
        {"chosen": [user("q"), assistant("a")], "rejected": [user("q"), assistant("b")]},
        Format.PREFERENCE,
        PAIR,
    ),
    "prompt said twice": (
        {
            "prompt": "q",
            "chosen": [user("q"), assistant("a")],
            "rejected": [user("q"), assistant("b")],
            "messages": [],
            "score": 1,
        },
        Format.PREFERENCE,
        PAIR,
    ),
    "prompt messages said twice": (
        {"prompt": [user("q")], "chosen": [user("q"), assistant("a")], "rejected": [user("q"), assistant("b")]},
        Format.PREFERENCE,
        PAIR,
    ),
    "prompt string before answers": (
        {"prompt": "q", "chosen": [assistant("a")], "rejected": [assistant("b")]},
        Format.PREFERENCE,
        PAIR,
    ),
    "answers that begin alike": (
        {
            "prompt": [user("q")],
            "chosen": [assistant("x"), user("y"), assistant("a")],
            "rejected": [assistant("x"), user("y"), assistant("b")],
        },
        Format.PREFERENCE,
        {
            "prompt": [user("q")],
            "chosen": [assistant("x"), user("y"), assistant("a")],
            "rejected": [assistant("x"), user("y"), assistant("b")],
        },
    ),
    "string pair": (
        {"prompt": "q ", "chosen": "a", "rejected": "b"},
        Format.PREFERENCE,
        {"prompt": "q ", "chosen": "a", "rejected": "b"},
    ),
    "string pair without prompt": (
        {"chosen": "The sky is blue", "rejected": "The sky is black"},
        Format.PREFERENCE,
        {"prompt": "The sky is", "chosen": " blue", "rejected": " black"},
    ),
    "one answer longer": (
        {"chosen": "Q: q\nA: yes", "rejected": "Q: q\nA: yes, of course"},
        Format.PREFERENCE,
        {"prompt": "Q: q\nA:", "chosen": " yes", "rejected": " yes, of course"},
    ),
}


@pytest.mark.parametrize("case", CONVERSIONS)
def test_conversion(case: str) -> None:
    row, fmt, expected = CONVERSIONS[case]
    before = json.dumps(row)
    assert detect(row) is fmt
    assert to_native(row) == expected
    assert json.dumps(row) == before, "the row given must not change"
    assert to_native(expected) == expected, "a native row stays as it is"
    assert native_format(expected) in ("messages", "prompt-completion", "text", "preference")


REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": ({}, "unknown_format", ""),
    "unknown keys": ({"a": 1, "b": 2}, "unknown_format", ""),
    "a slip": ({"mesages": []}, "unknown_format", "mesages"),
    "another case": ({"Messages": []}, "unknown_format", "Messages"),
    "prompt alone": ({"prompt": "q"}, "missing_key", "completion"),
    "instruction alone": ({"instruction": "q", "input": ""}, "missing_key", "output"),
    "chosen alone": ({"prompt": "q", "chosen": "a"}, "missing_key", "rejected"),
    "messages null": ({"messages": None}, "wrong_type", "messages"),
    "messages string": ({"messages": "q"}, "wrong_type", "messages"),
    "messages empty": ({"messages": []}, "no_messages", "messages"),
    "message string": ({"messages": ["q"]}, "wrong_type", "messages[0]"),
    "no role": ({"messages": [{"content": "q"}]}, "missing_key", "messages[0].role"),
    "role human": ({"messages": [{"role": "human", "content": "q"}]}, "unknown_role", "messages[0].role"),
    "role number": ({"messages": [{"role": 1, "content": "q"}]}, "unknown_role", "messages[0].role"),
    "role list": ({"messages": [{"role": ["user"], "content": "q"}]}, "unknown_role", "messages[0].role"),
    "no content": ({"messages": [user("q"), {"role": "assistant"}]}, "missing_key", "messages[1].content"),
    "content null": ({"messages": [{"role": "user", "content": None}]}, "wrong_type", "messages[0].content"),
    "content number": ({"messages": [{"role": "user", "content": 5}]}, "wrong_type", "messages[0].content"),
    "content part": ({"messages": [{"role": "user", "content": [{"type": "sound"}]}]}, "wrong_type", "messages[0].content[0]"),
    "content part without text": (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "wrong_type",
        "messages[0].content[0].text",
    ),
    "empty question": ({"messages": [user(" "), assistant("a")]}, "empty_text", "messages[0].content"),
    "empty answer": ({"messages": [user("q"), assistant(" \n")]}, "empty_answer", "messages[1].content"),
    "empty earlier answer": (
        {"messages": [user("q"), assistant(""), user("q"), assistant("a")]},
        "empty_answer",
        "messages[1].content",
    ),
    "no answer": ({"messages": [user("q")]}, "no_answer", "messages[0].role"),
    "question last": ({"messages": [user("q"), assistant("a"), user("q")]}, "no_answer", "messages[2].role"),
    "system late": ({"messages": [user("q"), system("s"), assistant("a")]}, "late_system", "messages[1].role"),
    "system twice": ({"messages": [system("s"), system("s"), user("q"), assistant("a")]}, "late_system", "messages[1].role"),
    "half an emoji": ({"messages": [user("\ud83e"), assistant("a")]}, "half_character", "messages[0].content"),
    "half an emoji answered": ({"messages": [user("q"), assistant("a\udc00")]}, "half_character", "messages[1].content"),
    "tools object": (MESSAGES | {"tools": {"name": "t"}}, "wrong_type", "tools"),
    "tools of strings": (MESSAGES | {"tools": ["t"]}, "wrong_type", "tools"),
    "template settings": (MESSAGES | {"chat_template_kwargs": 5}, "wrong_type", "chat_template_kwargs"),
    "tools broken": (MESSAGES | {"tools": "{"}, "wrong_type", "tools"),
    "completion other kind": ({"prompt": "q", "completion": [assistant("a")]}, "wrong_type", "completion"),
    "prompt other kind": ({"prompt": [user("q")], "completion": "a"}, "wrong_type", "completion"),
    "prompt empty": ({"prompt": "", "completion": "a"}, "empty_text", "prompt"),
    "completion empty": ({"prompt": "q", "completion": ""}, "empty_answer", "completion"),
    "completion ends with a question": ({"prompt": [user("q")], "completion": [user("q")]}, "no_answer", "completion[0].role"),
    "system in completion": (
        {"prompt": [user("q")], "completion": [system("s"), assistant("a")]},
        "late_system",
        "completion[0].role",
    ),
    "text number": ({"text": 5}, "wrong_type", "text"),
    "text empty": ({"text": "\n"}, "empty_text", "text"),
    "pair of two kinds": ({"chosen": "a", "rejected": [assistant("a")]}, "wrong_type", "rejected"),
    "pair of numbers": ({"chosen": 1, "rejected": 2}, "wrong_type", "rejected"),
    "equal pair": (PAIR | {"rejected": PAIR["chosen"]}, "equal_pair", "rejected"),
    "equal strings": ({"chosen": "a b", "rejected": "a b"}, "equal_pair", "rejected"),
    "nothing in common": ({"chosen": "yes", "rejected": "no"}, "no_prompt", "prompt"),
    "answers alone": ({"chosen": [assistant("a")], "rejected": [assistant("b")]}, "no_prompt", "prompt"),
    "empty chosen": ({"prompt": "q", "chosen": "", "rejected": "b"}, "empty_answer", "chosen"),
    "alpaca number": ({"instruction": 5, "output": "a"}, "wrong_type", "instruction"),
    "alpaca without answer": ({"instruction": "q", "output": ""}, "empty_answer", "messages[1].content"),
    "alpaca history": ({"instruction": "q", "output": "a", "history": ["h"]}, "wrong_type", "history[0]"),
    "sharegpt string": ({"conversations": "q"}, "wrong_type", "conversations"),
    "sharegpt empty": ({"conversations": []}, "no_messages", "messages"),
    "sharegpt without value": ({"conversations": [{"from": "human"}]}, "wrong_type", "conversations[0]"),
    "sharegpt unknown speaker": ({"conversations": [{"from": "narrator", "value": "q"}]}, "unknown_role", "messages[0].role"),
    "sharegpt question last": ({"conversations": TURNS[:1]}, "no_answer", "messages[0].role"),
    "answer null": ({"question": "q", "answer": None}, "wrong_type", "answer"),
    "dialogue with a preface": ({"text": "Once\n\nHuman: q\n\nAssistant: a"}, "wrong_type", "text"),
    "dialogue unanswered": ({"text": HUMAN}, "empty_answer", "messages[3].content"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case: str) -> None:
    row, kind, where = REFUSALS[case]
    with pytest.raises(RowError) as caught:
        to_native(row)
    assert (caught.value.kind, caught.value.where or "") == (kind, where)
    assert caught.value.vi != caught.value.en


@pytest.mark.parametrize(
    ("said", "meant"), [("human", "user"), ("User", "user"), ("gpt", "assistant"), ("asistant", "assistant")]
)
def test_the_role_that_was_meant_is_named(said: str, meant: str) -> None:
    with pytest.raises(RowError, match=f"'{meant}'"):
        to_native({"messages": [{"role": said, "content": "q"}]})


def test_tool_calls_need_no_content() -> None:
    calls = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "price"}}]}
    row = {"messages": [user("q"), calls, {"role": "tool", "content": "25"}, assistant("25")]}
    assert to_native(row) == row


def test_pictures_may_be_part_of_a_content() -> None:
    row = {
        "messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "q"}]}, assistant("a")],
        "images": ["a.png"],
    }
    answer = {"role": "assistant", "content": [{"type": "text", "text": "a"}]}
    assert to_native(row) == {**row, "messages": [row["messages"][0], answer]}


def test_implicit_prompts_are_those_of_trl() -> None:
    """On conversations the prompt we take out is the one TRL takes out."""
    trl = pytest.importorskip("trl")
    for case in ("implicit prompt", "dialogue pair", "explicit prompt"):
        native = to_native(CONVERSIONS[case][0])
        whole = {side: native["prompt"] + native[side] for side in ("chosen", "rejected")}
        assert trl.extract_prompt(whole) == native


def test_every_kind_of_problem_has_a_name_in_both_languages() -> None:
    source = "".join(file.read_text(encoding="utf-8") for file in Path(data_room.__path__[0]).glob("*.py"))
    used = set(re.findall(r'RowError\(\s*"(\w+)"', source)) | set(re.findall(r'found_pairs\(\s*"(\w+)"', source))
    assert used <= KINDS.keys()
    assert all(vi != en for vi, en in KINDS.values())


def test_real_data() -> None:
    folder = os.environ.get("SMOLCOURSE_TEST_DATA")
    if not folder:
        pytest.skip("SMOLCOURSE_TEST_DATA is not set")
    pairs = [row for _, row in read_rows(Path(folder) / "dpo_en_demo.json")]
    assert {detect(row) for row in pairs} == {Format.SHAREGPT}
    natives = [to_native(row) for row in pairs]
    assert len(natives) == 300
    assert natives[0]["prompt"] == [user(pairs[0]["conversations"][0]["value"])]
    assert natives[0]["chosen"] == [assistant(pairs[0]["chosen"]["value"])]
    sums = [to_native(row) for _, row in read_rows(Path(folder) / "gsm8k_train_2000.jsonl")]
    assert len(sums) == 2000
    assert all("####" in row["messages"][1]["content"] for row in sums)

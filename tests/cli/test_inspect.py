"""`smol inspect`: what it prints, with and without colour, and that bad input ends in one message."""

import io
import json

import pytest

from smolcourse.cli import inspect as command
from smolcourse.data.inspecting import inspect_pair, inspect_row, inspect_source
from smolcourse.data.preferences import encode_pair
from smolcourse.data.stop_token import model_eos_ids
from smolcourse.errors import SmolError
from smolcourse.language import set_language

CHAT = [
    {"role": "user", "content": "cho mình trà sữa ạ"},
    {"role": "assistant", "content": '{"món": "trà sữa"}'},
    {"role": "user", "content": "thêm\nđá"},
    {"role": "assistant", "content": "Dạ"},
]


@pytest.fixture
def inspection(tokenizer, tokenizer_dir):
    return inspect_row({"messages": CHAT}, tokenizer, model_eos_ids(tokenizer_dir, tokenizer))


@pytest.fixture
def pair(tokenizer, tokenizer_dir):
    row = {"prompt": CHAT[:1], "chosen": CHAT[1:2], "rejected": [{"role": "assistant", "content": "Dạ, em chào anh ạ!"}]}
    return row, inspect_pair(row, tokenizer, model_eos_ids(tokenizer_dir, tokenizer))


def printed(inspection, max_length=512, **settings):
    import rich.console

    stream = io.StringIO()
    original = rich.console.Console
    rich.console.Console = lambda **kwargs: original(file=stream, width=200, **settings, **kwargs)
    try:
        show = command._print_pair if hasattr(inspection, "chosen") else command._print
        show(inspection, "orders.jsonl row 1", "tiny", max_length)
    finally:
        rich.console.Console = original
    return stream.getvalue()


def test_pieces_are_the_text_and_the_tokens(inspection, tokenizer):
    assert [token for piece in inspection.pieces for token in piece.ids] == inspection.encoded.input_ids
    assert "".join(piece.text for piece in inspection.pieces) == tokenizer.decode(inspection.encoded.input_ids)
    letters = {piece.text: piece.ids for piece in inspection.pieces}
    assert len(letters["ữ"]) == 2, "a letter of two byte tokens is one piece"
    assert "�" not in "".join(letters)


def test_roles_of_every_character(inspection):
    by_role = {}
    for piece in inspection.pieces:
        by_role[piece.role] = by_role.get(piece.role, "") + piece.text
    assert "You are a helpful AI assistant" in by_role["template"]
    assert by_role["user"].count("<|im_start|>user\n") == 2 and "trà sữa ạ" in by_role["user"]
    assert by_role["assistant"].startswith('<|im_start|>assistant\n{"món"')
    assert "".join(piece.text for piece in inspection.pieces if piece.target) == '{"món": "trà sữa"}<|im_end|>Dạ<|im_end|>'


def test_plain_strings_have_roles_too(tokenizer):
    pieces = inspect_row({"prompt": "Món:", "completion": " trà"}, tokenizer, [2]).pieces
    assert {piece.role for piece in pieces if piece.target} == {"completion"}
    assert {piece.role for piece in pieces if not piece.target} == {"prompt"}
    assert {piece.role for piece in inspect_row({"text": "trà sữa"}, tokenizer, [2]).pieces} == {"text"}


def test_without_colour_marks_show_what_carries_loss(inspection):
    set_language("en")
    text = printed(inspection, no_color=True)
    assert "\x1b[4" not in text and "\x1b[3" not in text
    assert '«{"·mon' not in text and "«" in text
    shown = [line for line in text.splitlines() if "«" in line][1:]
    marked = ["".join(line.split("«")[1].split("»")[0].split("·")) for line in shown]
    assert marked == ['{"món": "trà sữ₂a"}<|im_end|>', "Dạ₃<|im_end|>"] or marked[0].endswith("<|im_end|>")
    assert "generation stops there" in text


def test_with_colour_targets_have_a_background(inspection):
    text = printed(inspection, force_terminal=True, color_system="standard")
    turns = text.split("\n\n", 1)[1]
    assert "\x1b[30;42m" in turns and "·" not in turns and "«" not in turns


def test_verdicts(inspection, tokenizer):
    set_language("en")
    assert "longer than max_length=10" in printed(inspection, max_length=10)
    wrong = inspect_row({"messages": CHAT}, tokenizer, [0])
    assert "run on" in printed(wrong) and "Fix: generation_config.json" in printed(wrong)


def test_json_holds_everything(inspection):
    plain = json.loads(json.dumps(inspection.as_json()))
    assert plain["tokens"] == len(plain["input_ids"]) == len(plain["loss_mask"])
    assert plain["target_tokens"] == sum(plain["loss_mask"])
    assert plain["stop_token"]["ok"] and plain["stop_token"]["token"] == "<|im_end|>"


def test_a_pair_shows_the_tokens_and_masks_of_training(pair, tokenizer):
    row, both = pair
    encoded = encode_pair(row, tokenizer)
    assert both.prompt_tokens == len(encoded.prompt_ids)
    for side, ids, mask in (
        (both.chosen, encoded.chosen_ids, encoded.chosen_mask),
        (both.rejected, encoded.rejected_ids, encoded.rejected_mask),
    ):
        assert side.encoded.input_ids == encoded.prompt_ids + ids
        assert side.encoded.loss_mask == [0] * len(encoded.prompt_ids) + mask
        assert [token for piece in side.pieces for token in piece.ids] == side.encoded.input_ids
    text = "".join(piece.text for piece in both.rejected.pieces if piece.target)
    assert text == "Dạ, em chào anh ạ!<|im_end|>\n", "all that follows the prompt, as TRL has it"


def test_a_pair_is_printed_with_its_prompt_once(pair):
    set_language("en")
    text = printed(pair[1], no_color=True)
    assert text.count("<|im_start|>·user") == 1
    prompt, chosen, rejected = text.replace("── rejected", "── chosen").split("── chosen")
    assert "«" not in prompt.split("newline", 1)[1] and "chosen: " in prompt and "rejected: " in prompt
    assert "«" in chosen and "<|im_end|>" in chosen and "<|im_end|>" in rejected and "chào" in rejected.replace("·", "")
    assert chosen.count("generation stops there") == rejected.count("generation stops there") == 1


def test_pairs_of_strings_of_a_file_and_built_in(tiny_model, tmp_path):
    file = tmp_path / "pairs.jsonl"
    file.write_text(json.dumps({"prompt": "Món:", "chosen": " trà", "rejected": " cà phê"}), encoding="utf-8")
    found = inspect_source(str(file), 1, model=str(tiny_model))
    plain = json.loads(json.dumps(found.as_json()))
    assert plain["prompt_tokens"] and plain["chosen"]["target_tokens"] and plain["rejected"]["target_tokens"]
    assert inspect_source("milk-tea-style", 2, model=str(tiny_model)).chosen.stop.ok
    file.write_text(json.dumps({"prompt": "a", "chosen": "b", "rejected": "b"}), encoding="utf-8")
    with pytest.raises(SmolError) as caught:
        inspect_source(str(file), 1, model=str(tiny_model))
    assert str(caught.value.where).startswith(f"{file}:1")


def test_files_and_bad_input(tiny_model, tmp_path):
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps({"messages": CHAT}) + "\n" + json.dumps({"messages": CHAT[:2]}) + "\n", encoding="utf-8")
    assert inspect_source(str(file), 2, model=str(tiny_model)).tokens < inspect_source(str(file), 1, model=str(tiny_model)).tokens
    with pytest.raises(SmolError, match="2"):
        inspect_source(str(file), 3, model=str(tiny_model))
    file.write_text(json.dumps({"messages": [CHAT[0]]}), encoding="utf-8")
    with pytest.raises(SmolError) as caught:
        inspect_source(str(file), 1, model=str(tiny_model))
    assert str(caught.value.where).startswith(f"{file}:1")
    with pytest.raises(SmolError):
        inspect_source(str(tmp_path / "nothing.jsonl"), 1, model=str(tiny_model))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("number", "settings"), [(99_999_999, {}), (1, {"split": "nowhere"}), (1, {"chat_template": "nothing.jinja"})]
)
def test_wrong_arguments(tiny_model, number, settings):
    with pytest.raises(SmolError):
        inspect_source("milk-tea", number, model=str(tiny_model), **settings)


@pytest.mark.slow
def test_command_line(smol, tiny_model):
    done = smol("inspect", "milk-tea", "--row", 3, "--model", tiny_model, "--format", "json", "--lang", "en")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["row"] == 3
    done = smol("inspect", "--format", "xml")
    assert done.returncode == 2 and "Traceback" not in done.stderr and "xml" not in done.stdout

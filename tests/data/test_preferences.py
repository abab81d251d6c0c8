"""A preference row becomes TRL's tokens: one prompt, two answers, whatever the shape of the row."""

import copy

import pytest

from smolcourse.data.formats import to_native
from smolcourse.data.preferences import encode_pair
from smolcourse.data.tokenizing import tokenize
from smolcourse.errors import SmolError


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


SYSTEM = {"role": "system", "content": "Trả lời ngắn, lịch sự."}
ROWS = [
    {"prompt": [user("cho mình 1 trà đào")], "chosen": [assistant("Dạ, có ngay ạ!")], "rejected": [assistant("Rồi.")]},
    {"prompt": [SYSTEM, user("còn bánh không")], "chosen": [assistant("Dạ hết rồi ạ.")], "rejected": [assistant("Dạ hết.")]},
    {"prompt": [user("a"), assistant("b"), user("c")], "chosen": [assistant("Vâng")], "rejected": [assistant(" vâng ")]},
    {"prompt": [user("<|im_end|>?")], "chosen": [assistant("\n\nDạ 😀")], "rejected": [assistant("Dạ 😀\n")]},
]
IMPLICIT = {"chosen": [user("mấy giờ mở cửa"), assistant("7 giờ ạ.")], "rejected": [user("mấy giờ mở cửa"), assistant("Sớm.")]}
STRINGS = [
    {"prompt": "Thủ đô của Việt Nam là", "chosen": " Hà Nội.", "rejected": " Huế."},
    {"prompt": "Xin ch", "chosen": "ào bạn", "rejected": "ị giúp em"},  # tokens merge across the border
]


@pytest.fixture(scope="module")
def theirs(tokenizer, tiny_model, tmp_path_factory):
    """TRL's tokens of rows."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import DPOConfig, DPOTrainer

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    settings = DPOConfig(
        output_dir=str(tmp_path_factory.mktemp("trl")), use_cpu=True, bf16=False, report_to="none", max_length=None
    )

    def tokens(rows):
        trainer = DPOTrainer(
            model=model, args=settings, train_dataset=Dataset.from_list(rows), processing_class=copy.deepcopy(tokenizer)
        )
        return [(row["prompt_ids"], row["chosen_ids"], row["rejected_ids"]) for row in trainer.train_dataset]

    return tokens


def ours(rows, tokenizer):
    pairs = [encode_pair(to_native(row), tokenizer) for row in rows]
    assert all(pair.chosen_mask == [1] * len(pair.chosen_ids) for pair in pairs)
    assert all(pair.rejected_mask == [1] * len(pair.rejected_ids) for pair in pairs)
    return [(pair.prompt_ids, pair.chosen_ids, pair.rejected_ids) for pair in pairs]


@pytest.mark.parametrize("rows", [ROWS, [IMPLICIT], STRINGS], ids=["messages", "implicit prompt", "strings"])
def test_tokens_are_trls(rows, tokenizer, theirs):
    assert ours(rows, tokenizer) == theirs(rows)


def test_an_implicit_prompt_is_the_explicit_one(tokenizer):
    explicit = {"prompt": IMPLICIT["chosen"][:1], "chosen": IMPLICIT["chosen"][1:], "rejected": IMPLICIT["rejected"][1:]}
    assert ours([IMPLICIT], tokenizer) == ours([explicit], tokenizer)
    whole = {"chosen": "Hỏi: mấy giờ?\nĐáp: 7 giờ", "rejected": "Hỏi: mấy giờ?\nĐáp: không biết"}
    prompt, chosen, rejected = ours([whole], tokenizer)[0]
    assert tokenizer.decode(prompt) == "Hỏi: mấy giờ?\nĐáp:"
    assert tokenizer.decode(chosen).startswith(" 7 giờ") and tokenizer.decode(rejected).startswith(" không biết")


def test_only_the_assistants_turns_of_a_long_answer_carry_loss(tokenizer):
    chosen = [assistant("hỏi kho"), user("còn 3"), assistant("Dạ còn 3 ạ.")]
    pair = encode_pair({"prompt": [user("còn không")], "chosen": chosen, "rejected": [assistant("Không.")]}, tokenizer)
    learned = tokenizer.decode([token for token, mask in zip(pair.chosen_ids, pair.chosen_mask, strict=True) if mask])
    assert "hỏi kho" in learned and "Dạ còn 3 ạ." in learned and "còn 3<" not in learned.replace("Dạ còn 3 ạ.", "")


def test_pairs_on_disk_equal_pairs_one_by_one(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("smolcourse.data.tokenizing.BATCH_ROWS", 2)
    dataset, summary = tokenize(iter(ROWS), tokenizer, max_length=None, cache_dir=tmp_path)
    expected = [encode_pair(row, tokenizer) for row in ROWS]
    assert dataset.column_names == list(expected[0]._fields)
    assert [tuple(row.values()) for row in dataset] == [tuple(pair) for pair in expected]
    assert (summary.rows_read, summary.rows) == (4, 4)
    assert summary.longest == max(pair.longest for pair in expected)
    again, same = tokenize(ROWS, tokenizer, max_length=None, cache_dir=tmp_path)
    assert same == summary and list(again) == list(dataset)


def test_pairs_that_are_too_long_or_equal_as_tokens_are_left_out_and_counted(tokenizer, tmp_path):
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.chat_template = (
        "{% for m in messages %}{{ m.role }}:{{ m.content.strip() }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}assistant:{% endif %}"
    )
    long = {**ROWS[0], "rejected": [assistant("dài " * 200)]}
    same = {**ROWS[0], "rejected": [assistant("Dạ, có ngay ạ!  ")]}
    dataset, summary = tokenize([ROWS[0], long, same], tokenizer, max_length=100, cache_dir=tmp_path)
    assert len(dataset) == 1
    assert summary.dropped == {"too_long": 1, "equal": 1} and summary.dropped_rows == {"too_long": [2], "equal": [3]}
    with pytest.raises(SmolError, match="row:2"):
        tokenize([ROWS[0], long], tokenizer, max_length=100, cache_dir=tmp_path, truncation="error")


def test_an_error_names_the_row_and_the_side(tokenizer, tmp_path):
    broken = {**ROWS[0], "rejected": [{"role": "assistant", "content": 3}]}
    with pytest.raises(SmolError) as caught:
        tokenize([ROWS[0], broken], tokenizer, max_length=None, cache_dir=tmp_path, name="pairs.jsonl")
    assert caught.value.where == "pairs.jsonl:2 rejected[0].content"
    with pytest.raises(SmolError, match="chosen"):
        tokenize([ROWS[0], {"text": "a"}], tokenizer, max_length=None, cache_dir=tmp_path)
    with pytest.raises(SmolError):
        tokenize([{"text": "a"}, ROWS[0]], tokenizer, max_length=None, cache_dir=tmp_path)

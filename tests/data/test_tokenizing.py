"""Tokenised rows on disk: the same as row by row, found again by content, continued after a kill, never half there."""

import copy
import json

import pytest

from smolcourse.data import encoding, tokenizing
from smolcourse.data.chat import encode
from smolcourse.data.tokenizing import fingerprint, source_key, tokenize
from smolcourse.errors import SmolError


def conversation(number, turns=1):
    messages = []
    for turn in range(turns):
        messages.append({"role": "user", "content": f"đơn {number}.{turn}: trà sữa"})
        messages.append({"role": "assistant", "content": f'{{"đơn": {number}}}'})
    return {"messages": messages}


ROWS = [conversation(number) for number in range(23)]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(tokenizing, "BATCH_ROWS", 3)
    monkeypatch.setattr(tokenizing, "SHARD_ROWS", 10)


def as_pairs(dataset):
    return [(row["input_ids"], row["loss_mask"]) for row in dataset]


def test_rows_on_disk_equal_rows_one_by_one(tokenizer, tmp_path):
    mixed = [*ROWS, {"text": "một hai"}, {"prompt": "Xin ch", "completion": "ào"}]
    dataset, summary = tokenize(iter(mixed), tokenizer, max_length=None, cache_dir=tmp_path)
    expected = [tuple(encode(row, tokenizer)) for row in mixed]
    assert as_pairs(dataset) == expected
    assert dataset.column_names == ["input_ids", "loss_mask"]
    assert dataset.cache_files, "must be mapped from disk, not held in memory"
    assert (summary.rows_read, summary.rows, summary.dropped) == (len(mixed), len(mixed), {})
    assert summary.tokens == sum(len(ids) for ids, _ in expected)
    assert summary.target_tokens == sum(sum(mask) for _, mask in expected)
    assert summary.longest == max(len(ids) for ids, _ in expected)


def test_a_finished_result_is_found_without_reading_the_rows(tokenizer, tmp_path):
    def forbidden():
        raise AssertionError("read again")
        yield

    first, summary = tokenize(iter(ROWS), tokenizer, max_length=99, cache_dir=tmp_path, source="a")
    again, same = tokenize(forbidden(), tokenizer, max_length=99, cache_dir=tmp_path, source="a")
    assert as_pairs(again) == as_pairs(first) and same == summary
    listed, _ = tokenize(ROWS, tokenizer, max_length=99, cache_dir=tmp_path)
    streamed, _ = tokenize(iter(ROWS), tokenizer, max_length=99, cache_dir=tmp_path)
    assert as_pairs(listed) == as_pairs(streamed) == as_pairs(first)


def test_whatever_decides_the_tokens_is_in_the_key(tokenizer, tmp_path):
    def folders():
        return {path.name for path in tmp_path.iterdir() if path.is_dir()}

    other = copy.deepcopy(tokenizer)
    other.chat_template = "{% for m in messages %}{{ m.content + eos_token }}{% endfor %}"
    more = copy.deepcopy(tokenizer)
    more.add_tokens(["trà"])
    seen = set()
    for settings in (
        {"tokenizer": tokenizer, "max_length": 99},
        {"tokenizer": tokenizer, "max_length": 98},
        {"tokenizer": tokenizer, "max_length": 99, "truncation": "drop_turns"},
        {"tokenizer": other, "max_length": 99},
        {"tokenizer": more, "max_length": 99},
        {"tokenizer": tokenizer, "max_length": 99, "source": "other"},
    ):
        tokenize(iter(ROWS), cache_dir=tmp_path, **{"source": "a", **settings})
        assert len(folders() - seen) == 1, settings
        seen = folders()


def test_a_killed_run_continues_after_its_last_whole_shard(tokenizer, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def dying():
        yield from ROWS[:14]
        raise Killed

    with pytest.raises(Killed):
        tokenize(dying(), tokenizer, max_length=99, cache_dir=tmp_path, source="a")
    assert [path.name.endswith(".partial") for path in tmp_path.iterdir() if path.is_dir()] == [True]
    encoded = []
    original = encoding.plan
    monkeypatch.setattr(encoding, "plan", lambda row, tokenizer: (encoded.append(row), original(row, tokenizer))[1])
    dataset, summary = tokenize(iter(ROWS), tokenizer, max_length=99, cache_dir=tmp_path, source="a")
    assert encoded == ROWS[10:], "the first shard must not be tokenised again"
    assert as_pairs(dataset) == [tuple(encode(row, tokenizer)) for row in ROWS]
    assert summary.rows_read == len(ROWS)
    assert not list(tmp_path.glob("*.partial"))


def test_a_failed_stream_leaves_nothing(tokenizer, tmp_path):
    with pytest.raises(SmolError):
        tokenize(iter([*ROWS, {"messages": []}]), tokenizer, max_length=99, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_long_rows_are_counted_never_cut(tokenizer, tmp_path):
    rows = [conversation(0), conversation(1, turns=9), conversation(2), {"messages": conversation(3)["messages"] * 9}]
    limit = len(encode(rows[0], tokenizer).input_ids)
    dataset, summary = tokenize(rows, tokenizer, max_length=limit, cache_dir=tmp_path)
    assert as_pairs(dataset) == [tuple(encode(rows[0], tokenizer)), tuple(encode(rows[2], tokenizer))]
    assert summary.dropped == {"too_long": 2} and summary.dropped_rows == {"too_long": [2, 4]}
    assert summary.longest == len(encode(rows[1], tokenizer).input_ids)

    dataset, summary = tokenize(rows, tokenizer, max_length=limit, cache_dir=tmp_path, truncation="drop_turns")
    assert summary.shortened == 2 and summary.rows == 4 and not summary.dropped
    last = {"messages": rows[1]["messages"][-2:]}
    assert as_pairs(dataset)[1] == tuple(encode(last, tokenizer))

    with pytest.raises(SmolError) as caught:
        tokenize(rows, tokenizer, max_length=limit, cache_dir=tmp_path, truncation="error", name="orders.jsonl")
    assert caught.value.where == "orders.jsonl:2"


def test_rows_without_a_target_are_dropped(tokenizer, tmp_path):
    rows = [{"text": ""}, {"text": "trà sữa"}]  # eos alone: the first token is never predicted
    dataset, summary = tokenize(rows, tokenizer, max_length=99, cache_dir=tmp_path)
    assert len(dataset) == 1 and summary.dropped == {"no_target": 1} and summary.dropped_rows == {"no_target": [1]}


def test_errors_name_file_row_and_key(tokenizer, tmp_path):
    bad = {"messages": [{"role": "user", "content": "a"}, {"role": "bot", "content": "b"}]}
    with pytest.raises(SmolError) as caught:
        tokenize(iter([*ROWS, bad]), tokenizer, max_length=99, cache_dir=tmp_path, name="orders.jsonl")
    assert caught.value.where == "orders.jsonl:24 messages[1].role"
    broken = {"text": "\ud800"}
    with pytest.raises(SmolError) as caught:
        tokenize([*ROWS, broken], tokenizer, max_length=99, cache_dir=tmp_path, name="orders.jsonl")
    assert caught.value.where == "orders.jsonl:24"


def test_nothing_left_says_which_limit_to_raise_if_any(tokenizer, tmp_path):
    with pytest.raises(SmolError) as caught:
        tokenize(ROWS, tokenizer, max_length=8, cache_dir=tmp_path)
    longest = max(len(encode(row, tokenizer).input_ids) for row in ROWS)
    assert caught.value.fix == f"max_length={longest}"
    with pytest.raises(SmolError) as caught:
        tokenize([{"text": ""}], tokenizer, max_length=99, cache_dir=tmp_path, name="empty.jsonl")
    assert caught.value.fix == "smol inspect empty.jsonl"
    with pytest.raises(SmolError):
        tokenize(iter([]), tokenizer, max_length=8, cache_dir=tmp_path)


def test_a_full_disk_is_one_clear_error(tokenizer, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tokenizing, "_write_text", full)
    with pytest.raises(SmolError, match="No space left"):
        tokenize(iter(ROWS), tokenizer, max_length=99, cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_fingerprint_follows_the_bytes(tmp_path):
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(ROWS[0]), encoding="utf-8")
    first = fingerprint(file)
    assert fingerprint(file) == first
    key = source_key(str(file), {"size": 3}, "train")
    assert key == source_key(str(file), {"size": 3}, "train") != source_key(str(file), {"size": 4}, "train")
    assert key != source_key(str(file), {"size": 3}, "test")
    file.write_text(json.dumps(ROWS[1]), encoding="utf-8")
    assert fingerprint(file) != first and source_key(str(file), {"size": 3}, "train") != key
    assert source_key("milk-tea") is None


@pytest.mark.slow
def test_memory_stays_flat(tokenizer, tmp_path, monkeypatch):
    """Python's own memory at its peak does not grow with the number of rows."""
    import tracemalloc

    monkeypatch.setattr(tokenizing, "BATCH_ROWS", 50)
    monkeypatch.setattr(tokenizing, "SHARD_ROWS", 1000)
    peaks = []
    for size in (100, 100, 800):  # the first warms caches
        tracemalloc.start()
        tokenize((conversation(number) for number in range(size)), tokenizer, max_length=99, cache_dir=tmp_path / str(len(peaks)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]

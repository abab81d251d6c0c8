"""Every way a file can be wrong ends in one clear error with its row, and every way it can be right gives the same rows."""

import csv
import gzip
import io
import json
import os
import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from smolcourse.cli.main import main
from smolcourse.data.encodings import MAX_ROW_BYTES
from smolcourse.data.parts import part_of
from smolcourse.data.problems import RowError
from smolcourse.data.reading import read_rows, scan_rows
from smolcourse.errors import SmolError

ROWS = [{"question": "Trà sữa; bao nhiêu?", "answer": "25 nghìn,\nthưa bạn"}, {"question": "Đá?", "answer": '"Ít" ạ'}]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
GOOD = b'{"question": "a", "answer": "b"}\n'


def rows_of(source: str | Path, **options: Any) -> list[dict[str, Any]]:
    return [row for _, row in read_rows(source, **options)]


@contextmanager
def traced_peak() -> Iterator[Callable[[], int]]:
    """Yields a function that gives the most bytes that Python held at once inside the block."""
    peaks: list[int] = []
    tracemalloc.start()
    try:
        yield lambda: peaks[0]
        peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()


def as_csv(delimiter: str) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["question", "answer"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


RIGHT: dict[str, tuple[str, bytes]] = {
    "plain": ("a.jsonl", LINES.encode()),
    "ndjson": ("a.ndjson", LINES.encode()),
    "byte order mark": ("a.jsonl", b"\xef\xbb\xbf" + LINES.encode()),
    "windows line ends": ("a.jsonl", LINES.replace("\n", "\r\n").encode()),
    "blank lines": ("a.jsonl", ("\n\n" + LINES.replace("\n", "\n  \n")).encode()),
    "no newline at the end": ("a.jsonl", LINES.rstrip().encode()),
    "escaped": ("a.jsonl", "\n".join(map(json.dumps, ROWS)).encode()),
    "gzip": ("a.jsonl.gz", gzip.compress(LINES.encode())),
    "gzip under a plain name": ("a.jsonl", gzip.compress(LINES.encode())),
    "upper case suffix": ("A.JSONL", LINES.encode()),
    "list": ("a.json", json.dumps(ROWS, ensure_ascii=False, indent=2).encode()),
    "list in one line": ("a.json", json.dumps(ROWS).encode()),
    "list in an object": ("a.json", json.dumps({"version": 1, "data": ROWS, "tags": ["x"]}).encode()),
    "lines under .json": ("a.json", LINES.encode()),
    "comma": ("a.csv", as_csv(",")),
    "semicolon, as Excel in Vietnam": ("a.csv", b"\xef\xbb\xbf" + as_csv(";")),
    "tab": ("a.tsv", as_csv("\t")),
    "no suffix, lines": ("a", LINES.encode()),
    "no suffix, list": ("a.txt", json.dumps(ROWS).encode()),
    "no suffix, table": ("a.data", as_csv(",")),
}


@pytest.mark.parametrize("case", RIGHT)
def test_every_form_gives_the_same_rows(tmp_path: Path, case: str) -> None:
    name, content = RIGHT[case]
    (tmp_path / name).write_bytes(content)
    assert rows_of(tmp_path / name) == ROWS


def test_parquet_and_saved_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets import Dataset, DatasetDict

    data = Dataset.from_list(ROWS)
    data.to_parquet(tmp_path / "a.parquet")
    assert rows_of(tmp_path / "a.parquet") == ROWS
    (tmp_path / "a.parquet").rename(tmp_path / "a.bin")
    assert rows_of(tmp_path / "a.bin") == ROWS
    data.save_to_disk(tmp_path / "one")
    assert rows_of(tmp_path / "one") == ROWS
    DatasetDict(train=data, test=data.select([1])).save_to_disk(tmp_path / "two")
    assert rows_of(tmp_path / "two") == ROWS
    assert rows_of(tmp_path / "two", split="test") == ROWS[1:]
    with pytest.raises(SmolError, match="train, test"):
        rows_of(tmp_path / "two", split="valid")

    # A hub data set is fetched by the assets room; from there on it is a folder.
    hub = tmp_path / "hub"
    (hub / "main").mkdir(parents=True)
    data.to_parquet(hub / "main" / "train-00000-of-00001.parquet")
    data.select([1]).to_parquet(hub / "main" / "test-00000-of-00001.parquet")
    (hub / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    path: main/train-*\n  - split: test\n"
        "    path: main/test-*\n---\n"
    )
    asked = []
    monkeypatch.setattr("smolcourse.data.hub.resolve", lambda reference: asked.append(reference) or hub)
    assert rows_of("hf:org/name:main@v1") == ROWS
    assert rows_of("hf:org/name:main", split="test") == ROWS[1:]
    assert asked == ["hf:datasets/org/name@v1", "hf:datasets/org/name"]
    with pytest.raises(SmolError):
        rows_of("hf:org/name:none")
    with pytest.raises(SmolError):
        rows_of("hf:org/name", split="nowhere")
    with pytest.raises(SmolError, match="hf:org/name:config@revision"):
        rows_of("hf:a/b/c")


def test_folder_of_files_by_split(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, row in zip(("train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"), ROWS, strict=True):
        (tmp_path / "data" / name).write_text(json.dumps(row))
    (tmp_path / "data" / "test.jsonl").write_text(json.dumps(ROWS[1]))
    (tmp_path / "README.md").write_text("# data")
    assert list(read_rows(tmp_path)) == [(1, ROWS[0]), (2, ROWS[1])]
    assert rows_of(tmp_path, split="test") == ROWS[1:]


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train-00000-of-00002.parquet", "train"),
        ("data/test-0.jsonl", "test"),
        ("orders.test.jsonl.gz", "test"),
        ("my_val.csv", "validation"),
        ("train/a.json", "train"),
        ("latest.jsonl", "latest"),
        ("training/orders-test.jsonl", "test"),
    ],
)
def test_the_part_that_a_file_name_tells(name: str, part: str) -> None:
    assert part_of(Path(name)) == part


def test_test_rows_never_stand_in_for_missing_training_rows(tmp_path: Path) -> None:
    (tmp_path / "orders.test.jsonl").write_text(LINES)
    with pytest.raises(SmolError, match="test"):
        rows_of(tmp_path, split="train")
    (tmp_path / "orders.train.jsonl").write_text(json.dumps(ROWS[0]))
    assert rows_of(tmp_path, split="train") == ROWS[:1]
    (tmp_path / "a.json").write_text(json.dumps({"test": ROWS}))
    with pytest.raises(SmolError, match="test"):
        rows_of(tmp_path / "a.json", split="train")
    (tmp_path / "a.json").write_text(json.dumps({"rows": ROWS}))
    assert rows_of(tmp_path / "a.json", split="train") == ROWS


def test_splits_inside_one_json_file(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"train": ROWS, "test": ROWS[1:]}))
    assert rows_of(file, split="test") == ROWS[1:]
    assert rows_of(file) == ROWS
    with pytest.raises(SmolError, match="train, test"):
        rows_of(file, split="valid")
    file.write_text(json.dumps({"old": ROWS, "new": ROWS}))
    with pytest.raises(SmolError, match="old, new"):
        rows_of(file)


def test_one_row_in_a_json_file_is_a_row(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
    (tmp_path / "a.json").write_text(json.dumps(row, indent=1))
    assert rows_of(tmp_path / "a.json") == [row]


def test_numbers_are_line_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"\n" + GOOD + b"\n" + GOOD)
    assert [number for number, _ in read_rows(tmp_path / "a.jsonl")] == [2, 4]
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    assert [number for number, _ in read_rows(tmp_path / "a.csv")] == [2]


def test_a_json_list_is_read_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the pieces fall, the rows are the same: over cut strings, escapes, numbers and characters of several bytes."""
    rows = [{"a": 'chữ \\ " \u1ebf 🧋' * 3, "n": 12345.5e3, "t": True, "z": None, "l": [1, [2]]} for _ in range(20)]
    file = tmp_path / "a.json"
    file.write_text(json.dumps(rows, ensure_ascii=False))
    for size in (1, 2, 3, 7, 64):
        monkeypatch.setattr("smolcourse.data.json_files._CHUNK", size)
        assert rows_of(file) == rows
    file.write_text(json.dumps(rows))
    monkeypatch.setattr("smolcourse.data.json_files._CHUNK", 5)
    assert rows_of(file) == rows


def test_a_table_cell_may_hold_messages(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "a"}]
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["messages", "note"], [json.dumps(messages), "[{x"]])
    assert rows_of(tmp_path / "a.csv") == [{"messages": messages, "note": "[{x"}]


WRONG: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.jsonl", b"", "no rows"),
    "only blank lines": ("a.jsonl", b"\n \n\r\n", "no rows"),
    "only a byte order mark": ("a.jsonl", b"\xef\xbb\xbf", "no rows"),
    "empty csv": ("a.csv", b"", "no rows"),
    "header alone": ("a.csv", b"a,b\n", "no rows"),
    "empty list": ("a.json", b"[]", "no rows"),
    "empty parquet": ("a.parquet", b"", "broken Parquet"),
    "empty, no suffix": ("a", b"", "no rows"),
    "cut off": ("a.jsonl", GOOD + GOOD[:-4], "a.jsonl:2: broken JSON at column"),
    "missing value": ("a.jsonl", GOOD + b'\n{"a": }\n', "a.jsonl:3: broken JSON at column 7"),
    "single quotes": ("a.jsonl", b"{'a': 1}\n", "broken JSON at column 2"),
    "comma after the line": ("a.jsonl", b'{"a": 1},\n', "Extra data"),
    "two objects in a line": ("a.jsonl", b'{"a": 1}{"a": 2}\n', "Extra data"),
    "newline in a string": ("a.jsonl", b'{"a": "x\ny"}\n', "a.jsonl:1: broken JSON"),
    "NUL in a string": ("a.jsonl", b'{"a": "x\x00y", "b": "' + b"z" * 5000 + b'"}\n', "binary"),
    "plain text": ("a.jsonl", b"hello\n", "a.jsonl:1: broken JSON"),
    "csv under .jsonl": ("a.jsonl", b"question,answer\n1,2\n", "a.jsonl:1: broken JSON"),
    "NaN": ("a.jsonl", GOOD + b'{"a": NaN}\n', "a.jsonl:2: NaN is not a JSON value"),
    "Infinity": ("a.jsonl", b'{"a": -Infinity}\n', "-Infinity is not a JSON value"),
    "NaN in a list": ("a.json", b'[{"a": NaN}]', "NaN is not a JSON value"),
    "a list in a line": ("a.jsonl", GOOD + b"[1, 2]\n", "a.jsonl:2: each row must be an object {...}, this is a list"),
    "a number": ("a.jsonl", b"5\n", "this is a number"),
    "a string": ("a.jsonl", b'"5"\n', "this is a string"),
    "null": ("a.jsonl", b"null\n", "this is a null"),
    "true": ("a.jsonl", b"true\n", "this is a boolean"),
    "a string in a list": ("a.json", b'[{"a": 1}, "b"]', "a.json:2: each row must be an object"),
    "a string as document": ("a.json", b'"b"', "this is a string"),
    "deep": ("a.jsonl", b"[" * 200_000, "nested too deeply"),
    "deep document": ("a.json", b'{"a":' * 200_000, "nested too deeply"),
    "endless number": ("a.jsonl", b'{"a": ' + b"1" * 5000 + b"}", "too many digits"),
    "list not closed": ("a.json", b'[{"a": 1},\n {"a": 2}', "a.json:2: broken JSON at line 2, column 10"),
    "list with a trailing comma": ("a.json", b'[{"a": 1},]', "broken JSON at line 1"),
    "list without a comma": ("a.json", b'[{"a": 1}\n\n{"a": 2}]', "broken JSON at line 3, column 1"),
    "list, bad key": ("a.json", b'[{"a": 1},\n {"a" 2}]', "a.json:2: broken JSON at line 2, column 7"),
    "object not closed": ("a.json", b'{"data": [{"a": 1}]', "broken JSON at line 1"),
    "text after the object": ("a.json", b'{"a": 1} x', "Extra data"),
    "first of the lines broken": ("a.json", b'{"a": \n{"b": 1}\n{"b": 2}\n', "a.json:1: broken JSON"),
    "latin-1": ("a.jsonl", GOOD + '{"a": "Trà đá"}'.encode("latin-1", "ignore"), "a.jsonl:2: not UTF-8 (byte 10"),
    "windows-1258": ("a.jsonl", '{"a": "Tra\u0300 su\u031b\u0303a đa\u0301"}'.encode("cp1258", "ignore"), "WINDOWS-1258"),
    "latin-1 in a list": ("a.json", '[{"a": "Trà"}]'.encode("latin-1"), "a.json:1: not UTF-8"),
    "latin-1 csv": ("a.csv", "a,b\nTrà,1\n".encode("latin-1"), "a.csv:2: not UTF-8"),
    "UTF-16": ("a.jsonl", LINES.encode("utf-16"), "encoded as UTF-16"),
    "UTF-16 without a mark": ("a.jsonl", GOOD.decode().encode("utf-16-le"), "encoded as UTF-16LE"),
    "UTF-16 csv": ("a.csv", as_csv(",").decode().encode("utf-16"), "encoded as UTF-16"),
    "UTF-32": ("a.jsonl", LINES.encode("utf-32"), "encoded as UTF-32"),
    "random bytes": ("a.jsonl", random.Random(0).randbytes(3000), "binary file"),
    "excel": ("a.csv", b"PK\x03\x04" + bytes(100), "Excel"),
    "pickle": ("a.jsonl", b"\x80\x04\x95" + bytes(20), "pickle"),
    "gguf": ("a", b"GGUF\x03\x00\x00\x00", "GGUF"),
    "broken parquet": ("a.parquet", b"PAR1 and more", "broken Parquet"),
    "text as parquet": ("a.parquet", GOOD, "broken Parquet"),
    "gzip cut off": ("a.jsonl.gz", gzip.compress(random.Random(0).randbytes(999).hex().encode())[:-30], "broken gzip"),
    "gzip in name only": ("a.jsonl.gz", b"\x1f\x8b\x08\x00aaaaaaa", "broken gzip"),
    "too few cells": ("a.csv", b"a,b\n1,2\n3\n", "a.csv:3: 1 cells"),
    "too many cells": ("a.csv", b"a,b\n1,2,3\n", "a.csv:2: 3 cells"),
    "a column twice": ("a.csv", b"a,a\n1,2\n", "header"),
    "a column without a name": ("a.csv", b"a,,b\n1,2,3\n", "header"),
    "a quote without its end": ("a.csv", b'a,b\n"1,2\n3,4\n', "broken CSV"),
    "text after a quote": ("a.csv", b'a,b\n1,"x"y\n', "broken CSV"),
    "no format": ("a.txt", b"hello\n", "not recognised"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    name, content, message = WRONG[case]
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOLCOURSE_LANG", "en")
    with pytest.raises(SmolError) as caught:
        rows_of(name)
    assert message in str(caught.value)
    assert str(caught.value).startswith(name)
    assert caught.value.vi != caught.value.en


@pytest.mark.bad_input
@pytest.mark.parametrize("case", WRONG)
def test_the_command_ends_with_2_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    name, content, _ = WRONG[case]
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    for arguments in (["check", name, "--model", "none"], ["split", name], ["export", name, "new.jsonl"]):
        monkeypatch.setattr(sys, "argv", ["smol", "data", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capsys.readouterr()
        assert stop.value.code == 2
        assert (printed.out + printed.err).strip()
        assert "Traceback" not in printed.out + printed.err
        assert os.listdir(tmp_path) == [name]


@pytest.mark.bad_input
@pytest.mark.parametrize("place", ["none.jsonl", "nowhere/none.csv", "folder"])
def test_what_is_not_there(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SmolError):
        rows_of(tmp_path / place)


def test_one_bad_row_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(GOOD + b"{oops\n" + b'{"a": "\xe0"}\n' + GOOD)
    found = [(number, row.kind if isinstance(row, RowError) else "") for number, row in scan_rows(tmp_path / "a.jsonl")]
    assert found == [(1, ""), (2, "broken_json"), (3, "not_utf8"), (4, "")]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [("a.jsonl", b"", b"\n" + GOOD), ("a.json", b"[", b"]"), ("a.csv", b"", b"")],
    ids=["jsonl", "json", "csv"],
)
def test_a_huge_line_is_refused_without_filling_the_memory(tmp_path: Path, name: str, before: bytes, after: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(before + b'{"a": "' + b"x" * 50_000_000 + b'"}' + after)
    with traced_peak() as peak:
        found = [row.kind if isinstance(row, RowError) else "" for _, row in scan_rows(file)]
    assert found[0] == "long_row"
    assert found[1:] == ([""] if name == "a.jsonl" else [])
    assert peak() < 12 * MAX_ROW_BYTES


def test_reading_streams(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("[" + ",".join(json.dumps({"a": "x" * 1000, "i": i}) for i in range(20_000)) + "]")
    with traced_peak() as peak:
        count = sum(1 for _ in read_rows(file))
    assert count == 20_000
    assert peak() < 10 * 2**20  # the file has 20 MB

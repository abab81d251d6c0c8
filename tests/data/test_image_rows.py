"""Rows with pictures in the shapes that people have them in, and what goes wrong with those."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from smolcourse.data.checking import check
from smolcourse.data.formats import detect, to_native
from smolcourse.data.image_rows import as_text, content_text
from smolcourse.data.images import open_image
from smolcourse.data.loading import load_rows
from smolcourse.data.problems import RowError
from smolcourse.data.splitting import split_file
from smolcourse.errors import SmolError

IMAGE: dict[str, Any] = {"type": "image"}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def asked(*parts: dict[str, Any], answer: str = "45k") -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}, {"role": "assistant", "content": [text(answer)]}]


ONE = {"messages": asked(IMAGE, text("Giá phở?")), "images": ["a.png"]}
TWO = {"messages": asked(IMAGE, text("và"), IMAGE, text("Khác gì?")), "images": ["a.png", "b.png"]}

GOOD: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "TRL": (ONE, ONE),
    "TRL with plain texts": (
        {
            "messages": [{"role": "user", "content": "Giá phở?"}, {"role": "assistant", "content": "45k"}],
            "images": ["a.png"],
        },
        ONE,
    ),
    "parts that bring their file": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image", "image": "a.png"}, text("Giá phở?")]},
                {"role": "assistant", "content": "45k"},
            ]
        },
        ONE,
    ),
    "OpenAI": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a.png"}}, text("Giá phở?")]},
                {"role": "assistant", "content": "45k"},
            ]
        },
        ONE,
    ),
    "parts of a table, filled up with nulls": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "Giá phở?"}]},
                {"role": "assistant", "content": [{"type": "text", "text": "45k"}]},
            ],
            "images": ["a.png"],
        },
        ONE,
    ),
    "LLaVA": (
        {
            "id": "1",
            "image": "a.png",
            "conversations": [{"from": "human", "value": "<image>\nGiá phở?"}, {"from": "gpt", "value": "45k"}],
        },
        ONE,
    ),
    "LLaVA without a mark": (
        {"image": "a.png", "conversations": [{"from": "human", "value": "Giá phở?"}, {"from": "gpt", "value": "45k"}]},
        ONE,
    ),
    "ShareGPT with two images": (
        {
            "images": ["a.png", "b.png"],
            "conversations": [{"from": "human", "value": "<image>và<image>Khác gì?"}, {"from": "gpt", "value": "45k"}],
        },
        TWO,
    ),
    "the Cauldron": ({"images": ["a.png"], "texts": [{"user": "Giá phở?", "assistant": "45k", "source": "x"}]}, ONE),
    "question and answer": ({"image": "a.png", "question": "Giá phở?", "answer": "45k"}, ONE),
    "question and several answers": ({"image": "a.png", "question": "Giá phở?", "answers": ["45k", "45.000"]}, ONE),
    "Alpaca": ({"image": "a.png", "instruction": "Giá phở?", "input": "", "output": "45k"}, ONE),
    "image folder with a caption": (
        {"file_name": "a.png", "text": "bát phở"},
        {"messages": asked(IMAGE, text("Describe the image."), answer="bát phở"), "images": ["a.png"]},
    ),
    "caption to a request": (
        {"image": "a.png", "prompt": "Món gì?", "caption": "bát phở"},
        {"messages": asked(IMAGE, text("Món gì?"), answer="bát phở"), "images": ["a.png"]},
    ),
    "prompt and completion": (
        {"prompt": "Giá phở?", "completion": "45k", "image": "a.png"},
        {"prompt": asked(IMAGE, text("Giá phở?"))[:1], "completion": asked()[1:], "images": ["a.png"]},
    ),
    "preference": (
        {"prompt": "Giá phở?", "chosen": "45k", "rejected": "50k", "images": ["a.png"]},
        {
            "prompt": asked(IMAGE, text("Giá phở?"))[:1],
            "chosen": asked()[1:],
            "rejected": asked(answer="50k")[1:],
            "images": ["a.png"],
        },
    ),
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_shape_becomes_the_one_that_trl_takes(kind: str) -> None:
    row, wanted = GOOD[kind]
    before = json.dumps(row)
    native = to_native(row)
    assert native == wanted
    assert to_native(native) == native
    assert json.dumps(row) == before


@pytest.mark.parametrize("kind", ["TRL", "LLaVA", "OpenAI", "ShareGPT with two images", "the Cauldron"])
def test_trl_takes_the_row_unchanged(kind: str) -> None:
    from trl.data_utils import prepare_multimodal_messages

    native = to_native(GOOD[kind][0])
    filled = prepare_multimodal_messages(native["messages"], images=native["images"])
    parts = [part for message in filled for part in message["content"]]
    assert [part["image"] for part in parts if part["type"] == "image"] == native["images"]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "two places, one image": ({**TWO, "images": ["a.png"]}, "image_count"),
    "one place, two images": ({**ONE, "images": ["a.png", "b.png"]}, "image_count"),
    "a mark and no place left": (
        {
            "images": ["a.png"],
            "conversations": [{"from": "human", "value": "<image><image>?"}, {"from": "gpt", "value": "."}],
        },
        "image_count",
    ),
    "nobody asks": ({"messages": [{"role": "assistant", "content": "45k"}], "images": ["a.png"]}, "image_count"),
    "no answer": ({"messages": asked(IMAGE, text("?"))[:1], "images": ["a.png"]}, "no_answer"),
    "an empty caption": ({"image": "a.png", "text": " "}, "empty_text"),
    "an answer that is a number": ({"image": "a.png", "question": "?", "answer": 3}, "wrong_type"),
    "an image alone": ({"image": "a.png"}, "unknown_format"),
    "texts without an answer": ({"images": ["a.png"], "texts": [{"user": "?"}]}, "wrong_type"),
    "a part of another kind": ({"messages": asked({"type": "audio"}, text("?")), "images": ["a.png"]}, "wrong_type"),
}


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_ends_in_one_clear_error(kind: str) -> None:
    row, wanted = BAD[kind]
    with pytest.raises(RowError) as caught:
        to_native(row)
    assert caught.value.kind == wanted


def test_a_mark_is_a_word_where_there_is_no_image() -> None:
    row = {"messages": [{"role": "user", "content": "thẻ <image> là gì?"}, {"role": "assistant", "content": "ảnh"}]}
    assert to_native(row) == row


def test_a_row_as_text() -> None:
    assert as_text(TWO) == {
        "messages": [{"role": "user", "content": "<image>và<image>Khác gì?"}, {"role": "assistant", "content": "45k"}]
    }
    assert content_text(TWO["messages"][0]["content"], mark="") == "vàKhác gì?"


# Files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop" / "img").mkdir(parents=True)
    for name, colour in (("a", "red"), ("b", "blue"), ("c", "green")):
        Image.new("RGB", (16, 16), colour).save(tmp_path / "shop" / "img" / f"{name}.png")
    return tmp_path / "shop"


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def llava(name: str, question: str = "Giá?") -> dict[str, Any]:
    return {"image": name, "conversations": [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": "45k"}]}


def test_paths_are_relative_to_the_file_they_stand_in(folder: Path) -> None:
    part = {"messages": asked({"type": "image", "image": "img/a.png"}, text("?"))}
    absolute = llava(str(folder / "img" / "b.png"))
    file = written(folder / "rows.jsonl", [llava("img/a.png"), part, absolute])
    images = [row["images"] for row in load_rows(str(file))]
    assert images == [[str(folder / "img" / f"{name}.png")] for name in "aab"]


def test_an_image_folder_with_a_table(folder: Path) -> None:
    (folder / "img" / "metadata.csv").write_text("file_name,text\na.png,đỏ\nb.png,xanh\n", "utf-8")
    rows = list(load_rows(str(folder / "img")))
    assert [row["images"] for row in rows] == [[str(folder / "img" / "a.png")], [str(folder / "img" / "b.png")]]
    assert [content_text(row["messages"][-1]["content"]) for row in rows] == ["đỏ", "xanh"]


def test_an_image_folder_with_parts(folder: Path) -> None:
    for part in ("train", "test"):
        (folder / part).mkdir()
        Image.new("RGB", (16, 16)).save(folder / part / "x.png")
        written(folder / part / "metadata.jsonl", [{"file_name": "x.png", "question": "?", "answer": part}])
    (row,) = load_rows(str(folder), split="test")
    assert row["images"] == [str(folder / "test" / "x.png")]


def test_the_hubs_images_are_read_and_written(folder: Path, tmp_path: Path) -> None:
    from datasets import Dataset, Features, List, Value
    from datasets import Image as ImageColumn

    from smolcourse.data.writing import new_jsonl

    names = [str(folder / "img" / f"{name}.png") for name in "ab"]
    kinds = Features({"images": List(ImageColumn()), "question": Value("string"), "answer": Value("string")})
    data = Dataset.from_dict(
        {"images": [[name] for name in names], "question": ["?", "?"], "answer": ["đỏ", "xanh"]}, features=kinds
    )
    data.save_to_disk(tmp_path / "saved")
    data.to_parquet(tmp_path / "table.parquet")
    for source in ("saved", "table.parquet"):
        rows = list(load_rows(str(tmp_path / source)))
        assert [open_image(row["images"][0]).getpixel((5, 5)) for row in rows] == [(255, 0, 0), (0, 0, 255)]
        assert check(tmp_path / source).trainable
        with new_jsonl([tmp_path / "out.jsonl"], force=True) as (write,):
            for row in rows:
                write(row)
        again = list(load_rows(str(tmp_path / "out.jsonl")))
        assert [open_image(row["images"][0]).getpixel((5, 5)) for row in again] == [(255, 0, 0), (0, 0, 255)]


def test_a_broken_image_of_a_table_is_the_error_of_its_row(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"image": {"bytes": b"no image", "path": "a.png"}, "question": "?", "answer": "đỏ"}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "table.parquet")
    report = check(tmp_path / "table.parquet")
    assert [problem.kind for problem in report.problems] == ["bad_image"]


# smol data check, split


@pytest.mark.bad_input
def test_check_names_the_row_and_the_image(folder: Path) -> None:
    (folder / "img" / "cut.png").write_bytes((folder / "img" / "a.png").read_bytes()[:50])
    file = written(
        folder / "rows.jsonl", [llava("img/a.png"), llava("img/missing.png"), llava("img/cut.png"), llava("img/b.png")]
    )
    report = check(file)
    (problem,) = (problem for problem in report.problems if problem.kind == "bad_image")
    assert problem.count == 2
    assert [example.where for example in problem.examples] == [f"{file}:{row} images[0]" for row in (2, 3)]
    assert "missing.png" in problem.examples[0].vi
    assert report.usable_rows == 2


def test_the_same_picture_under_two_names_is_a_duplicate(folder: Path) -> None:
    (folder / "img" / "copy.png").write_bytes((folder / "img" / "a.png").read_bytes())
    file = written(folder / "rows.jsonl", [llava("img/a.png"), llava("img/copy.png"), llava("img/b.png")])
    report = check(file)
    assert {problem.kind: problem.count for problem in report.problems} == {"duplicate": 1}


def test_a_leaked_picture_is_found_under_another_name(folder: Path) -> None:
    (folder / "img" / "copy.png").write_bytes((folder / "img" / "a.png").read_bytes())
    train = written(folder / "rows.jsonl", [llava("img/a.png"), llava("img/b.png")])
    test = written(folder / "held.jsonl", [llava("img/copy.png")])
    kinds = {problem.kind: problem.count for problem in check(train, against=test).problems}
    assert kinds == {"leak": 1}


def test_tokens_are_counted_and_rows_inspected(folder: Path, tokenizer: Any) -> None:
    from smolcourse.data.inspecting import inspect_row
    from smolcourse.data.token_counts import counter

    file = written(folder / "rows.jsonl", [llava("img/a.png")])
    report = check(file, count_tokens=counter(tokenizer), max_length=500)
    assert report.trainable
    assert report.tokens is not None
    (row,) = load_rows(str(file))
    seen = inspect_row(row, tokenizer, [tokenizer.eos_token_id])
    assert "<image>Giá?" in "".join(piece.text for piece in seen.pieces)
    assert report.tokens.row.total == seen.tokens


def test_split_files_find_their_pictures_from_anywhere(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    file = written(folder / "rows.jsonl", [llava(f"img/{name}.png", f"{name}?") for name in "abc"])
    result = split_file(file, test=0.4, folder=tmp_path / "out")
    rows = [row for path in (result.train, result.test) for row in load_rows(path)]
    assert len([open_image(row["images"][0]) for row in rows]) == 3


def test_detect_keeps_to_text_where_there_is_no_image() -> None:
    assert detect({"text": "phở"}) == "text"
    with pytest.raises(SmolError):
        detect({"caption": "phở"})

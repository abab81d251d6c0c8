"""`smol data check` finds each kind of problem at its row, in flat memory, and `--fix` mends what can be mended."""

import json
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from smolcourse.cli.main import main
from smolcourse.data.checking import check
from smolcourse.data.fixing import fix
from smolcourse.data.report import Report
from smolcourse.data.text import comparable, looks_misread, reread
from smolcourse.data.token_counts import counter
from smolcourse.errors import SmolError


def chat(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **more}


def write(file: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def found(report: Report) -> dict[str, tuple[int, list[int]]]:
    return {problem.kind: (problem.count, [example.row for example in problem.examples]) for problem in report.problems}


def run(arguments: list[Any], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["smol", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


GOOD = [chat(f"Cho {i} ly trà sữa", f"Dạ, {i} ly ạ.") for i in range(1, 6)]
DECOMPOSED = unicodedata.normalize("NFD", "Trà đào cam sả")
MISREAD = "Cà phê sữa đá".encode().decode("latin-1")


def test_a_good_file(tmp_path: Path) -> None:
    report = check(write(tmp_path / "a.jsonl", GOOD))
    assert report.trainable
    assert (report.rows, report.usable_rows, report.format, report.formats) == (5, 5, "messages", {"messages": 5})
    assert report.problems == []


def test_every_problem_at_its_row(tmp_path: Path) -> None:
    rows = [
        *GOOD,
        '{"messages": ',  # 6
        "[1]",
        chat("q", ""),
        {"messages": [{"role": "human", "content": "q"}]},
        {"message": 1},  # 10
        GOOD[2],
        chat("cho 4 ly trà sữa!!", "Dạ  4 ly ạ"),
        chat("Cho 5 ly trà sữa", "Hết rồi ạ."),
        chat(DECOMPOSED, "Dạ."),
        chat(MISREAD, "Dạ."),  # 15
        chat("Mất ch\ufffd", "Dạ."),
        chat("Trà vải", "Dạ.\n"),
        {"text": "chỉ là văn bản"},
        {"prompt": "q", "completion": "a"},
    ]
    report = check(write(tmp_path / "a.jsonl", rows))
    assert found(report) == {
        "broken_json": (1, [6]),
        "not_an_object": (1, [7]),
        "empty_answer": (1, [8]),
        "unknown_role": (1, [9]),
        "unknown_format": (1, [10]),
        "mixed_formats": (2, [18, 19]),
        "duplicate": (1, [11]),
        "near_duplicate": (1, [12]),
        "other_answer": (1, [13]),
        "not_nfc": (1, [14]),
        "misread": (2, [15, 16]),
        "untrimmed": (1, [17]),
    }
    assert not report.trainable
    assert (report.rows, report.usable_rows) == (19, 12)
    assert [problem.severity for problem in report.problems] == ["error"] * 6 + ["warning"] * 6
    examples = {problem.kind: problem.examples[0] for problem in report.problems}
    assert examples["unknown_role"].where == f"{tmp_path / 'a.jsonl'}:9 messages[0].role"
    assert "3" in examples["duplicate"].en and "3" in examples["duplicate"].vi
    assert json.loads(json.dumps(report.to_dict()))["trainable"] is False


def test_the_shape_of_most_rows_is_the_right_one(tmp_path: Path) -> None:
    report = check(write(tmp_path / "a.jsonl", [{"text": "x"}, *GOOD]))
    assert found(report) == {"mixed_formats": (1, [1])}


def test_only_the_first_rows_of_a_kind_are_kept(tmp_path: Path) -> None:
    report = check(write(tmp_path / "a.jsonl", ["{"] * 50 + [GOOD[0]] * 50), examples=3)
    assert found(report) == {"broken_json": (50, [1, 2, 3]), "duplicate": (49, [52, 53, 54])}


def test_sums_that_differ_in_a_sign_are_no_duplicates() -> None:
    assert comparable("2 + 3 = ?") != comparable("2 - 3 = ?")
    assert comparable("1.5 lít") != comparable("15 lít")
    assert comparable("“Trà  SỮA”, nhé!") == comparable("trà sữa nhé")
    assert comparable(DECOMPOSED) == comparable("trà đào cam sả")


@pytest.mark.parametrize("text", ["Trà sữa trân châu đường đen", "Cà phê", "naïve café", "Đường 30%"])
def test_wrong_decoding_is_seen_and_undone(text: str) -> None:
    for encoding in ("latin-1", "cp1252"):
        try:
            wrong = text.encode().decode(encoding)
        except UnicodeDecodeError:  # Windows-1252 has five holes
            continue
        assert looks_misread(wrong)
        assert reread(wrong) == text
    assert not looks_misread(text)
    assert reread(text) == text


@pytest.mark.parametrize("text", ["“CÀ PHÊ”", "MÃ GIẢM GIÁ: “NHẬP MÃ”", "« cá »", "Á° 40", "ÂN “ẨN”", "Ê“a”"])
def test_right_text_is_not_called_wrong(text: str) -> None:
    assert not looks_misread(text)
    assert reread(text) == text


def test_leaks(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [*GOOD, chat("khác", "x")])
    leaking = {"messages": [{"role": "system", "content": "khác"}, *chat(" cho 2 ly TRÀ SỮA.", "?")["messages"]]}
    test = write(tmp_path / "test.jsonl", [chat("mới", "x"), leaking, "{"])
    report = check(train, against=test)
    assert found(report)["leak"] == (1, [2])
    assert not report.trainable
    assert check(train, against=write(tmp_path / "other.jsonl", [chat("mới", "x")])).trainable


def test_the_same_question_about_another_picture_is_another_question(tmp_path: Path) -> None:
    for name, colour in (("1", "red"), ("2", "blue")):
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"{name}.png")
    rows = [chat("Màu gì?", "đỏ", images=["1.png"]), chat("Màu gì?", "xanh", images=["2.png"])]
    assert found(check(write(tmp_path / "a.jsonl", rows))) == {}


def test_token_counts(tmp_path: Path, tokenizer: Any) -> None:
    from smolcourse.data.chat import encode

    rows = [chat("q " * n, "a " * (2 * n) + "b") for n in (1, 2, 3, 4, 100)]
    report = check(write(tmp_path / "a.jsonl", rows), max_length=100, count_tokens=counter(tokenizer))
    lengths = [len(encode(chat(("q " * n).strip(), "a " * (2 * n) + "b"), tokenizer).input_ids) for n in (1, 2, 3, 4, 100)]
    assert report.tokens is not None
    # Spaces at the ends are counted as the file has them.
    assert abs(report.tokens.row.median - lengths[2]) <= 1
    assert report.tokens.row.total == report.tokens.prompt.total + report.tokens.answer.total
    assert report.tokens.row.max == report.tokens.row.p95 > 300
    assert report.tokens.over_length == 1
    assert found(report)["over_length"] == (1, [5])
    assert report.trainable


def test_tokens_of_a_pair_are_those_of_its_longer_side(tokenizer: Any) -> None:
    from smolcourse.data.chat import encode

    prompt = [{"role": "user", "content": "q"}]
    short, long = [{"role": "assistant", "content": "a"}], [{"role": "assistant", "content": "a " * 40}]
    whole = len(encode({"prompt": prompt, "completion": long}, tokenizer).input_ids)
    for pair in ({"chosen": short, "rejected": long}, {"chosen": long, "rejected": short}):
        assert sum(counter(tokenizer)([{"prompt": prompt, **pair}])[0]) == whole


def test_a_row_that_the_template_refuses_is_an_error(tmp_path: Path, tokenizer: Any) -> None:
    import copy

    strict = copy.deepcopy(tokenizer)
    strict.chat_template = "{% if messages[0].content == 'q' %}{{ raise_exception('no q') }}{% endif %}" + strict.chat_template
    report = check(write(tmp_path / "a.jsonl", [*GOOD, chat("q", "a")]), count_tokens=counter(strict))
    assert found(report) == {"template": (1, [6])}
    assert report.usable_rows == 5


def test_fix_writes_what_can_be_trained_on(tmp_path: Path) -> None:
    source = write(
        tmp_path / "a.jsonl",
        [
            {"messages": [{"role": "Human", "content": " q1 "}, {"role": "gpt", "content": "a1\r\nb"}]},
            GOOD[0],
            GOOD[0],
            {"messages": [*GOOD[1]["messages"], {"role": "user", "content": "còn nữa"}]},
            chat(DECOMPOSED, "Dạ."),
            chat(MISREAD, "Dạ."),
            {"prompt": "q2", "completion": " a2"},
            {"question": "q3", "answer": "a3"},
            {"text": "chỉ là văn bản"},
            chat("q", ""),
            "{broken",
            '{"a": "\udc80"}'.encode("utf-8", "surrogateescape").decode("latin-1"),
        ],
    )
    before = source.read_bytes()
    target = tmp_path / "new.jsonl"
    result = fix(source, target)
    assert source.read_bytes() == before
    rows = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert rows == [
        chat("q1", "a1\nb"),
        GOOD[0],
        GOOD[1],
        chat("Trà đào cam sả", "Dạ."),
        chat("Cà phê sữa đá", "Dạ."),
        chat("q2", "a2"),
        chat("q3", "a3"),
    ]
    assert result.changes == {"renamed_role": 2, "trimmed": 2, "cut_turns": 1, "nfc": 1, "reread": 1, "converted": 2}
    assert result.dropped == {"duplicate": 1, "mixed_formats": 1, "empty_answer": 1, "broken_json": 1, "unknown_format": 1}
    assert (result.rows_read, result.rows_written, result.format) == (12, 7, "messages")
    assert check(target).trainable
    assert check(target).problems == []


def test_fix_unifies_preference_rows(tmp_path: Path) -> None:
    answers = {"chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}
    rows = [
        {"prompt": "q1", **answers},
        {"chosen": "\n\nHuman: q2\n\nAssistant: a", "rejected": "\n\nHuman: q2\n\nAssistant: b"},
        {"prompt": "q3", **answers, "chosen": answers["rejected"]},
    ]
    result = fix(write(tmp_path / "a.jsonl", rows), tmp_path / "b.jsonl")
    written = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert written == [{"prompt": [{"role": "user", "content": question}], **answers} for question in ("q1", "q2")]
    assert result.dropped == {"equal_pair": 1}


def test_fix_refuses_to_overwrite(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", GOOD)
    other = write(tmp_path / "b.jsonl", ["keep me"])
    (tmp_path / "link.jsonl").symlink_to(source)
    for target, force in (
        (source, True),
        (tmp_path / "link.jsonl", True),
        (other, False),
        (tmp_path, True),
        (tmp_path / "b.csv", False),
    ):
        with pytest.raises(SmolError):
            fix(source, target, force=force)
    with pytest.raises(SmolError):
        fix(source, tmp_path / "none" / "b.jsonl")
    assert other.read_text() == "keep me\n"
    fix(source, other, force=True)
    assert len(other.read_text().splitlines()) == 5
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.jsonl", "b.jsonl", "link.jsonl"]


def test_fix_leaves_nothing_when_nothing_is_left_or_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SmolError):
        fix(write(tmp_path / "a.jsonl", ["{", "{"]), tmp_path / "b.jsonl")
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SmolError, match="No space left"):
        fix(write(tmp_path / "a.jsonl", GOOD), tmp_path / "b.jsonl")
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write(tmp_path / "good.jsonl", GOOD), write(tmp_path / "bad.jsonl", [*GOOD, chat("q", "")])
    assert run(["data", "check", good, "--model", "none"], monkeypatch) == 0
    assert "messages (5)" in capsys.readouterr().out
    assert run(["data", "check", bad, "--model", "none", "--lang", "en"], monkeypatch) == 2
    assert f"{bad}:6 messages[1].content: the answer is empty" in capsys.readouterr().out
    assert run(["data", "check", bad, "--model", "none", "--lang", "vi"], monkeypatch) == 2
    assert "câu trả lời trống" in capsys.readouterr().out
    assert run(["data", "check", bad, "--model", "none", "--format", "json"], monkeypatch) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["problems"][0]["kind"] == "empty_answer"
    assert run(["data", "check", bad, "--model", "none", "--fix", tmp_path / "new.jsonl"], monkeypatch) == 0
    assert (tmp_path / "new.jsonl").read_text(encoding="utf-8") == good.read_text(encoding="utf-8")
    assert run(["data", "check", good, "--model", "none", "--fix", good], monkeypatch) == 2
    assert run(["data", "check", good, "--model", "none", "--max-length", "9"], monkeypatch) == 2
    assert run(["data", "check", good, "--format", "xml"], monkeypatch) == 2


def test_the_command_counts_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tiny_model: Path
) -> None:
    good = write(tmp_path / "good.jsonl", GOOD)
    assert run(["data", "check", good, "--model", tiny_model, "--max-length", "10", "--format", "json"], monkeypatch) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["tokens"]["over_length"] == 5
    assert report["tokens"]["row"]["max"] > 10


def test_show_and_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "show", "milk-tea", "--split", "unseen", "-n", "2", "--format", "json"], monkeypatch) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(shown) == 2
    target = tmp_path / "out.jsonl"
    assert run(["data", "export", "milk-tea", target, "--split", "unseen", "--size", "3"], monkeypatch) == 0
    written = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert written[:2] == shown
    assert run(["data", "export", "milk-tea", target, "--size", "3"], monkeypatch) == 2
    assert run(["data", "show", target], monkeypatch) == 0
    assert shown[0]["messages"][-1]["content"] in capsys.readouterr().out


_PEAK = """
import resource, sys
from smolcourse.data.checking import check
from smolcourse.data.fixing import fix
report = check(sys.argv[1])
assert report.rows == int(sys.argv[2]), report.rows
fix(sys.argv[1], sys.argv[1] + ".fixed.jsonl")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Twenty-five times the rows may cost only their few dozen bytes each."""
    peaks = []
    for count in (1_000, 25_000):
        file = tmp_path / f"{count}.jsonl"
        with file.open("w", encoding="utf-8") as out:
            for i in range(count):
                out.write(json.dumps(chat(f"Câu hỏi số {i}: " + "trà sữa " * 20, f"Trả lời {i // 2}")) + "\n")
        done = subprocess.run([sys.executable, "-c", _PEAK, str(file), str(count)], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) * (1 if sys.platform == "darwin" else 1024))
    assert peaks[1] - peaks[0] < 24_000 * 200 + 8 * 2**20, peaks

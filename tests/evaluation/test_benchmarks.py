"""Benchmarks: every row becomes an item or is left out and counted; our own is fair to its positions."""

import unicodedata
from collections import Counter

import pytest

from smolcourse.evaluation import benchmarks
from smolcourse.evaluation.benchmarks import BENCHMARKS, load_benchmark
from smolcourse.evaluation.tasks import task_names

ROWS = {
    "bbq": {
        "passage": "Two men.", "question": "Who?\nPlease choose the correct option ", "options": "A. Cannot say\nB. He",
        "answer": ["Cannot say"],
    },
    "boolq": {"question": "is it", "title": "Tax", "answer": "True", "passage": "It is."},
    "commonsenseqa": {"question": "Where?", "options": "\nA. bank\nB. mall", "answer": "B. mall"},
    "mmlu": {"question": "Sum?", "options": "A. $0\nB. $5", "answer": "B. $5"},
    "openbookqa": {"question": "Fog is around ", "options": "A. a marsh\nB. a tundra", "answer": "A. a marsh"},
    "piqa": {"question": "dresser", "options": "A. use {pins} \nB. finish ", "answer": "B. finish "},
    "siqa": {"passage": "Tracy stayed.", "question": "Why?", "options": "A. rain\nB. fun", "answer": "A. rain"},
    "truthfulqa": {"question": "Bears wear?", "answer": ["Nothing", "Fur"]},
    "xsum": {"id": "1", "document": "Long text.", "summary": "Short."},
    "humaneval": {"task_id": "0", "prompt": "def f():\n", "test": "def check(f): pass", "entry_point": "f"},
}  # fmt: skip
ASKED = {
    "bbq": ("Two men. Who?\nAnswer:", "Cannot say"),
    "boolq": ("Tax -- It is.\nQuestion: is it?\nAnswer:", "yes"),
    "commonsenseqa": ("Question: Where?\nA. bank\nB. mall\nAnswer:", "B"),
    "mmlu": ("The following are multiple choice questions (with answers).\n\nSum?\nA. $0\nB. $5\nAnswer:", "B"),
    "openbookqa": ("Fog is around", "a marsh"),
    "piqa": ("Question: dresser\nAnswer:", "finish"),
    "siqa": ("Q: Tracy stayed. Why?\nA:", "rain"),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_become_items(name, monkeypatch):
    broken = {"question": "?", "options": "A. x\nB. x", "answer": "A. x", "passage": ""}
    rows = [ROWS[name], *([broken] if "options" in ROWS[name] else [])]
    monkeypatch.setattr(benchmarks, "_rows", lambda _: iter(rows))
    task = load_benchmark(name)
    (item,) = task.items
    assert task.left_out == len(rows) - 1 and task.license == BENCHMARKS[name].license
    if name in ASKED:
        assert (item.messages[0]["content"], item.gold) == ASKED[name] and item.gold in item.choices


def test_names_are_in_order_and_all_have_a_licence():
    assert list(BENCHMARKS) == sorted(BENCHMARKS) and set(BENCHMARKS) < set(task_names())
    assert all(benchmark.license for benchmark in BENCHMARKS.values())


def test_our_own_about_vietnam():
    task = load_benchmark("vietnam")
    assert len(task.items) == 200 and task.left_out == 0
    assert all(len(item.choices) == 4 for item in task.items)
    places = Counter(item.choices.index(item.gold) for item in task.items)
    assert set(places.values()) == {50}, "a model that always takes one place gets 25 %"
    longest = sum(len(item.gold) > max(len(choice) for choice in item.choices if choice != item.gold) for item in task.items)
    assert longest <= 60, "the longest choice is not the right one more often than by chance"
    text = " ".join(item.messages[0]["content"] + " ".join(item.choices) for item in task.items)
    assert unicodedata.is_normalized("NFC", text)
    questions = Counter((item.messages[0]["content"], item.gold) for item in task.items)
    assert max(questions.values()) == 1

"""A killed evaluation goes on where it stopped, and nothing is asked twice."""

import resource
import sys

import pytest

from smolcourse.errors import SmolError
from smolcourse.evaluation.answers import remembering
from smolcourse.evaluation.compare import examine
from smolcourse.evaluation.examinee import Examinee
from smolcourse.evaluation.solvers import choose
from smolcourse.evaluation.tasks import Item, Task, ask

CHUNK = 128  # Examinee.together


def items(count):
    return [Item(ask(f"{n} là số chẵn?"), "có" if n % 2 == 0 else "không", ("có", "không")) for n in range(count)]


class Counting:
    """Answers, counts what it is asked, and dies after so many."""

    def __init__(self, dies_after=None):
        self.asked, self.dies_after = 0, dies_after

    def __call__(self, requests, *_):
        if self.dies_after is not None and self.asked + len(requests) > self.dies_after:
            raise KeyboardInterrupt
        self.asked += len(requests)
        return [[(-1.0 / 3, 1), (-2.0, 2)] for _ in requests]

    def texts(self, prompts, *_):
        self(prompts)
        return ["có"] * len(prompts)


def test_nothing_is_asked_twice_after_a_kill(tmp_path):
    task = Task("even", items(3 * CHUNK), solver=choose, chat=False, metric="acc")
    first, second = Counting(dies_after=2 * CHUNK), Counting()
    with pytest.raises(KeyboardInterrupt), remembering(Examinee("m", "1", first, first), tmp_path) as asked:
        examine(task, asked)
    with remembering(Examinee("m", "1", second, second), tmp_path) as asked:
        result = examine(task, asked)
    assert first.asked == 2 * CHUNK and second.asked == CHUNK
    assert result.items[0].likelihoods == ((-1.0 / 3, 1), (-2.0, 2)) == result.items[-1].likelihoods


def test_another_model_or_another_question_is_asked(tmp_path):
    task = Task("even", items(4))
    counts = []
    for identity, limit in (("1", 256), ("1", 256), ("2", 256), ("1", 8)):
        counting = Counting()
        with remembering(Examinee("m", identity, counting.texts), tmp_path) as asked:
            examine(Task("even", task.items, max_new_tokens=limit), asked)
        counts.append(counting.asked)
    assert counts == [4, 0, 4, 4]


def test_equal_items_are_asked_once(tmp_path):
    counting = Counting()
    with remembering(Examinee("m", "1", counting.texts), tmp_path) as asked:
        assert len(examine(Task("even", items(1) * 5), asked).items) == 5
    assert counting.asked == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no getrusage")
def test_ten_thousand_items_take_little_memory(tmp_path):
    task = Task("even", items(10_000), solver=choose, chat=False, metric="acc")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counting = Counting()
    with remembering(Examinee("m", "1", counting, counting), tmp_path) as asked:
        result = examine(task, asked)
    assert len(result.items) == counting.asked == 10_000
    assert result.interval().value == 0.5
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < 150e6


def test_a_broken_store_is_a_clear_error(tmp_path):
    (tmp_path / "answers").write_text("a file where a folder should be")
    with pytest.raises(SmolError, match="kho câu trả lời"), remembering(Examinee("m", "1", Counting()), tmp_path / "answers"):
        pass

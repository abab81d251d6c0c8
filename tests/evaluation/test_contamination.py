"""A leaked test set is found; one that only sounds alike is not."""

from smolcourse.data import milk_tea
from smolcourse.evaluation.contamination import overlap
from smolcourse.evaluation.tasks import Item, Task, ask, load_task

QUESTIONS = [
    "Question: Ngọn núi nào cao nhất trong dãy Hoàng Liên Sơn ở phía bắc Việt Nam?\nAnswer:",
    "Question: Con sông nào chảy qua thành phố Huế và được nhiều bài thơ nhắc tới?\nAnswer:",
    "Question: Vì sao lá cây có màu xanh?\nAnswer:",
]


def test_leaked_questions_are_found():
    task = Task("t", [Item(ask(question), "?") for question in QUESTIONS])
    rows = [
        {"text": "Trời hôm nay mưa rất to, con sông nào cũng đầy nước."},
        {"messages": [{"role": "user", "content": "ngọn núi nào cao nhất trong dãy hoàng liên sơn ở phía Bắc Việt Nam"}]},
        {"prompt": "Cho hỏi vì sao lá cây có màu xanh ạ?", "completion": "Vì có diệp lục."},
    ]
    found = overlap(task, iter(rows))
    assert found.items == [0, 2] and found.rows == 3


def test_milk_tea_does_not_leak_into_its_test():
    task = load_task("milk-tea:new", size=60)
    train = milk_tea.generate(300, seed=0)
    assert overlap(task, train).items == []
    leaked = [*train, {"messages": [*task.items[7].messages, {"role": "assistant", "content": "[]"}]}]
    assert overlap(task, leaked).items == [7]

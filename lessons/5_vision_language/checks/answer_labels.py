"""Conversations about pictures, drawn anew; the right labels are those of our own mask, the pictures left out."""

from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong
from smolcourse.course.workbench import seeing_tokenizer
from smolcourse.data.chat import encode

TOKENIZER = seeing_tokenizer()
IMAGE = TOKENIZER.convert_tokens_to_ids("<image>")
START, END = TOKENIZER.convert_tokens_to_ids(["<|im_start|>", "<|im_end|>"])
OPENING = TOKENIZER("<|im_start|>assistant\n", add_special_tokens=False)["input_ids"]
NOTHING = -100
SAID = {
    "everything-taught": ("token nào cũng là nhãn: mô hình học viết cả câu hỏi lẫn bức ảnh", "every token is a label: the model learns to write questions, and pictures"),
    "questions-taught": ("chỉ bỏ ảnh ra: câu hỏi của người dùng vẫn là nhãn, và phần lớn loss dạy mô hình đặt câu hỏi", "only pictures are left out: the user's questions are still labels, and most of the loss teaches asking"),
    "prompt-instead": ("ngược: câu hỏi được dạy, câu trả lời thì không", "the wrong way round: the question is taught, the answer is not"),
    "images-taught": ("placeholder nằm trong lượt của assistant cũng thành nhãn: nó không có embedding, không ai viết ra được nó", "a placeholder in the assistant's turn is a label too: it has no embedding, and cannot be written"),
    "end-left-out": ("<|im_end|> không là nhãn: mô hình không bao giờ học được cách dừng", "<|im_end|> is no label: the model never learns to stop"),
    "every-end-taught": ("<|im_end|> của người dùng cũng là nhãn; chỉ dạy cái kết thúc câu trả lời", "the user's <|im_end|> is a label too; only the end of an answer is taught"),
    "newline-taught": ("dấu xuống dòng sau <|im_end|> cũng là nhãn: khi ấy mô hình đã dừng rồi", "the newline behind <|im_end|> is a label: the model has stopped by then"),
    "opening-taught": ("phần mở đầu <|im_start|>assistant\\n cũng là nhãn: chương trình viết nó, không phải mô hình", "the opening <|im_start|>assistant\\n is a label too: the program writes it, not the model"),
    "first-answer-only": ("chỉ câu trả lời đầu tiên được dạy", "only the first answer is taught"),
    "last-answer-only": ("chỉ câu trả lời cuối cùng được dạy", "only the last answer is taught"),
    "shifted": ("nhãn đã dịch sẵn một bước; mô hình tự dịch, nên thành ra dịch hai lần", "the labels are shifted already; the model shifts by itself, so they end up shifted twice"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for questions in (2, 3, 2):
        ids, mask = drawn(rng, questions)
        compare(mine.labels(ids, OPENING, END, IMAGE), ids, mask)


def drawn(rng: Random, questions: int) -> tuple[list[int], list[int]]:
    """Tokens and our mask: a picture in the first question, and one that the assistant shows."""
    shapes, colours = ("circle", "rectangle", "triangle"), ("red", "teal", "gray", "blue")
    messages: list[dict[str, str]] = []
    if rng.random() < 0.5:
        messages.append({"role": "system", "content": "Answer as the assistant would."})
    for number in range(questions):
        picture = "<image>" * rng.randint(3, 6) if number == 0 else ""
        messages.append({"role": "user", "content": f"{picture}what colour is the {rng.choice(shapes)}?"})
        shown = "<image>" * rng.randint(2, 4) + " " if number == questions - 1 else ""
        messages.append({"role": "assistant", "content": f"{shown}{rng.choice(colours)} {rng.choice(shapes)}"})
    encoded = encode({"messages": messages}, TOKENIZER)
    return list(encoded.input_ids), list(encoded.loss_mask)


def where(ids: list[int], mask: list[int]) -> list[int]:
    return [token if bit else NOTHING for token, bit in zip(ids, mask, strict=True)]


def known(ids: list[int], mask: list[int]) -> dict[str, list[int]]:
    """What is right, and what each known mistake gives."""
    seen = [int(token == IMAGE) for token in ids]
    ends = [int(token == END) for token in ids]
    taught = [bit * (1 - image) for bit, image in zip(mask, seen, strict=True)]
    starts = [place for place in range(len(ids)) if mask[place] and not mask[place - 1]]
    stops = [next(place for place in range(start, len(ids)) if ids[place] == END) for start in starts]
    headers = {start - 1 - back for start in starts for back in range(len(OPENING))}
    right = where(ids, taught)
    return {
        "right": right,
        "everything-taught": list(ids),
        "questions-taught": where(ids, [1 - image for image in seen]),
        "prompt-instead": where(ids, [(1 - bit) * (1 - image) for bit, image in zip(mask, seen, strict=True)]),
        "images-taught": where(ids, mask),
        "end-left-out": where(ids, [bit * (1 - end) for bit, end in zip(taught, ends, strict=True)]),
        "every-end-taught": where(ids, [max(bit, end) for bit, end in zip(taught, ends, strict=True)]),
        "newline-taught": where(ids, [max(bit, int(place - 1 in stops)) for place, bit in enumerate(taught)]),
        "opening-taught": where(ids, [max(bit, int(place in headers)) for place, bit in enumerate(taught)]),
        "first-answer-only": where(ids, [bit * int(place <= stops[0]) for place, bit in enumerate(taught)]),
        "last-answer-only": where(ids, [bit * int(place >= starts[-1]) for place, bit in enumerate(taught)]),
        "shifted": [*right[1:], NOTHING],
    }


def compare(got: Any, ids: list[int], mask: list[int]) -> None:
    """Raises the misconception that wrong labels show."""
    if not isinstance(got, (list, tuple)) or len(got) != len(ids):
        raise Wrong("length", f"cần {len(ids)} nhãn, mỗi token một nhãn", f"{len(ids)} labels are wanted, one for each token", got=got)  # fmt: skip
    answers, mine = known(ids, mask), list(got)
    right = answers["right"]
    if mine == right:
        return
    shown = {"got": decoded(mine), "wanted": decoded(right)}
    turned = [where(ids, [1 - bit for bit in mask]), where(ids, [int(label == NOTHING) for label in right])]
    for name, said in SAID.items():
        if mine == answers[name] or (name == "prompt-instead" and mine in turned):
            raise Wrong(name, *said, **shown)
    if any(label == IMAGE for label in mine):
        raise Wrong("images-taught", *SAID["images-taught"], **shown)
    extra = sum(a != NOTHING and b == NOTHING for a, b in zip(mine, right, strict=True))
    missing = sum(a == NOTHING and b != NOTHING for a, b in zip(mine, right, strict=True))
    raise Wrong("labels-differ", f"thiếu {missing} nhãn, thừa {extra} nhãn", f"{missing} labels missing, {extra} too many", **shown)  # fmt: skip


def decoded(labels: list[int]) -> str:
    """The text that is taught, runs joined by an ellipsis."""
    runs: list[list[int]] = [[]]
    for label in labels:
        if label != NOTHING:
            runs[-1].append(label)
        elif runs[-1]:
            runs.append([])
    return " … ".join(TOKENIZER.decode(run) for run in runs if run)

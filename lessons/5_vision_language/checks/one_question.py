"""Conversations about one or two pictures; what each way to cut them wrongly gives is computed."""

import copy
from random import Random
from typing import Any

from smolcourse.course.checking import Mine, Wrong, blame

Row = dict[str, Any]
SAID = {
    "earlier-turns-kept": ("câu hỏi sau vẫn mang theo các lượt trước: câu trả lời trong đó để lộ đáp án", "later questions still bring the earlier turns along, and the answers in them give theirs away"),
    "picture-only-once": ("chỉ câu đầu có ảnh: những câu sau hỏi về một bức ảnh không ai thấy", "only the first question has its pictures: the others ask about what nobody sees"),
    "images-lost": ("các hàng sau thiếu images: có chỗ cho ảnh mà không có ảnh", "later rows lack images: there are places, and no pictures"),
    "images-emptied": ("các hàng sau có images rỗng, dù vẫn có chỗ cho ảnh", "later rows have an empty images, though there are places for pictures"),
    "one-picture-of-two": ("mỗi câu chỉ còn một ảnh; cuộc trò chuyện có hai", "each question keeps one picture; the conversation has two"),
    "system-lost": ("lượt system biến mất", "the system turn is gone"),
    "system-once": ("chỉ câu đầu còn lượt system", "only the first question keeps the system turn"),
    "picture-behind": ("ảnh đứng sau câu hỏi; khi chấm, ảnh đứng trước: mô hình phải học đúng thứ tự nó sẽ gặp", "pictures stand behind the question; the test puts them before it: train on the order that will be asked"),
    "first-question-only": ("chỉ còn câu hỏi đầu; những câu khác mất cả", "only the first question is left; the others are gone"),
    "answers-lost": ("không còn câu trả lời: chẳng có gì để học", "the answers are gone: there is nothing to learn"),
    "differs": ("các hàng không khớp", "the rows differ"),
}  # fmt: skip


def check(mine: Mine, rng: Random) -> None:
    for pictures, system in ((1, False), (2, True), (1, True), (2, False)):
        row = draw(rng, pictures, system)
        got = mine.one_question_rows(row)
        if not isinstance(got, list) or not all(isinstance(one, dict) for one in got):
            raise Wrong("not-a-list", "phải trả về danh sách các hàng", "return a list of rows", got=got)
        answers = ways(row)
        bare = [{**one, "images": row["images"] if place == 0 else []} for place, one in enumerate(answers["picture-only-once"])]
        if got == bare:
            raise Wrong("picture-only-once", *SAID["picture-only-once"], got=got, wanted=answers["right"])
        blame(got, answers, SAID)


def draw(rng: Random, pictures: int, system: bool) -> Row:
    shapes, colours = ["circle", "rectangle", "triangle"], ["red", "teal", "gray", "blue"]
    messages: list[Row] = [{"role": "system", "content": [said("Trả lời một từ.")]}] if system else []
    for number in range(rng.randint(2, 4)):
        shown = [{"type": "image"} for _ in range(pictures)] if number == 0 else []
        messages.append({"role": "user", "content": [*shown, said(f"what colour is {rng.choice(shapes)} {number}?")]})
        messages.append({"role": "assistant", "content": [said(rng.choice(colours))]})
    return {"messages": messages, "images": [f"{rng.randrange(1000)}.png" for _ in range(pictures)]}


def said(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def ways(row: Row) -> dict[str, Any]:
    """The right rows, and those of each known mistake."""
    system = [message for message in row["messages"] if message["role"] == "system"]
    turns = row["messages"][len(system) :]
    pairs = list(zip(turns[::2], turns[1::2], strict=True))
    places = [{"type": "image"} for _ in row["images"]]

    def asked(question: Row, *, shown: bool = True, behind: bool = False, limit: int = 9) -> Row:
        texts = [part for part in question["content"] if part["type"] == "text"]
        seen = places[:limit] if shown else []
        return {"role": "user", "content": [*texts, *seen] if behind else [*seen, *texts]}

    right = [{"messages": [*system, asked(question), answer], "images": row["images"]} for question, answer in pairs]
    later = [{**one, "images": []} for one in right[1:]]
    bare = [{"messages": one["messages"]} for one in right[1:]]
    found: dict[str, Any] = {
        "right": right,
        "earlier-turns-kept": [
            {"messages": row["messages"][: len(system) + 2 * number], "images": row["images"]}
            for number in range(1, len(pairs) + 1)
        ],
        "picture-only-once": [
            {"messages": [*system, asked(question, shown=number == 0), answer], "images": row["images"]}
            for number, (question, answer) in enumerate(pairs)
        ],
        "images-lost": [*right[:1], *bare],
        "images-emptied": [*right[:1], *later],
        "picture-behind": [
            {"messages": [*system, asked(question, behind=True), answer], "images": row["images"]} for question, answer in pairs
        ],
        "first-question-only": right[:1],
        "answers-lost": [{"messages": one["messages"][:-1], "images": row["images"]} for one in right],
    }
    if len(places) > 1:
        found["one-picture-of-two"] = [
            {"messages": [*system, asked(question, limit=1), answer], "images": row["images"]} for question, answer in pairs
        ]
    if system:
        found["system-lost"] = [{**one, "messages": one["messages"][1:]} for one in right]
        found["system-once"] = [*right[:1], *({**one, "messages": one["messages"][1:]} for one in right[1:])]
    return copy.deepcopy(found)

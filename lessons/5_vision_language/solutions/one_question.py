"""Every question gets the pictures and the system turn anew."""

from typing import Any


def one_question_rows(row: dict[str, Any]) -> list[dict[str, Any]]:
    system = [message for message in row["messages"] if message["role"] == "system"]
    turns = row["messages"][len(system) :]
    rows = []
    for question, answer in zip(turns[::2], turns[1::2], strict=True):
        texts = [part for part in question["content"] if part["type"] == "text"]
        shown = {"role": "user", "content": [*({"type": "image"} for _ in row["images"]), *texts]}
        rows.append({"messages": [*system, shown, answer], "images": list(row["images"])})
    return rows

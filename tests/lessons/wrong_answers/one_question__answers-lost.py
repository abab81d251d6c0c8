from typing import Any


def one_question_rows(row: dict[str, Any]) -> list[dict[str, Any]]:
    system = [message for message in row["messages"] if message["role"] == "system"]
    turns = row["messages"][len(system) :]
    rows = []
    for question in turns[::2]:
        texts = [part for part in question["content"] if part["type"] == "text"]
        shown = {"role": "user", "content": [*({"type": "image"} for _ in row["images"]), *texts]}
        rows.append({"messages": [*system, shown], "images": list(row["images"])})
    return rows

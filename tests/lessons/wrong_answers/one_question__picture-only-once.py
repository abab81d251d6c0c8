from typing import Any


def one_question_rows(row: dict[str, Any]) -> list[dict[str, Any]]:
    system = [message for message in row["messages"] if message["role"] == "system"]
    turns = row["messages"][len(system) :]
    rows = []
    for question, answer in zip(turns[::2], turns[1::2], strict=True):
        rows.append({"messages": [*system, question, answer], "images": list(row["images"])})
    return rows
